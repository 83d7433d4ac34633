package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
)

// write tells people.
func (f *figures) write(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(cells string, args ...any) { _, _ = fmt.Fprintf(t, cells+"\n", args...) } // errors surface in Flush
	line("load\t%.0f conversations open, %.1f turns under way", f.Conversations, f.Waiting)
	line("calls of turns\t%d", f.Calls)
	line("attributed\t%.2f %%", 100*f.Attributed)
	line("of those rightly\t%.2f %%", 100*f.Right)
	line("without an identity\t%d\tattributed %d\trightly %d", f.Unnamed.Calls, f.Unnamed.Tied, f.Unnamed.Right)
	line("by the longest waiting\t%.2f %%\tof those rightly %.2f %%", 100*f.LongestWaiting.Attributed, 100*f.LongestWaiting.Right)
	line("by chance among the waiting\t%.2f %%\tof those rightly %.2f %%", 100*f.Random.Attributed, 100*f.Random.Right)
	line("the bot's own time, alone\t%.2f %% of %d gaps within 2 ms or 5 %%", 100*f.GapsWithin, f.Gaps)
	line("not of turns\t%d, of which %d were tied to one", f.Background, f.BackgroundTied)
	line("drivers' own calls in turns\t%d, %.2f %% attributed", f.Upkeep, 100*f.UpkeepAttributed)
	line("left out\t%d calls and %d users that the log cannot name, %d calls of the log not in the record", f.Unknown, f.UnknownUsers, f.Unmatched)
	for _, table := range []struct {
		title string
		rows  map[string]*tally
	}{{"wire", f.Wires}, {"way", f.Ways}, {"missed or wrong", f.Missed}} {
		line("\n%s\tcalls\tattributed\trightly", table.title)
		for _, name := range slices.Sorted(maps.Keys(table.rows)) {
			n := table.rows[name]
			line("%s\t%d\t%d\t%d", name[:min(len(name), 90)], n.Calls, n.Tied, n.Right)
		}
	}
	return t.Flush()
}
