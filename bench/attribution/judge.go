package main

import (
	"errors"
	"slices"
	"strings"
	"time"

	"parley"
)

// figures are what comes out. Shares are of calls made on behalf of turns in the judged phase, of which the log knows
// the turn.
type figures struct {
	Attributed float64 `json:"attributed"` // share that has a turn
	Right      float64 `json:"right"`      // share of those whose turn is the true one
	// GapsWithin is the share of the stretches of the bot's own time between two calls of a turn, with one user alone, whose
	// length differs from the log's by 2 ms or 5 % at most; Gaps is how many there were.
	GapsWithin float64 `json:"gaps_within"`
	Gaps       int     `json:"gaps"`

	Calls      int `json:"calls"`      // of turns, judged
	Background int `json:"background"` // in no turn: polls, start-up, probes of health
	// Upkeep are calls that a driver makes in a turn for itself: a connection that is opened, or reset as it goes back to
	// its pool. They are not in Calls; UpkeepAttributed is the share that has a turn.
	Upkeep           int     `json:"upkeep"`
	UpkeepAttributed float64 `json:"upkeep_attributed"`
	BackgroundTied   int     `json:"background_attributed"` // background that was taken for a turn's
	Unknown          int     `json:"unknown"`               // calls of turns that the log cannot name
	UnknownUsers     int     `json:"unknown_users"`
	Unmatched        int     `json:"unmatched_spans"` // calls in the log that are not in the record

	Conversations float64 `json:"conversations"` // open, on average
	Waiting       float64 `json:"waiting"`       // turns under way, on average

	// LongestWaiting and Random are what rules that look at the time alone score on the same calls.
	LongestWaiting rule `json:"longest_waiting"`
	Random         rule `json:"random"`

	Wires map[string]*tally `json:"wires"`
	Ways  map[string]*tally `json:"ways"`
	// Missed are the operations whose calls lack a turn or have a wrong one.
	Missed map[string]*tally `json:"missed"`
	// Unnamed are the calls that were not tied by an identity: those for which there was something to find out.
	Unnamed tally `json:"without_identity"`
	Solo    tally `json:"solo"` // calls of turns with one user alone
}

// rule is what a rule scores: the share of calls it ties to a turn, and the share of those that are right.
type rule struct {
	Attributed float64 `json:"attributed"`
	Right      float64 `json:"right"`
}

// tally counts calls.
type tally struct {
	Calls int `json:"calls"`
	Tied  int `json:"attributed"`
	Right int `json:"right"`
}

func (t *tally) add(c *parley.Call, turn int64) {
	t.Calls++
	if c.Turn != 0 {
		t.Tied++
	}
	if c.Turn == turn {
		t.Right++
	}
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// judge holds the record against the log.
func (e *evidence) judge() (*figures, error) {
	steady, ok := e.phase(parley.Steady)
	if !ok {
		return nil, errors.New("the run has no steady phase")
	}
	solo, _ := e.phase(parley.Solo)
	turnOf, unknown := e.users()
	spans := e.spansOfCalls()
	f := &figures{UnknownUsers: unknown, Wires: map[string]*tally{}, Ways: map[string]*tally{}, Missed: map[string]*tally{}}
	var all, upkeeps tally
	var longest, random rivals
	for i, s := range spans {
		c, turn := &e.calls[i], int64(0)
		if s != nil {
			turn = turnOf[s.Message]
		}
		alone := within(&solo, c.Start)
		switch {
		case !alone && !within(&steady, c.Start):
		case alone && (turn == 0 || upkeep(s, c)):
		case alone:
			f.Solo.add(c, turn)
		case !of(s):
			f.background(c)
		case upkeep(s, c):
			upkeeps.add(c, turn)
		case turn == 0:
			f.Unknown++
		default:
			all.add(c, turn)
			f.sort(c, turn)
			waiting := e.waiting(c.Start)
			longest.add(waiting, turn, true)
			random.add(waiting, turn, false)
		}
	}
	f.Calls, f.Attributed, f.Right = all.Calls, share(all.Tied, all.Calls), share(all.Right, all.Tied)
	f.Upkeep, f.UpkeepAttributed = upkeeps.Calls, share(upkeeps.Tied, upkeeps.Calls)
	f.LongestWaiting, f.Random = longest.rule(), random.rule()
	f.Unmatched = e.unmatched(&steady, spans)
	f.Conversations, f.Waiting = e.crowd(&steady)
	f.Gaps, f.GapsWithin = e.gaps(&solo, spans, turnOf)
	return f, nil
}

// background counts a call of no turn.
func (f *figures) background(c *parley.Call) {
	f.Background++
	if c.Turn != 0 {
		f.BackgroundTied++
	}
}

// sort counts a call of a turn by its wire and the way it was tied, and among those that went wrong.
func (f *figures) sort(c *parley.Call, turn int64) {
	count(f.Wires, wireOf(c)).add(c, turn)
	count(f.Ways, wayOf(c)).add(c, turn)
	if c.By != parley.ByIdentity {
		f.Unnamed.add(c, turn)
	}
	if c.Turn != turn {
		count(f.Missed, wireOf(c)+" "+c.Operation).add(c, turn)
	}
}

// unmatched counts the calls of the log in a phase that are not in the record.
func (e *evidence) unmatched(p *parley.Phase, found []*span) (n int) {
	used := map[*span]bool{}
	for _, s := range found {
		used[s] = true
	}
	for i := range e.spans {
		if s := &e.spans[i]; s.wire() != "" && within(p, s.Start) && !used[s] {
			n++
		}
	}
	return n
}

// of reports whether a call was made in a span for a user.
func of(s *span) bool { return s != nil && s.User != "" }

// upkeep reports whether a driver made a call for itself.
func upkeep(s *span, c *parley.Call) bool {
	if wireOf(c) == "redis" {
		verb, _, _ := strings.Cut(c.Operation, " ")
		return slices.Contains([]string{"AUTH", "HELLO", "CLIENT", "SELECT", "PING", "SCRIPT"}, verb)
	}
	return s.Name == "pg.release" || c.Operation == "connect"
}

func wayOf(c *parley.Call) string {
	if c.By == parley.Unattributed {
		return "none"
	}
	return string(c.By)
}

func count(m map[string]*tally, name string) *tally {
	if m[name] == nil {
		m[name] = &tally{}
	}
	return m[name]
}

// phase returns the first phase of a kind.
func (e *evidence) phase(kind parley.PhaseKind) (parley.Phase, bool) {
	i := slices.IndexFunc(e.run.Phases, func(p parley.Phase) bool { return p.Kind == kind })
	if i < 0 {
		return parley.Phase{}, false
	}
	return e.run.Phases[i], true
}

func within(p *parley.Phase, at time.Duration) bool { return at >= p.Start && at < p.End }

// waiting are the turns under way at a moment, the one that began first before the others.
func (e *evidence) waiting(at time.Duration) (turns []*parley.Turn) {
	for i := range e.turns {
		t := &e.turns[i]
		if t.Sent != parley.None && t.Sent <= at && (t.Ended == parley.None || t.Ended > at) {
			turns = append(turns, t)
		}
	}
	slices.SortFunc(turns, func(a, b *parley.Turn) int { return int(a.Sent - b.Sent) })
	return turns
}

// rivals score a rule that looks at the time alone.
type rivals struct {
	calls, tied int
	right       float64
}

func (r *rivals) add(waiting []*parley.Turn, turn int64, first bool) {
	r.calls++
	if len(waiting) == 0 {
		return
	}
	r.tied++
	at := slices.IndexFunc(waiting, func(t *parley.Turn) bool { return t.ID == turn })
	switch {
	case first && at == 0:
		r.right++
	case !first && at >= 0:
		r.right += 1 / float64(len(waiting)) // what chance gives, without a draw
	}
}

func (r *rivals) rule() rule {
	if r.tied == 0 {
		return rule{}
	}
	return rule{Attributed: share(r.tied, r.calls), Right: r.right / float64(r.tied)}
}

// crowd returns how many conversations were open and turns under way in a phase, on average.
func (e *evidence) crowd(p *parley.Phase) (conversations, waiting float64) {
	type visit struct{ from, to time.Duration }
	visits := map[int64]visit{}
	for i := range e.turns {
		t := &e.turns[i]
		if t.Sent == parley.None {
			continue
		}
		end := t.Ended
		if end == parley.None {
			end = e.run.Elapsed
		}
		waiting += overlap(p, t.Sent, end)
		v, known := visits[t.Conversation]
		if !known || t.Sent < v.from {
			v.from = t.Sent
		}
		v.to = max(v.to, end)
		visits[t.Conversation] = v
	}
	for _, v := range visits {
		conversations += overlap(p, v.from, v.to)
	}
	return conversations, waiting
}

// overlap is the share of a phase that lies between two moments.
func overlap(p *parley.Phase, from, to time.Duration) float64 {
	return max(0, (min(to, p.End)-max(from, p.Start)).Seconds()) / (p.End - p.Start).Seconds()
}
