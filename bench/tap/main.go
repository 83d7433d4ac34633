// Command tap measures what a tap adds to the wire between a bot and its PostgreSQL, its Redis or a service over HTTP: latency,
// processor time and throughput, recording included, beside a connection without anything in between, PgBouncer, nginx and
// toxiproxy. Servers, taps, peers and the generator are processes of their own; nothing leaves loopback.
//
//	go run ./bench/tap -rounds 9 -connections 1,16 -json
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "tap:", err)
		os.Exit(1)
	}
}

// The hidden first arguments by which the program starts itself again.
const (
	asTap    = "tap"
	asLoad   = "load"
	asOrigin = "origin"
)

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case asTap:
			return stand(ctx, in, out)
		case asLoad:
			return generate(ctx, in, out)
		case asOrigin:
			return origin(in, out)
		}
	}
	flags := flag.NewFlagSet("tap", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "write the figures as JSON")
	connections := flags.String("connections", "1,16,64", "how many connections ask at once, in turn; 1 and 16 make the headlines")
	protocols := flags.String("run", "postgres,redis,http", "protocols to measure")
	b := bench{progress: os.Stderr}
	flags.IntVar(&b.rounds, "rounds", 9, "how often each contender has its turn; medians are told")
	flags.DurationVar(&b.length, "length", 500*time.Millisecond, "length of each turn")
	flags.StringVar(&b.profile, "profile", "", "folder for CPU profiles of the taps, whose figures are then not quite their own")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for text := range strings.SplitSeq(*connections, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 200 {
			return fmt.Errorf("-connections: %q is not a number from 1 to 200", text)
		}
		b.connections = append(b.connections, n)
	}
	for name := range strings.SplitSeq(*protocols, ",") {
		if name != "postgres" && name != "redis" && name != "http" {
			return fmt.Errorf("-run: no protocol is called %q; there are postgres, redis and http", name)
		}
		b.protocols = append(b.protocols, name)
	}
	if b.rounds < 1 || b.length < 100*time.Millisecond {
		return errors.New("-rounds: at least 1; -length: at least 100ms")
	}
	results, err := b.measure(ctx)
	if err != nil {
		return err
	}
	if *asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(results)
	}
	return results.write(out)
}
