package wires

import (
	"cmp"
	"slices"
	"time"

	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// gapBetween is the most of the bot's own time before a call that goes with the call: making it and taking its answer in. What is
// longer is work of another kind.
const gapBetween = 5 * time.Millisecond

// group is the turns that show the same thing, and the calls in each that do.
type group struct {
	wire, operation, named string
	turns                  []int
	shown                  map[int][]int
	spare                  map[int][]int // those of the calls shown that need not be made
	trips                  map[int]int   // flights of the calls shown
}

// of returns the group of a call's operation.
func of(groups map[string]*group, c *anatomy.TurnCall) *group {
	key := c.Wire + "\x00" + c.Operation
	g := groups[key]
	if g == nil {
		g = &group{wire: c.Wire, operation: c.Operation, named: diagnose.Named(c), shown: map[int][]int{}, spare: map[int][]int{}, trips: map[int]int{}}
		groups[key] = g
	}
	return g
}

// add notes the calls of a turn, by its place.
func (g *group) add(turn int, calls []int) {
	if _, again := g.shown[turn]; !again {
		g.turns = append(g.turns, turn)
	}
	g.shown[turn] = append(g.shown[turn], calls...)
}

// addRun notes trips of a turn of which one is needed, the first.
func (g *group) addRun(turn int, run []trip) {
	g.add(turn, callsOf(run))
	g.trips[turn] += len(run)
	g.spare[turn] = append(g.spare[turn], callsOf(run[1:])...)
}

// ordered are the groups, those of the most turns first.
func ordered(groups map[string]*group) []*group {
	out := make([]*group, 0, len(groups))
	for _, g := range groups {
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b *group) int {
		return cmp.Or(cmp.Compare(len(b.turns), len(a.turns)), cmp.Compare(a.wire, b.wire), cmp.Compare(a.operation, b.operation))
	})
	return out
}

// seconds is a time given in them.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
