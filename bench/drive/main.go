// Command drive measures what a turn costs parley: the CPU time of a complete, recorded
// turn beside hey's plain POST, the memory of users who wait, and whether a turn costs the
// same among many conversations as among few. It goes through the engine as parley load does; the bot is a
// process of its own, whose work is not counted.
//
//	go run ./bench/drive -run turn,waiting -seconds 10 -json
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
	"slices"
	"strings"

	"parley/bench/rig"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "drive:", err)
		os.Exit(1)
	}
}

// The hidden first arguments by which the program starts itself again.
const (
	asBot       = "bot"
	asServer    = "server"
	asGenerator = "generator"
)

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case asGenerator:
			return rig.Generate(ctx, in, out)
		case asBot:
			return (&rig.Bot{Address: "127.0.0.1:" + args[1], API: os.Getenv("EVOLUTION_API_URL"), Key: os.Getenv("EVOLUTION_API_KEY"), Senders: 64}).Serve()
		case asServer:
			return (&rig.Bot{Address: args[1]}).Serve()
		}
	}
	flags := flag.NewFlagSet("drive", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "write the figures as JSON")
	names := flags.String("run", strings.Join(caseNames(), ","), "cases to run")
	b := bench{dir: ""}
	flags.IntVar(&b.seconds, "seconds", 10, "length of each measurement")
	flags.IntVar(&b.rounds, "rounds", 3, "how often peers and turn take turns, if both are run; the round with the median ratio counts")
	flags.IntVar(&b.connections, "connections", 64, "users who speak at once, and connections of the peers")
	flags.BoolVar(&b.pin, "pin", true, "give the generators one core and the bot another, where there are two")
	flags.BoolVar(&b.keep, "keep", false, "keep the records, and say where they are")
	flags.BoolVar(&b.profile, "profile", false, "profile the generator, whose figures are then not quite its own; implies -keep")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if b.seconds < 3 {
		return errors.New("-seconds: a measurement takes at least 3")
	}
	b.rounds = max(1, b.rounds)
	chosen := strings.Split(*names, ",")
	for _, name := range chosen {
		if !slices.Contains(caseNames(), name) {
			return fmt.Errorf("-run: no case is called %q; there are %s", name, strings.Join(caseNames(), ", "))
		}
	}
	b.keep = b.keep || b.profile
	b.progress = os.Stderr
	results, err := b.measure(ctx, chosen)
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
