package receptionist

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/internal/record"
)

// played is the record of a short run by one user at a time.
type played struct {
	turns []parley.Turn // in the order in which they were said
	calls []parley.Call // in the order of their starts
}

func readPlayed(t *testing.T, dir string) *played {
	t.Helper()
	reader, err := record.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	p := &played{
		turns: slices.SortedFunc(reader.Turns(), func(a, b parley.Turn) int { return int(a.Sent - b.Sent) }),
		calls: slices.SortedFunc(reader.Calls(), func(a, b parley.Call) int { return int(a.Start - b.Start) }),
	}
	if err := reader.Err(); err != nil {
		t.Fatal(err)
	}
	p.turns = slices.DeleteFunc(p.turns, func(turn parley.Turn) bool { return turn.Phase != string(parley.Solo) || turn.Outcome == parley.Cut })
	if len(p.turns) == 0 {
		t.Fatal("no turns")
	}
	return p
}

// of are the calls of one of the turns.
func (p *played) of(turn int) []parley.Call {
	return slices.DeleteFunc(slices.Clone(p.calls), func(c parley.Call) bool { return c.Turn != p.turns[turn].ID })
}

// most holds the median over the turns of what is counted in each against the least of it that shows a fault.
func (p *played) most(what string, least int, number func(turn []parley.Call) int) (string, bool) {
	var counts []int
	for turn := range p.turns {
		counts = append(counts, number(p.of(turn)))
	}
	slices.Sort(counts)
	middle := counts[len(counts)/2]
	return fmt.Sprintf("%s a turn: %d (median of %v)", what, middle, counts), middle >= least
}

// share: in at least half of the turns.
func (p *played) share(what string, n int) (string, bool) {
	return fmt.Sprintf("%s: %d of %d turns", what, n, len(p.turns)), 2*n >= len(p.turns)
}

// longer holds the median duration of an operation against one that shows a fault. What the healthy bot never asks for takes no time.
func (p *played) longer(what, operation string, least time.Duration) (string, bool) {
	var took []time.Duration
	for turn := range p.turns {
		for _, c := range only(p.of(turn), operation) {
			took = append(took, c.Duration())
		}
	}
	if len(took) < len(p.turns)/2 {
		return "no " + what, false
	}
	_, middle, _ := spread(took)
	return fmt.Sprintf("%s: %v (median)", what, middle), middle >= least
}

// within: in half of the turns, a call to another service happens between two statements on one connection that come one after the other
// but for what else the transaction did.
func (p *played) within(first, call, last string) (string, bool) {
	n := 0
	for turn := range p.turns {
		calls := p.of(turn)
		n += min(1, counted(only(calls, call), func(c *parley.Call) bool {
			return slices.ContainsFunc(calls, func(begin parley.Call) bool {
				if !strings.HasPrefix(begin.Operation, first) || begin.End > c.Start {
					return false
				}
				ends := only(p.calls, last)
				end := slices.IndexFunc(ends, func(end parley.Call) bool { return end.Conn == begin.Conn && end.Start > begin.Start })
				return end >= 0 && ends[end].Start >= c.End
			})
		}))
	}
	return p.share(fmt.Sprintf("%s between %s and %s", call, first, last), n)
}

// only are the calls whose operation begins so.
func only(calls []parley.Call, operation string) []parley.Call {
	return slices.DeleteFunc(slices.Clone(calls), func(c parley.Call) bool { return !strings.HasPrefix(c.Operation, operation) })
}

func counted(calls []parley.Call, fits func(c *parley.Call) bool) (n int) {
	for i := range calls {
		if fits(&calls[i]) {
			n++
		}
	}
	return n
}

// flights is the number of round trips of calls, distinct that of different things asked for.
func flights(calls []parley.Call) int {
	seen := map[int64]bool{}
	for _, c := range calls {
		seen[c.Flight] = true
	}
	return len(seen)
}

func distinct(calls []parley.Call) int {
	seen := map[uint64]bool{}
	for _, c := range calls {
		seen[c.Content] = true
	}
	return len(seen)
}
