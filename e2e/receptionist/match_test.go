package receptionist

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"parley"
)

// slack is how far the readings of two processes may be apart: on a busy machine one may
// look at the clock some time after what it times, when the other has gone on already.
const slack = 20 * time.Millisecond

// within reports whether the inner stretch lies in the outer one.
func within(from, to, outerFrom, outerTo, slack time.Duration) bool {
	return from >= outerFrom-slack && to <= outerTo+slack
}

// truth says by the bot's log which message belongs to which turn of the record. The
// record holds no numbers and no ids, only hashes that nobody can make again, so
// that users are told by when they spoke.
type truth struct {
	turnOf map[string]int64 // by message id
	userOf map[string]uint64
}

// match finds, for each user of the log, the one user of the record who spoke then.
func match(t *testing.T, log spanLog, turns []parley.Turn, zero time.Duration) truth {
	t.Helper()
	said := map[string]spanLog{}
	var users []string
	for _, s := range log.messages() {
		if said[s.User] == nil {
			users = append(users, s.User)
		}
		said[s.User] = append(said[s.User], s)
	}
	recorded := map[uint64][]parley.Turn{}
	for _, turn := range turns {
		recorded[turn.User] = append(recorded[turn.User], turn)
	}
	if len(users) != len(recorded) {
		t.Errorf("users: %d in the log, %d in the record", len(users), len(recorded))
	}
	found := truth{turnOf: map[string]int64{}, userOf: map[string]uint64{}}
	taken := map[uint64]bool{}
	for _, user := range users {
		var fits []uint64
		for hash, turns := range recorded {
			if !taken[hash] && spoke(said[user], turns, zero) {
				fits = append(fits, hash)
			}
		}
		if len(fits) != 1 {
			t.Errorf("a user who said %d messages from %v on fits %d users of the record", len(said[user]), said[user][0].Start-zero, len(fits))
			continue
		}
		taken[fits[0]] = true
		found.userOf[user] = fits[0]
		messages := said[user]
		for _, turn := range recorded[fits[0]] {
			for _, s := range messages[:turn.Said] {
				found.turnOf[s.Message] = turn.ID
			}
			messages = messages[turn.Said:]
		}
	}
	return found
}

// spoke reports whether the webhooks are those of the turns: as many, each turn's first
// one not before it was sent, its last one over when it was acknowledged.
func spoke(webhooks spanLog, turns []parley.Turn, zero time.Duration) bool {
	for _, turn := range turns {
		n := int(turn.Said)
		if n == 0 || n > len(webhooks) {
			return false
		}
		// Written before the bot's span begins, read after it ends: a late look only makes it longer.
		if !within(webhooks[0].Start, webhooks[n-1].End, zero+turn.Sent, zero+turn.Acked, slack/10) {
			return false
		}
		webhooks = webhooks[n:]
	}
	return len(webhooks) == 0
}

// pair is one call as the bot and as the service saw it.
type pair struct {
	span *span
	call *parley.Call
}

// pairs finds for each of the bot's calls the one recorded, which must lie within it. Of
// several one that names the same user is taken, if any does, and of those the one whose beginning and
// end fit best: on a busy machine the bot looks at the clock late, and the times alone mislead.
func (e *evidence) pairs(t *testing.T, what string, spans spanLog, calls []parley.Call) []pair {
	t.Helper()
	if len(spans) != len(calls) {
		t.Errorf("%s: %d in the log, %d in the record", what, len(spans), len(calls))
	}
	type candidate struct {
		span, call int
		stranger   bool // it does not name the user
		misfit     float64
	}
	var all []candidate
	for i := range spans {
		for k := range calls {
			start, end := e.zero+calls[k].Start, e.zero+calls[k].End
			if !within(start, end, spans[i].Start, spans[i].End, slack) {
				continue
			}
			before, after := (start - spans[i].Start).Seconds(), (spans[i].End - end).Seconds()
			stranger := !slices.Contains(calls[k].Identities, e.truth.userOf[spans[i].User])
			all = append(all, candidate{i, k, stranger, before*before + after*after})
		}
	}
	slices.SortFunc(all, func(a, b candidate) int {
		switch {
		case a.stranger == b.stranger:
			return cmp.Compare(a.misfit, b.misfit)
		case b.stranger:
			return -1
		default:
			return 1
		}
	})
	var out []pair
	usedSpan, usedCall := map[int]bool{}, map[int]bool{}
	for _, c := range all {
		if usedSpan[c.span] || usedCall[c.call] {
			continue
		}
		usedSpan[c.span], usedCall[c.call] = true, true
		out = append(out, pair{&spans[c.span], &calls[c.call]})
	}
	if len(out) != len(spans) {
		t.Errorf("%s: %d of %d calls of the bot are in the record at their time", what, len(out), len(spans))
	}
	return out
}

// spread is the least, the middle and the largest of some durations.
func spread(values []time.Duration) (least, middle, largest time.Duration) {
	if len(values) == 0 {
		return 0, 0, 0
	}
	slices.Sort(values)
	return values[0], values[len(values)/2], values[len(values)-1]
}
