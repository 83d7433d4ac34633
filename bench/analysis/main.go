// Command analysis measures how long parley report takes to read, analyse and lay out a run,
// and how much memory, for a run of a hundred thousand turns and one of a million, with
// five calls a turn. The records are made up, and written as a run writes them.
//
//	go run ./bench/analysis -json
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
	"path/filepath"
	"text/tabwriter"
	"time"

	"parley/bench/rig"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "analysis:", err)
		os.Exit(1)
	}
}

// results are what reports of two runs took, the larger factor times the smaller.
type results struct {
	// Linearity is the CPU time a turn of the larger run took over that of the smaller: 1 is linear.
	Linearity float64 `json:"linearity"`
	Small     report  `json:"small"`
	Large     report  `json:"large"`
}

// report is what parley report took.
type report struct {
	Turns   int     `json:"turns"`
	Calls   int     `json:"calls"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"`
	RSSMB   float64 `json:"rss_mb"` // at most
	PageMB  float64 `json:"page_mb"`
	Record  float64 `json:"record_mb"`
	// Writing is how long making the record took, in seconds, its compaction included.
	Writing float64 `json:"writing_seconds"`
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("analysis", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "write the figures as JSON")
	turns := flags.Int("turns", 1_000_000, "turns of the larger run; the smaller has a tenth")
	calls := flags.Int("calls", 5, "calls of a turn")
	binary := flags.String("parley", "", "the program to measure; built from this module if empty")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *turns < 1000 || *calls < 0 {
		return errors.New("-turns is at least 1,000, and -calls not negative")
	}
	dir, err := os.MkdirTemp("", "bench-analysis-")
	if err != nil {
		return fmt.Errorf("make a folder for the records: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if *binary == "" {
		*binary = filepath.Join(dir, "parley")
		build := []string{"go", "build", "-trimpath", "-ldflags=-s -w", "-o", *binary, "parley/cmd/parley"}
		if _, _, err := (rig.Command{Args: build, Core: -1}).Run(ctx); err != nil {
			return err
		}
	}
	var r results
	if r.Small, err = measure(ctx, *binary, filepath.Join(dir, "small"), *turns/10, *calls); err != nil {
		return err
	}
	if r.Large, err = measure(ctx, *binary, filepath.Join(dir, "large"), *turns, *calls); err != nil {
		return err
	}
	r.relate()
	if *asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	return r.write(out)
}

// measure makes a record and has it reported.
func measure(ctx context.Context, binary, dir string, turns, calls int) (report, error) {
	_, _ = fmt.Fprintf(os.Stderr, "%d turns ...\n", turns)
	began := time.Now()
	if err := write(ctx, dir, turns, calls); err != nil {
		return report{}, err
	}
	r := report{Turns: turns, Calls: turns * calls, Writing: time.Since(began).Seconds()}
	for _, name := range []string{"turns", "replies", "calls", "series"} {
		if info, err := os.Stat(filepath.Join(dir, name+".parquet")); err == nil {
			r.Record += float64(info.Size()) / 1e6
		}
	}
	began = time.Now()
	page, used, err := rig.Command{Args: []string{binary, "report", dir, "--format", "html"}, Core: -1}.Run(ctx)
	if err != nil {
		return report{}, err
	}
	r.Seconds = time.Since(began).Seconds()
	r.CPU, r.RSSMB, r.PageMB = used.CPU.Seconds(), float64(used.PeakRSS)/1e6, float64(len(page))/1e6
	return r, nil
}

// relate compares the two runs. The start of the program counts to both, and so makes a turn of the smaller
// run dearer by a few per cent.
func (r *results) relate() {
	if r.Small.CPU > 0 && r.Large.Turns > 0 {
		r.Linearity = r.Large.CPU / float64(r.Large.Turns) / (r.Small.CPU / float64(r.Small.Turns))
	}
}

func (r *results) write(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "turns\tcalls\trecord, MB\tseconds\tCPU, s\tmemory at most, MB\tpage, MB\twriting it, s\t") // errors surface in Flush
	for _, one := range []report{r.Small, r.Large} {
		_, _ = fmt.Fprintf(t, "%d\t%d\t%.1f\t%.2f\t%.2f\t%.0f\t%.2f\t%.1f\t\n",
			one.Turns, one.Calls, one.Record, one.Seconds, one.CPU, one.RSSMB, one.PageMB, one.Writing)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nCPU a turn, the larger run to the smaller: %.2f\n", r.Linearity)
	return err
}
