package anatomy

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley"
)

// told is a path in words: the layer, or the ref of the call, of each piece, with its length.
type told struct {
	What string
	For  time.Duration
}

func tellPath(pieces []piece) (out []told) {
	for _, p := range pieces {
		what := p.layer.String()
		if p.ref >= 0 {
			what = string('A' + p.ref)
		}
		out = append(out, told{what, p.to - p.from})
	}
	return out
}

// plainTurn was said at 10 s, sent 2 ms later, acknowledged after 20 ms, and answered after 1 s.
func plainTurn() judgedTurn {
	at := 10 * time.Second
	return judgedTurn{id: 1, due: at, spoken: at, sent: at + 2*ms, acked: at + 20*ms, answered: at + 1000*ms}
}

func TestPath(t *testing.T) {
	at := 10 * time.Second
	act := func(ref rune, l layer, from, to time.Duration) activity {
		return activity{start: at + from*ms, end: at + to*ms, ref: ref - 'A', layer: l}
	}
	delivery := func(from, to time.Duration) activity {
		return activity{start: at + from*ms, end: at + to*ms, ref: nobody, layer: sendingLayer, delivery: true}
	}
	f := func(name string, turn judgedTurn, acts []activity, want ...told) {
		t.Helper()
		finder := pathFinder{acts: acts}
		if diff := cmp.Diff(want, tellPath(finder.find(&turn))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	plain := plainTurn()
	unanswered := plain
	unanswered.answered = parley.None
	f("no answer", unanswered, []activity{act('A', modelLayer, 30, 700)})
	f("no calls", plain, nil, told{"platform", 2 * ms}, told{"waiting", 18 * ms}, told{"bot", 980 * ms})
	f("one after the other", plain,
		[]activity{act('A', postgresLayer, 10, 60), act('B', modelLayer, 100, 800), act('C', sendingLayer, 850, 1010)},
		told{"platform", 2 * ms}, told{"waiting", 8 * ms}, told{"A", 50 * ms}, told{"bot", 40 * ms}, told{"B", 700 * ms}, told{"bot", 50 * ms}, told{"C", 150 * ms})
	f("side by side: the one that ended last", plain,
		[]activity{act('A', modelLayer, 100, 600), act('B', redisLayer, 100, 800), act('C', sendingLayer, 900, 1000)},
		told{"platform", 2 * ms}, told{"waiting", 18 * ms}, told{"bot", 80 * ms}, told{"B", 700 * ms}, told{"bot", 100 * ms}, told{"C", 100 * ms})
	f("one within the other", plain,
		[]activity{act('A', modelLayer, 100, 900), act('B', redisLayer, 200, 300), act('C', sendingLayer, 900, 1000)},
		told{"platform", 2 * ms}, told{"waiting", 18 * ms}, told{"bot", 80 * ms}, told{"A", 800 * ms}, told{"C", 100 * ms})
	f("begun before the other ended: it did not wait for it", plain,
		[]activity{act('A', redisLayer, 100, 500), act('B', modelLayer, 300, 900), act('C', sendingLayer, 900, 1000)},
		told{"platform", 2 * ms}, told{"waiting", 18 * ms}, told{"bot", 280 * ms}, told{"B", 600 * ms}, told{"C", 100 * ms})
	f("an end that was noted late", plain,
		[]activity{act('A', modelLayer, 100, 901), act('C', sendingLayer, 900, 1000)},
		told{"platform", 2 * ms}, told{"waiting", 18 * ms}, told{"bot", 80 * ms}, told{"A", 800 * ms}, told{"C", 100 * ms})
	f("work for nobody", plain,
		[]activity{act('A', modelLayer, 100, 900), act('B', postgresLayer, 850, 1200), act('C', sendingLayer, 900, 1000), act('D', redisLayer, 1100, 1200)},
		told{"platform", 2 * ms}, told{"waiting", 18 * ms}, told{"bot", 80 * ms}, told{"A", 800 * ms}, told{"C", 100 * ms})
	f("delivered after the call had ended", plain,
		[]activity{act('A', sendingLayer, 400, 410), delivery(405, 1000)},
		told{"platform", 2 * ms}, told{"waiting", 18 * ms}, told{"bot", 380 * ms}, told{"A", 600 * ms})
	f("an earlier reply", plain,
		[]activity{act('A', sendingLayer, 100, 110), delivery(101, 500), act('B', modelLayer, 120, 900), act('C', sendingLayer, 900, 1000), delivery(900, 1000)},
		told{"platform", 2 * ms}, told{"waiting", 18 * ms}, told{"bot", 80 * ms}, told{"A", 10 * ms}, told{"bot", 10 * ms}, told{"B", 780 * ms}, told{"C", 100 * ms})
	f("an earlier reply whose delivery nobody waited for", plain,
		[]activity{act('A', sendingLayer, 100, 110), delivery(101, 500), act('C', sendingLayer, 900, 1000), delivery(900, 1000)},
		told{"platform", 2 * ms}, told{"waiting", 18 * ms}, told{"bot", 80 * ms}, told{"A", 10 * ms}, told{"bot", 790 * ms}, told{"C", 100 * ms})
	f("a first call before the acknowledgement", plain,
		[]activity{act('A', modelLayer, 5, 900), act('C', sendingLayer, 900, 1000)},
		told{"platform", 2 * ms}, told{"waiting", 3 * ms}, told{"A", 895 * ms}, told{"C", 100 * ms})
	f("a call without length", plain, []activity{act('A', redisLayer, 500, 500)},
		told{"platform", 2 * ms}, told{"waiting", 18 * ms}, told{"bot", 980 * ms})

	retried := plain
	retried.acked = at + 600*ms
	retried.retryFrom, retried.retryTo = at, retried.acked
	f("a repeated webhook", retried,
		[]activity{act('A', redisLayer, 10, 30), act('B', modelLayer, 590, 900), act('C', sendingLayer, 900, 1000)},
		told{"platform", 2 * ms}, told{"platform", 8 * ms}, told{"A", 20 * ms}, told{"platform", 560 * ms}, told{"B", 310 * ms}, told{"C", 100 * ms})

	burst := plain // the first message was sent 3 s before the last one
	burst.due, burst.sent = at-3000*ms, at-3000*ms
	f("a burst", burst,
		[]activity{act('A', modelLayer, -2500, 100), act('B', modelLayer, 200, 900), act('C', sendingLayer, 900, 1000)},
		told{"A", 100 * ms}, told{"bot", 100 * ms}, told{"B", 700 * ms}, told{"C", 100 * ms})
	f("a burst that nothing was done about yet", burst,
		[]activity{act('B', modelLayer, 200, 900), act('C', sendingLayer, 900, 1000)},
		told{"waiting", 20 * ms}, told{"bot", 180 * ms}, told{"B", 700 * ms}, told{"C", 100 * ms})

	instant := plain
	instant.answered = at
	f("answered at once", instant, []activity{act('A', sendingLayer, -10, 10)})
}

// Whatever the calls are, the pieces follow each other from the last word to the answer, each within its call, and the
// walk is the same in any order of the calls.
func TestPathTiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		moment := rapid.Custom(func(t *rapid.T) time.Duration { return time.Duration(rapid.IntRange(-200, 1200).Draw(t, "ms")) * ms })
		turn := plainTurn()
		turn.sent = turn.spoken + moment.Draw(t, "sent")
		turn.acked = turn.spoken + moment.Draw(t, "acked")
		turn.answered = turn.spoken + max(0, moment.Draw(t, "answered"))
		if rapid.Bool().Draw(t, "retried") {
			turn.retryFrom, turn.retryTo = turn.spoken, turn.acked
		}
		var acts []activity
		for i := range rapid.IntRange(0, 12).Draw(t, "calls") {
			start := turn.spoken + moment.Draw(t, "start")
			end := start + time.Duration(rapid.IntRange(0, 400_000).Draw(t, "us"))*time.Microsecond
			layer := layer(rapid.IntRange(int(postgresLayer), int(sendingLayer)).Draw(t, "layer"))
			delivery := layer == sendingLayer && rapid.Bool().Draw(t, "delivery")
			if delivery && rapid.Bool().Draw(t, "answers") && start <= turn.answered {
				end = turn.answered
			}
			acts = append(acts, activity{start, end, int32(i), layer, delivery})
		}
		byRef := slices.Clone(acts)
		f := pathFinder{acts: slices.Clone(acts)}
		path := slices.Clone(f.find(&turn))
		at := turn.spoken
		for i, p := range path {
			if p.from != at || p.to <= p.from {
				t.Fatalf("piece %d is %v to %v, after %v", i, p.from, p.to, at)
			}
			at = p.to
			if p.ref < 0 {
				continue
			}
			a := byRef[p.ref]
			if p.from < a.start || p.to > a.end && p.to != turn.answered {
				t.Fatalf("piece %v to %v of a call from %v to %v", p.from, p.to, a.start, a.end)
			}
		}
		if at != turn.answered {
			t.Fatalf("the path ends at %v, the answer came at %v", at, turn.answered)
		}
		shuffled := pathFinder{acts: rapid.Permutation(acts).Draw(t, "order")}
		if diff := cmp.Diff(tellPath(path), tellPath(shuffled.find(&turn))); diff != "" {
			t.Fatalf("in another order:\n%s", diff)
		}
	})
}
