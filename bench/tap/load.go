package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// order is what a process that generates load is told.
type order struct {
	URL         string
	Proxy       string // address of a forward proxy that leads there, empty for none
	Connections int
	Length      time.Duration
}

// round is what it measured.
type round struct {
	Exchanges int // that were timed
	All       int // those before and after them, too
	Length    time.Duration
	P50, P99  time.Duration
}

// asker is one connection that makes the same exchange again and again.
type asker interface {
	// ask makes one exchange.
	ask() error
	io.Closer
}

// generate is the body of a process that generates load: each connection asks again as soon as it is answered. What comes in the
// first tenth is not counted.
func generate(ctx context.Context, in io.Reader, out io.Writer) error {
	var o order
	if err := json.NewDecoder(in).Decode(&o); err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	askers := make([]asker, o.Connections)
	for i := range askers {
		var err error
		if askers[i], err = dial(ctx, o.URL, o.Proxy); err != nil {
			return err
		}
		defer func() { _ = askers[i].Close() }() // the process ends
	}
	waits, all, failures := make([][]time.Duration, len(askers)), make([]int, len(askers)), make([]error, len(askers))
	begin := time.Now().Add(o.Length / 10)
	end := begin.Add(o.Length)
	var asking sync.WaitGroup
	for i, a := range askers {
		asking.Go(func() { waits[i], all[i], failures[i] = again(a, begin, end) })
	}
	asking.Wait()
	if err := errors.Join(failures...); err != nil {
		return err
	}
	r := sum(slices.Concat(waits...), o.Length)
	for _, n := range all {
		r.All += n
	}
	return json.NewEncoder(out).Encode(r)
}

// again asks until the end, and returns how long each answer took and how many there were in all.
func again(a asker, begin, end time.Time) (waits []time.Duration, all int, err error) {
	waits = make([]time.Duration, 0, 1<<16)
	for {
		all++
		before := time.Now()
		if err := a.ask(); err != nil {
			return nil, all, err
		}
		after := time.Now()
		if after.After(end) {
			return waits, all, nil
		}
		if before.After(begin) {
			waits = append(waits, after.Sub(before))
		}
	}
}

func sum(waits []time.Duration, length time.Duration) round {
	slices.Sort(waits)
	r := round{Exchanges: len(waits), Length: length}
	if len(waits) > 0 {
		r.P50, r.P99 = waits[len(waits)/2], waits[len(waits)*99/100]
	}
	return r
}

func dial(ctx context.Context, server, proxy string) (asker, error) {
	u, err := url.Parse(server)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	switch u.Scheme {
	case "http":
		return dialHTTP(ctx, u, proxy)
	case "redis":
	default:
		return dialPostgres(ctx, server)
	}
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	return &getter{Conn: c, buffer: make([]byte, 4096)}, nil
}

// errWrong: there was an answer, but not to what was asked.
var errWrong = errors.New("that is not the answer")

// The data both servers hold: customers by their number, and the name the generator asks for.
const (
	customerNumber = "999000000000042"
	customerName   = "a name of a usual length"
)

// getter asks Redis for one value.
type getter struct {
	net.Conn
	buffer []byte
}

func (g *getter) ask() error {
	const command = "*2\r\n$3\r\nGET\r\n$24\r\ncustomer:" + customerNumber + "\r\n"
	const answer = "$24\r\n" + customerName + "\r\n"
	if _, err := io.WriteString(g.Conn, command); err != nil {
		return err
	}
	got, err := io.ReadFull(g.Conn, g.buffer[:len(answer)])
	if err == nil && string(g.buffer[:got]) != answer {
		err = errWrong
	}
	if err != nil {
		return fmt.Errorf("GET was answered %q: %w", g.buffer[:got], err)
	}
	return nil
}

// selecter asks PostgreSQL for one row by a prepared statement.
type selecter struct {
	net.Conn
	request, buffer []byte
}

const statement = "SELECT name FROM customers WHERE phone = $1"

func dialPostgres(ctx context.Context, server string) (asker, error) {
	c, err := pgconn.Connect(ctx, server)
	if err != nil {
		return nil, err
	}
	if _, err := c.Prepare(ctx, "s", statement, nil); err != nil {
		return nil, err
	}
	raw, err := c.Hijack()
	if err != nil {
		return nil, err
	}
	bind := "\x00s\x00\x00\x00\x00\x01" + string(binary.BigEndian.AppendUint32(nil, uint32(len(customerNumber)))) + customerNumber + "\x00\x00"
	request := binary.BigEndian.AppendUint32([]byte{'B'}, uint32(len(bind)+4))
	request = append(append(request, bind...), "E\x00\x00\x00\x09\x00\x00\x00\x00\x00S\x00\x00\x00\x04"...)
	return &selecter{Conn: raw.Conn, request: request, buffer: make([]byte, 4096)}, nil
}

func (s *selecter) ask() error {
	// BindComplete, DataRow of one column, CommandComplete, ReadyForQuery
	const answer = 5 + (5 + 2 + 4 + len(customerName)) + (5 + len("SELECT 1") + 1) + 6
	if _, err := s.Write(s.request); err != nil {
		return err
	}
	got, err := io.ReadFull(s.Conn, s.buffer[:answer])
	if err == nil && (s.buffer[0] != '2' || s.buffer[answer-1] != 'I') {
		err = errWrong
	}
	if err != nil {
		return fmt.Errorf("the statement was answered %q: %w", s.buffer[:got], err)
	}
	return nil
}
