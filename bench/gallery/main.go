// Command gallery plants faults in a bot and asks whether parley names the one that hurts most.
//
// The truth of a case is measured, not declared: each fault is removed in turn, and the one whose removal wins most at the 95th
// percentile of the replies, or in messages answered, is the top cause. A fault that wins less than a fifth does not count. Beside parley stand
// three who look at less: one who blames a check at random, one who always blames the language model, one who blames the
// slowest operation. Healthy bots, and decoys that cost the user nothing, must not be blamed.
//
// It takes about half a minute a run and an hour in all. What was played is kept in -dir, and not played again.
//
//	go run ./bench/gallery -dir /tmp/gallery -run n_plus_one,healthy -json
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
	"text/tabwriter"
	"time"

	"parley/bench/rig"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "gallery:", err)
		os.Exit(1)
	}
}

// asGenerator is the hidden first argument by which the program starts itself again.
const asGenerator = "generator"

// errEnough ends the gallery when its time is up.
var errEnough = errors.New("the time is up")

// bench is what was asked for.
type bench struct {
	bot          string // the folder of the receptionist
	dir          string // of what was played
	perHour      int    // conversations
	solo, steady time.Duration
	again        bool // look again at what was played
	until        time.Time
	progress     io.Writer
}

// stop reports whether no further run may begin.
func (g *bench) stop() bool { return !g.until.IsZero() && time.Now().After(g.until) }

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) > 0 && args[0] == asGenerator {
		return rig.Generate(ctx, in, out)
	}
	g := bench{progress: os.Stderr}
	flags := flag.NewFlagSet("gallery", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "write the figures as JSON")
	names := flags.String("run", "", "cases to play, by their names or parts of them, separated by commas; all if empty")
	seed := flags.Int("seed", 1, "of the users and their words")
	limit := flags.Duration("for", 0, "begin no further run after this time; 0: play all")
	flags.StringVar(&g.bot, "bot", "examples/receptionist", "folder of the bot")
	flags.StringVar(&g.dir, "dir", ".parley/gallery", "keep what was played in this `folder`, and do not play it again")
	flags.IntVar(&g.perHour, "per-hour", 10800, "conversations an hour in the second half of the steady load")
	flags.DurationVar(&g.solo, "solo", 10*time.Second, "length of the phase with one user")
	flags.DurationVar(&g.steady, "steady", 20*time.Second, "length of the load that is judged")
	flags.BoolVar(&g.again, "again", false, "diagnose again what was played, with the checks as they are now")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *limit > 0 {
		g.until = time.Now().Add(*limit)
	}
	if err := os.MkdirAll(g.dir, 0o750); err != nil {
		return fmt.Errorf("make the folder of the gallery: %w", err)
	}
	var verdicts []verdict
	for _, c := range chosen(gallery(), *names) {
		v, err := g.judge(ctx, c, *seed+c.seed)
		if errors.Is(err, errEnough) {
			break
		}
		if err != nil {
			return err
		}
		verdicts = append(verdicts, v)
	}
	f := score(verdicts)
	if *asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(f)
	}
	return f.write(out)
}

// chosen are the cases of the names given, each whole or a part of several; all if there are none.
func chosen(all []gallerycase, parts string) []gallerycase {
	if parts == "" {
		return all
	}
	var out []gallerycase
	for part := range strings.SplitSeq(parts, ",") {
		exact := slices.IndexFunc(all, func(c gallerycase) bool { return c.name == part })
		for i, c := range all {
			if i == exact || exact < 0 && strings.Contains(c.name, part) {
				out = append(out, c)
			}
		}
	}
	return out
}

// figures are what the gallery comes to. Shares are between 0 and 1.
type figures struct {
	Faults        int       `json:"faults"` // cases in which a fault hurts
	Harmless      int       `json:"harmless"`
	Top1          float64   `json:"top1"`
	Top3          float64   `json:"top3"`
	HealthyRuns   int       `json:"healthy_runs"`
	HealthyClean  int       `json:"healthy_clean"`
	Decoys        int       `json:"decoys"`
	DecoysBlamed  int       `json:"decoys_blamed"`
	RandomTop1    float64   `json:"random_top1"`
	BlameLLMTop1  float64   `json:"blame_llm_top1"`
	BlameSlowTop1 float64   `json:"blame_slowest_top1"`
	Cases         []verdict `json:"cases"`
}

func score(all []verdict) figures {
	f := figures{Cases: all}
	count := func(yes bool) float64 {
		if yes {
			return 1
		}
		return 0
	}
	for i := range all {
		v := &all[i]
		f.Decoys += len(v.Decoys)
		f.DecoysBlamed += len(v.Blamed)
		switch {
		case len(v.Faults) == 0:
			f.HealthyRuns++
			f.HealthyClean += int(count(v.Clean))
		case !v.Hurts:
			f.Harmless++
		default:
			f.Faults++
			f.Top1 += count(v.Top1)
			f.Top3 += count(v.Top3)
			f.RandomTop1 += v.Random
			f.BlameLLMTop1 += count(v.Model)
			f.BlameSlowTop1 += count(v.Slowest)
		}
	}
	if f.Faults > 0 {
		for _, sum := range []*float64{&f.Top1, &f.Top3, &f.RandomTop1, &f.BlameLLMTop1, &f.BlameSlowTop1} {
			*sum /= float64(f.Faults)
		}
	}
	return f
}

func (f *figures) write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(format string, a ...any) { _, _ = fmt.Fprintf(w, format+"\n", a...) } // Flush tells
	for i := range f.Cases {
		v := &f.Cases[i]
		var right string
		switch {
		case len(v.Faults) == 0 && v.Clean:
			right = "clean"
		case len(v.Faults) == 0:
			right = "NOT CLEAN"
		case !v.Hurts:
			right = "harmless"
		case v.Top1:
			right = "top 1"
		case v.Top3:
			right = "top 3"
		default:
			right = "MISSED"
		}
		var truth []string
		for _, name := range v.Truth {
			truth = append(truth, fmt.Sprintf("%s %.0f %%", name, 100*v.Gains[name]))
		}
		line("%s\t%s\tp95 %.2f s\t%s\tnamed %s\t%s", v.Case, right, v.P95, strings.Join(truth, ", "), strings.Join(v.Named, ", "), v.Invalid)
	}
	line("")
	line("top 1\t%.0f %%\tof %d cases with a fault that hurts (%d harmless)", 100*f.Top1, f.Faults, f.Harmless)
	line("top 3\t%.0f %%", 100*f.Top3)
	line("blame at random\t%.0f %%", 100*f.RandomTop1)
	line("blame the model\t%.0f %%", 100*f.BlameLLMTop1)
	line("blame the slowest\t%.0f %%", 100*f.BlameSlowTop1)
	line("healthy, without a finding\t%d of %d", f.HealthyClean, f.HealthyRuns)
	line("decoys blamed\t%d of %d", f.DecoysBlamed, f.Decoys)
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write the figures: %w", err)
	}
	return nil
}
