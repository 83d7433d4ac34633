package drive

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"parley"
	"parley/internal/fingerprint"
	"parley/internal/plan"
)

// clinic is a bot with a database, whose every call is known: what it read by the user's number it uses by the id it read.
type clinic struct {
	w   *world
	mu  sync.Mutex
	rng *rand.Rand
	ids map[string]uint64 // of users, from 1 on, as they come
	// made are the calls, by the message they were made for.
	made map[string][]parley.Call
}

// call makes one call in the way a tap reports it.
func (b *clinic) call(m said, operation string, named bool, lasts time.Duration, asks, shows []fingerprint.Field) {
	d := b.w.driver
	c := parley.Call{Wire: "db", Operation: operation, Start: d.since(), End: parley.None}
	if named {
		c.Identities = []uint64{d.o.Key.Hash(m.From)}
	}
	user := d.Trace(&c, asks)
	time.Sleep(lasts)
	c.End = d.since()
	if user == nobody {
		user = d.Settle(&c)
	}
	d.Reveal(user, c.By, append(asks, shows...))
	d.Called(&c)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.made[m.ID] = append(b.made[m.ID], c)
}

// draw returns a number below n.
func (b *clinic) draw(n uint64) uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rng.Uint64N(n)
}

// work thinks for one to three milliseconds.
func (b *clinic) work() { time.Sleep(time.Millisecond + time.Duration(b.draw(2e6))) }

func (b *clinic) answer(m said) {
	b.mu.Lock()
	if b.ids[m.From] == 0 {
		b.ids[m.From] = uint64(len(b.ids) + 1)
	}
	id := b.ids[m.From]
	b.mu.Unlock()
	b.work()
	// What is read holds the id, one of five services and the number of rows, which coincide with ids of users now and then.
	b.call(m, "load", true, 2*time.Millisecond, nil, []fingerprint.Field{at(customerID, id), at(tariff, 1+b.draw(5)), at(visits, 12)})
	b.work()
	b.call(m, "chat", true, time.Second+time.Duration(b.draw(2e9)), nil, nil)
	b.work()
	if b.draw(3) == 0 {
		b.call(m, "free", false, 100*time.Millisecond, nil, nil)
		b.work()
		b.call(m, "chat", true, time.Second+time.Duration(b.draw(1e9)), nil, nil)
		b.work()
	}
	b.call(m, "store", false, 3*time.Millisecond, []fingerprint.Field{at(storeBy, id), at(serviceBy, 1+b.draw(5)), at(limitBy, 12)}, nil)
	b.w.reply(m.From, "re: "+m.Text, "")
}

// TestTraceAmongMany: calls of a bot with known truth are tied to their turns, of which a dozen are under way at a time.
func TestTraceAmongMany(t *testing.T) {
	p := testPlan(12000, plan.Turn{Say: [][]string{{"hello"}}}, plan.Turn{Say: [][]string{{"and then"}}})
	var b *clinic
	bot := func(_ *world, _ http.ResponseWriter, m said) { go b.answer(m) }
	w := play(t, p, bot, func(w *world) {
		b = &clinic{w: w, rng: rand.New(rand.NewPCG(1, 2)), ids: map[string]uint64{}, made: map[string][]parley.Call{}}
		w.run(parley.Solo, 30*time.Second)
		w.run(parley.Steady, 2*time.Minute)
		time.Sleep(10 * time.Second) // what is under way ends
	})
	var all, tied, right int
	ways, wrong := map[parley.Attribution]int{}, map[string]int{}
	for _, turn := range w.book.list() {
		if turn.Phase != string(parley.Steady) {
			continue
		}
		for _, m := range w.inbox {
			if w.driver.o.Key.Hash(m.ID) != turn.Messages[0] {
				continue
			}
			for _, c := range b.made[m.ID] {
				all++
				ways[c.By]++
				switch c.Turn {
				case turn.ID:
					right++
					tied++
				case 0:
					wrong[c.Operation+" of nobody"]++
				default:
					tied++
					wrong[c.Operation+" by "+string(c.By)]++
				}
			}
		}
	}
	t.Logf("%d calls, %d tied, %d of them rightly: %v; missed %v", all, tied, right, ways, wrong)
	if all < 1000 || float64(tied) < 0.95*float64(all) || float64(right) < 0.99*float64(tied) {
		t.Errorf("of %d calls %d are tied, %d rightly; want 1000, 95 %% and 99 %%", all, tied, right)
	}
	for _, way := range []parley.Attribution{parley.ByIdentity, parley.ByValue, parley.BySequence} {
		if ways[way] < 50 {
			t.Errorf("%d calls were tied by %s: too few to judge by", ways[way], way)
		}
	}
}

// A connection held for a turn says so unless the call names somebody; a late call about a message is of that message's turn.
func TestTraceOfConnectionsAndMessages(t *testing.T) {
	p := testPlan(3600, plan.Turn{}, plan.Turn{})
	play(t, p, echo(time.Second), func(w *world) {
		ask := func(call parley.Call, want int64, by parley.Attribution) {
			t.Helper()
			if w.driver.Trace(&call, []fingerprint.Field{{Value: 77}}); call.Turn != want || call.By != by {
				t.Errorf("at %v: turn %d by %q, want %d by %q", w.driver.since(), call.Turn, call.By, want, by)
			}
		}
		number := func(i int64) []uint64 { return []uint64{w.driver.o.Key.Hash(stubPlatform{}.User(i).Number)} }
		go w.run(parley.Steady, 2*time.Second)
		time.Sleep(1600 * time.Millisecond) // user 1 was answered at 1.5 s, user 2 waits since then
		w.driver.Reveal(number(2)[0], parley.ByIdentity, []fingerprint.Field{{Value: 77}})
		ask(parley.Call{Start: w.driver.since()}, 2, parley.ByValue)
		ask(parley.Call{Start: w.driver.since(), Turn: 1, By: parley.ByConnection}, 1, parley.ByConnection)
		ask(parley.Call{Start: w.driver.since(), Turn: 1, By: parley.ByConnection, Identities: number(2)}, 2, parley.ByIdentity)
		time.Sleep(3 * time.Second) // the second turns are under way
		first := w.book.list()[0].Messages
		ask(parley.Call{Identities: append(number(1), first...)}, 1, parley.ByIdentity)
		ask(parley.Call{Identities: number(1)}, 3, parley.ByIdentity)
	})
}
