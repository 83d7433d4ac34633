package tap

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// query asks one thing and returns the first value as text.
func query(t *testing.T, url, text string) string {
	t.Helper()
	c, err := pgconn.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	all, err := c.Exec(t.Context(), text).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if len(r.Rows) > 0 {
			return string(r.Rows[0][0])
		}
	}
	return ""
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// TestPgx: prepared statements, a batch, a pipeline with an error in it, a copy.
func TestPgx(t *testing.T) {
	w := tapped(t, shared.postgres.URL())
	c := connect(t, w.url+"?sslmode=disable")
	ctx := t.Context()
	asked := map[string]int{"connect": 1}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.Exec(ctx, "CREATE TEMP TABLE t (id int PRIMARY KEY, name text)")
	must(err)
	asked["CREATE TEMP TABLE t (id int PRIMARY KEY, name text)"]++
	n, err := c.CopyFrom(ctx, pgx.Identifier{"t"}, []string{"id", "name"}, pgx.CopyFromSlice(5000, func(i int) ([]any, error) {
		return []any{i, fmt.Sprint("name ", i)}, nil
	}))
	must(err)
	if n != 5000 {
		t.Errorf("%d rows were copied", n)
	}
	asked[`PREPARE select "id", "name" from "t"`]++
	asked[`copy "t" ( "id", "name" ) from stdin binary`]++
	var batch pgx.Batch
	for i := range 50 {
		batch.Queue("SELECT name FROM t WHERE id = $1", i)
	}
	results := c.SendBatch(ctx, &batch)
	for i := range 50 {
		var name string
		must(results.QueryRow().Scan(&name))
		if name != fmt.Sprint("name ", i) {
			t.Errorf("%d is %q", i, name)
		}
	}
	must(results.Close())
	asked["PREPARE SELECT name FROM t WHERE id = ?"]++
	asked["SELECT name FROM t WHERE id = ?"] += 50
	pipeline(t, c.PgConn())
	asked["SELECT ?"] += 2
	asked["SELECT nonsense (SQLSTATE 42703)"]++
	asked["SELECT ? (skipped after an error)"]++
	must(c.Close(ctx))
	w.exact()
	want(t, w.end(), asked)
}

// pipeline asks four things in two stretches, the second of which of the first is wrong.
func pipeline(t *testing.T, c *pgconn.PgConn) {
	t.Helper()
	p := c.StartPipeline(t.Context())
	ask := func(text string) { p.SendQueryParams(text, nil, nil, nil, nil) }
	ask("SELECT 1")
	ask("SELECT nonsense")
	ask("SELECT 2")
	if err := p.Sync(); err != nil {
		t.Fatal(err)
	}
	ask("SELECT 3")
	if err := p.Sync(); err != nil {
		t.Fatal(err)
	}
	failed, rows := 0, 0
	for {
		got, err := p.GetResults()
		if _, wrong := errors.AsType[*pgconn.PgError](err); wrong {
			failed++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got == nil {
			break
		}
		if reader, ok := got.(*pgconn.ResultReader); ok {
			rows += len(reader.Read().Rows)
		}
	}
	if err := p.Close(); err != nil || failed != 1 || rows != 2 {
		t.Errorf("%d failed, %d rows, %v", failed, rows, err)
	}
}

// TestCancel: a request to cancel takes a connection of its own and reaches the statement.
func TestCancel(t *testing.T) {
	w := tapped(t, shared.postgres.URL())
	c := connect(t, w.url+"?sslmode=disable")
	done := make(chan error, 1)
	go func() {
		_, err := c.PgConn().Exec(context.Background(), "SELECT pg_sleep(60)").ReadAll()
		done <- err
	}()
	until(t, "the statement runs", func() bool {
		return query(t, shared.postgres.URL(), "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'") == "1"
	})
	if err := c.PgConn().CancelRequest(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e, ok := errors.AsType[*pgconn.PgError](<-done); !ok || e.Code != "57014" {
		t.Errorf("it ended with %v", e)
	}
	_ = c.Close(context.Background())
	w.exact()
	want(t, w.end(), map[string]int{"connect": 1, "cancel": 1, "SELECT pg_sleep(?) (SQLSTATE 57014)": 1})
}
