package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"parley/internal/target"
)

// bench measures protocol by protocol.
type bench struct {
	rounds      int
	length      time.Duration
	connections []int
	protocols   []string
	profile     string
	progress    io.Writer
}

func (b *bench) note(format string, args ...any) {
	_, _ = fmt.Fprintf(b.progress, format+"\n", args...)
}

// measure starts servers and what stands before them, and lets them take turns.
func (b *bench) measure(ctx context.Context) (r *results, err error) {
	dir, err := os.MkdirTemp("", "bench-tap-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder of ours in the system's own for such things
	r = &results{Rounds: b.rounds, Length: b.length.String(), Skipped: map[string]string{}}
	b.note("build toxiproxy ...")
	toxi, err := buildToxiproxy(ctx, dir)
	if err != nil {
		r.Skipped[toxiproxy] = err.Error()
	}
	for _, name := range b.protocols {
		switch name {
		case "postgres":
			r.Postgres, err = b.postgres(ctx, dir, toxi, r.Skipped)
		case "redis":
			r.Redis, err = b.redis(ctx, dir, toxi)
		default:
			r.HTTP, err = b.http(ctx, dir, toxi, r.Skipped)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return r, nil
}

func (b *bench) postgres(ctx context.Context, dir, toxi string, skipped map[string]string) (*figures, error) {
	server, err := target.StartPostgres(ctx, target.ServerOptions{Settings: []string{"fsync=off", "max_connections=500"}})
	if err != nil {
		return nil, err
	}
	defer server.Stop(10 * time.Second)
	c, err := pgconn.Connect(ctx, server.URL())
	if err != nil {
		return nil, err
	}
	const data = "CREATE TABLE customers (phone text PRIMARY KEY, name text NOT NULL);" +
		"INSERT INTO customers SELECT '999' || lpad(i::text, 12, '0'), '" + customerName + "' FROM generate_series(1, 1000) i; ANALYZE"
	if _, err := c.Exec(ctx, data).ReadAll(); err != nil {
		return nil, errors.Join(err, c.Close(ctx))
	}
	if err := c.Close(ctx); err != nil {
		return nil, err
	}
	var peers []*contender
	switch peer, err := startPgBouncer(ctx, server, dir); {
	case errors.Is(err, errNotInstalled):
		skipped[pgbouncer] = err.Error()
	case err != nil:
		return nil, err
	default:
		peers = append(peers, peer)
	}
	return b.contest(ctx, "postgres", server.URL(), dir, toxi, peers)
}

func (b *bench) redis(ctx context.Context, dir, toxi string) (*figures, error) {
	server, err := target.StartRedis(ctx, target.ServerOptions{})
	if err != nil {
		return nil, err
	}
	defer server.Stop(10 * time.Second)
	a, err := dial(ctx, server.URL(), "")
	if err != nil {
		return nil, err
	}
	g, ok := a.(*getter)
	if !ok {
		return nil, errors.New("not a connection to Redis")
	}
	set := fmt.Sprintf("SET customer:%s \"%s\"\r\n", customerNumber, customerName)
	if _, err := g.Write([]byte(set)); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(g, make([]byte, len("+OK\r\n"))); err != nil {
		return nil, err
	}
	_ = g.Close() // it has served
	return b.contest(ctx, "redis", server.URL(), dir, toxi, nil)
}

// contest lets all contenders for a server take turns.
func (b *bench) contest(ctx context.Context, name, server, dir, toxi string, peers []*contender) (f *figures, err error) {
	all := []*contender{{name: direct, url: server, stop: func() error { return nil }}}
	all = append(all, peers...)
	defer func() {
		for _, c := range all {
			err = errors.Join(err, c.stop())
		}
	}()
	ours, err := b.startTap(server, dir, name)
	if err != nil {
		return nil, err
	}
	all = append(all, ours)
	if toxi != "" {
		theirs, err := startToxiproxy(ctx, toxi, server, dir, name)
		if err != nil {
			return nil, err
		}
		all = append(all, theirs)
	}
	f = &figures{}
	for _, n := range b.connections {
		b.note("%s, %d connections ...", name, n)
		rounds, err := b.turns(ctx, all, n)
		if err != nil {
			return nil, err
		}
		f.Cells = append(f.Cells, cells(all, rounds, n)...)
	}
	f.headlines()
	return f, nil
}

// taken is a round and the processor time it cost what stood in between.
type taken struct {
	round
	cpu time.Duration
}

// turns lets each contender have its turn in each round; who begins changes, so that none has the better machine.
func (b *bench) turns(ctx context.Context, all []*contender, connections int) (map[string][]taken, error) {
	rounds := map[string][]taken{}
	for i := range b.rounds {
		order := slices.Concat(all[i%len(all):], all[:i%len(all)])
		for _, c := range order {
			before := used(c.pid)
			r, err := b.ask(ctx, c, connections)
			if err != nil {
				return nil, err
			}
			rounds[c.name] = append(rounds[c.name], taken{r, used(c.pid) - before})
		}
	}
	return rounds, nil
}

// lend gives files to an account of the machine.
func lend(account string, paths ...string) error {
	who, err := user.Lookup(account)
	if err != nil {
		return fmt.Errorf("a peer must not run as root: %w", err)
	}
	uid, err := strconv.Atoi(who.Uid)
	if err != nil {
		return fmt.Errorf("a peer must not run as root: %w", err)
	}
	for _, path := range paths {
		if err := os.Chown(path, uid, -1); err != nil {
			return fmt.Errorf("lend %s: %w", path, err)
		}
	}
	return nil
}
