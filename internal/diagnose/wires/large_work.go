package wires

import (
	"time"

	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// leastWait is the shortest of the bot's own time, beyond what is usual when nobody stands in the way, that is looked at as a wait.
const leastWait = 2 * time.Millisecond

// hindrance is what work on large values keeps from other turns: a bot that makes or reads one on its event loop answers nobody else meanwhile.
type hindrance struct {
	waits map[int][]queued // by turn
	work  cover
}

// hindranceOf finds when the bot was at work on the large calls that wanted picks, those after an answer included, and who waited.
func hindranceOf(e *diagnose.Evidence, u usual, wanted func(c *anatomy.TurnCall) bool) hindrance {
	var spells []spell
	for turn := range e.Turns() {
		w := &e.Turns()[turn]
		var large []int
		for i := range w.Calls {
			if wanted(&w.Calls[i]) {
				large = append(large, i)
			}
		}
		for i, l := range u.less(e, turn, large) {
			if l.Gap > 0 {
				begun := w.Spoken + w.Calls[i].Start
				spells = append(spells, spell{begun - l.Gap, begun})
			}
		}
	}
	h := hindrance{waits: map[int][]queued{}, work: merged(spells)}
	if len(spells) == 0 {
		return h
	}
	for _, w := range queuedOf(e, habitOf(e), leastWait) {
		h.waits[w.turn] = append(h.waits[w.turn], w)
	}
	return h
}

// mostlyWork is the part of a wait during which the bot must have been at work for others to be the reason: who waits for something else
// meets such work by chance.
const mostlyWork = 0.7

// add adds to what would go from a turn the waits while the bot was at work for others. Before a call of which own work goes already
// nothing is added: there the two cannot be told apart.
func (h *hindrance) add(turn int, less map[int]anatomy.Less) {
	for _, w := range h.waits[turn] {
		worked := h.work.within(w.from, w.to)
		if l := less[w.call]; l.Gap <= 0 && worked.Seconds() >= mostlyWork*w.lasted().Seconds() {
			l.Gap = worked
			less[w.call] = l
		}
	}
}
