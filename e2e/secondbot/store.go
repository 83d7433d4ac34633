package secondbot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// schema is the clinic's. Whoever writes for the first time brings the appointments of years: the records of the practice's former system.
const schema = `
CREATE TABLE dentista (id bigserial PRIMARY KEY, nome text NOT NULL);
CREATE TABLE paciente (id bigserial PRIMARY KEY, telefone text NOT NULL UNIQUE, nome text NOT NULL, visto timestamptz NOT NULL DEFAULT now());
CREATE TABLE consulta (
	id bigserial PRIMARY KEY, paciente bigint NOT NULL REFERENCES paciente, dentista bigint NOT NULL REFERENCES dentista,
	inicio timestamptz NOT NULL, motivo text NOT NULL
);
CREATE INDEX ON consulta (paciente, inicio DESC);
CREATE TABLE mensagem (
	id bigserial PRIMARY KEY, paciente bigint NOT NULL REFERENCES paciente, origem text NOT NULL, texto text NOT NULL,
	criada timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON mensagem (paciente, id DESC);
INSERT INTO dentista (nome) SELECT unnest(ARRAY['Dra. Ana', 'Dr. Bento', 'Dra. Clara', 'Dr. Davi', 'Dra. Elisa']);
CREATE FUNCTION importa_consultas() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO consulta (paciente, dentista, inicio, motivo)
	SELECT NEW.id, 1 + (NEW.id + n) % 5, now() - n * interval '41 days', (ARRAY['limpeza', 'canal', 'avaliacao'])[1 + n % 3]
	FROM generate_series(1, 30) n;
	RETURN NEW;
END $$;
CREATE TRIGGER novo_paciente AFTER INSERT ON paciente FOR EACH ROW EXECUTE FUNCTION importa_consultas();`

// prepare creates the schema in the empty database at a URL.
func prepare(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("prepare the database: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }() // whatever was written is committed
	if _, err := conn.Exec(ctx, schema); err != nil {
		return fmt.Errorf("prepare the database: %w", err)
	}
	return nil
}

// database is a pool, one connection of it, or a connection of its own.
type database interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// store gives each turn its database.
type store struct {
	url  string
	pool *pgxpool.Pool
	on   defects
}

func openStore(ctx context.Context, url string, on defects) (*store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("open the pool: %w", err)
	}
	config.MaxConns, config.MinConns = 24, 4
	if on[smallPool] {
		config.MaxConns, config.MinConns = 2, 2
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the pool: %w", err)
	}
	return &store{url: url, pool: pool, on: on}, nil
}

// access does something with a database.
type access func(ctx context.Context, do func(db database) error) error

// turn returns how a turn comes by its database, and what it calls when it is over.
func (s *store) turn(ctx context.Context) (with access, release func(), err error) {
	switch {
	case s.on[newConnection]:
		return s.connected, func() {}, nil
	case s.on[smallPool]:
		conn, err := s.pool.Acquire(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("take a connection: %w", err)
		}
		return func(_ context.Context, do func(database) error) error { return do(conn) }, conn.Release, nil
	}
	return func(_ context.Context, do func(database) error) error { return do(s.pool) }, func() {}, nil
}

// connected does something with a connection of its own.
func (s *store) connected(ctx context.Context, do func(db database) error) error {
	conn, err := pgx.Connect(ctx, s.url)
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // whatever was written is committed
	return do(conn)
}

// patient is what the practice knows of somebody.
type patient struct {
	id           int64
	history      []message // the last of the conversation, the oldest first
	appointments []appointment
}

type message struct{ author, text string }

type appointment struct {
	start           time.Time
	reason, dentist string
}

const (
	seen        = `INSERT INTO paciente (telefone, nome) VALUES ($1, $2) ON CONFLICT (telefone) DO UPDATE SET visto = now() RETURNING id`
	lastWords   = `SELECT origem, texto FROM mensagem WHERE paciente = $1 ORDER BY id DESC LIMIT 8`
	visits      = `SELECT c.inicio, c.motivo, d.nome FROM consulta c JOIN dentista d ON d.id = c.dentista WHERE c.paciente = $1 ORDER BY c.inicio DESC LIMIT 30`
	visitIDs    = `SELECT id FROM consulta WHERE paciente = $1 ORDER BY inicio DESC LIMIT 30`
	singleVisit = `SELECT c.inicio, c.motivo, d.nome FROM consulta c JOIN dentista d ON d.id = c.dentista WHERE c.id = $1`
	said        = `INSERT INTO mensagem (paciente, origem, texto) VALUES ($1, 'paciente', $2), ($1, 'clinica', $3)`
)

// patient reads all that a turn needs: who it is, and then the file.
func (s *store) patient(ctx context.Context, with access, phone, name string) (*patient, error) {
	var p patient
	if err := with(ctx, func(db database) error { return db.QueryRow(ctx, seen, phone, name).Scan(&p.id) }); err != nil {
		return nil, fmt.Errorf("find the patient: %w", err)
	}
	if err := with(ctx, func(db database) error { return s.file(ctx, db, &p) }); err != nil {
		return nil, fmt.Errorf("read the patient's file: %w", err)
	}
	return &p, nil
}

// file reads the last words and the appointments, in one flight.
func (s *store) file(ctx context.Context, db database, p *patient) error {
	var batch pgx.Batch
	batch.Queue(lastWords, p.id).Query(func(rows pgx.Rows) (err error) {
		p.history, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (m message, err error) {
			return m, row.Scan(&m.author, &m.text)
		})
		return err
	})
	var ids []int64
	if s.on[nPlusOne] {
		batch.Queue(visitIDs, p.id).Query(func(rows pgx.Rows) (err error) {
			ids, err = pgx.CollectRows(rows, pgx.RowTo[int64])
			return err
		})
	} else {
		batch.Queue(visits, p.id).Query(func(rows pgx.Rows) (err error) {
			p.appointments, err = pgx.CollectRows(rows, scanAppointment)
			return err
		})
	}
	if err := db.SendBatch(ctx, &batch).Close(); err != nil {
		return err
	}
	for _, id := range ids {
		rows, err := db.Query(ctx, singleVisit, id)
		if err != nil {
			return err
		}
		a, err := pgx.CollectExactlyOneRow(rows, scanAppointment)
		if err != nil {
			return err
		}
		p.appointments = append(p.appointments, a)
	}
	return nil
}

func scanAppointment(row pgx.CollectableRow) (a appointment, err error) {
	return a, row.Scan(&a.start, &a.reason, &a.dentist)
}

// keep adds what was said on both sides to the file.
func keep(ctx context.Context, with access, p *patient, words, answer string) error {
	err := with(ctx, func(db database) error {
		_, err := db.Exec(ctx, said, p.id, words, answer)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep what was said: %w", err)
	}
	return nil
}

// summary is the patient's file in words, for the model.
func (p *patient) summary() string {
	var b strings.Builder
	for i, a := range p.appointments {
		if i == 3 {
			break
		}
		fmt.Fprintf(&b, "%s: %s com %s\n", a.start.Format(time.DateOnly), a.reason, a.dentist)
	}
	fmt.Fprintf(&b, "%d consultas ao todo", len(p.appointments))
	return b.String()
}
