package drive

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley"
	"parley/internal/fault"
	"parley/internal/plan"
)

// latencies returns the reply latencies of the answered turns, sorted.
func latencies(turns []parley.Turn) (waits []time.Duration) {
	for i := range turns {
		if wait, censored := turns[i].ReplyLatency(); !censored {
			waits = append(waits, wait)
		}
	}
	slices.Sort(waits)
	return waits
}

func outcomes(turns []parley.Turn) map[parley.Outcome]int {
	count := make(map[parley.Outcome]int)
	for _, t := range turns {
		count[t.Outcome]++
	}
	return count
}

func fates(replies []parley.Reply) (list []string) {
	for _, r := range replies {
		list = append(list, r.Fate)
	}
	return list
}

// A bot that answers one message at a time in 1 s is offered two a second. The
// schedule does not wait for it, so the n-th user (from 0) waits (n+1)·1 s − n·0.5 s.
func TestOpenArrivalsUnderOverload(t *testing.T) {
	oneAtATime := func(w *world, _ http.ResponseWriter, m said) {
		go func() {
			w.slot <- struct{}{}
			time.Sleep(time.Second)
			<-w.slot
			w.reply(m.From, "done", "")
		}()
	}
	w := play(t, testPlan(7200, plan.Turn{Patience: time.Hour}), oneAtATime, func(w *world) {
		w.run(parley.Steady, 60*time.Second)
		w.driver.Drain(context.Background())
	})
	var want []time.Duration
	for n := range 120 {
		want = append(want, time.Duration(n+1)*time.Second-time.Duration(n)*500*time.Millisecond)
	}
	if diff := cmp.Diff(want, latencies(w.book.list())); diff != "" {
		t.Errorf("latencies (-want +got):\n%s", diff)
	}
	if lag := w.driver.Lag(); lag.Max != 0 {
		t.Errorf("the schedule lagged by %v in virtual time", lag.Max)
	}
}

// A target that freezes for the first second of every five: evenly spread
// arrivals wait 0 with probability 4/5 and uniformly up to 1 s otherwise, so that
// p50 = 0, p90 = 500 ms, p99 = 950 ms.
func TestFreezingTarget(t *testing.T) {
	freezing := func(w *world, _ http.ResponseWriter, m said) {
		if into := w.driver.since() % (5 * time.Second); into < time.Second {
			time.Sleep(time.Second - into) // the webhook itself hangs
		}
		w.reply(m.From, "done", "")
	}
	w := play(t, testPlan(3600*100, plan.Turn{}), freezing, func(w *world) {
		w.run(parley.Steady, 50*time.Second)
		w.driver.Drain(context.Background())
	})
	waits := latencies(w.book.list())
	if len(waits) != 5000 {
		t.Fatalf("%d turns answered, want 5000", len(waits))
	}
	for _, q := range []struct {
		at   float64
		want time.Duration
	}{{0.5, 0}, {0.9, 500 * time.Millisecond}, {0.99, 950 * time.Millisecond}} {
		got := waits[int(q.at*5000)]
		if (got - q.want).Abs() > 10*time.Millisecond { // the spacing of the arrivals
			t.Errorf("p%g = %v, want %v", q.at*100, got, q.want)
		}
	}
}

// Users whose patience ends stay in the distribution, censored at their patience.
func TestSilentBotIsCensoredAtPatience(t *testing.T) {
	silent := func(*world, http.ResponseWriter, said) {}
	w := play(t, testPlan(3600, plan.Turn{Patience: 10 * time.Second}, plan.Turn{}), silent, func(w *world) {
		w.run(parley.Steady, 5*time.Second)
		w.driver.Drain(context.Background())
	})
	turns := w.book.list()
	if len(turns) != 5 {
		t.Fatalf("%d turns, want 5: who is not answered says nothing more", len(turns))
	}
	for _, turn := range turns {
		wait, censored := turn.ReplyLatency()
		if !censored || wait != 10*time.Second || !turn.Lost() || turn.Failure != "no reply" {
			t.Errorf("turn %d: wait %v, censored %v, lost %v, failure %q", turn.ID, wait, censored, turn.Lost(), turn.Failure)
		}
		if turn.AckLatency != 0 || turn.Acked != turn.Due {
			t.Errorf("turn %d was acknowledged at once, but reads ack %v at %v", turn.ID, turn.AckLatency, turn.Acked)
		}
	}
	progress := w.driver.Progress()
	want := parley.Messages{Planned: 8, Sent: 5, Acked: 5, Answered: 0}
	if progress.Messages != want {
		t.Errorf("messages %+v, want %+v: the second turns of three conversations were due too", progress.Messages, want)
	}
}

func TestConditionalTurnsWaitForTheReply(t *testing.T) {
	w := play(t, testPlan(3600, plan.Turn{}, plan.Turn{}), echo(3*time.Second), func(w *world) {
		w.run(parley.Steady, time.Second) // one conversation, due at 0.5 s
		time.Sleep(20 * time.Second)
	})
	turns := w.book.list()
	if len(turns) != 2 {
		t.Fatalf("%d turns, want 2", len(turns))
	}
	first, second := turns[0], turns[1]
	if !first.IsOpen() || first.Due != 500*time.Millisecond || first.AnsweredAt != 3500*time.Millisecond {
		t.Errorf("opening: due %v answered %v", first.Due, first.AnsweredAt)
	}
	if second.IsOpen() || second.Due != 5500*time.Millisecond || second.AnsweredAt != 8500*time.Millisecond {
		t.Errorf("second turn: due %v answered %v, want 5.5 s (2 s of thought) and 8.5 s", second.Due, second.AnsweredAt)
	}
}

// A burst is one turn: its latency counts from the last message, and a reply to a
// user who is still typing is no answer.
func TestBurst(t *testing.T) {
	burst := plan.Turn{Say: [][]string{{"hi", "are you there", "I need help"}}}
	w := play(t, testPlan(3600, burst), echo(1500*time.Millisecond), func(w *world) {
		w.run(parley.Steady, time.Second)
		w.driver.Drain(context.Background())
		time.Sleep(5 * time.Second)
	})
	turn := w.book.list()[0]
	if turn.Said != 3 || turn.Due != 500*time.Millisecond || turn.Spoken != 2500*time.Millisecond {
		t.Errorf("said %d, due %v, spoken %v", turn.Said, turn.Due, turn.Spoken)
	}
	// Replies come at 2.0 (while typing), 3.0 and 4.0 s.
	if wait, _ := turn.ReplyLatency(); wait != 500*time.Millisecond {
		t.Errorf("waited %v, want 500 ms", wait)
	}
	if diff := cmp.Diff([]string{"early", "answer", "extra"}, fates(w.book.replies)); diff != "" {
		t.Errorf("fates (-want +got):\n%s", diff)
	}
	if turn.Replies != 3 {
		t.Errorf("%d replies counted, want 3: those after the answer belong to the turn too", turn.Replies)
	}
}

func TestAnswerRules(t *testing.T) {
	// The bot says "one moment" after 1 s, the answer after 3 s and a farewell after 4 s.
	chatty := func(w *world, _ http.ResponseWriter, m said) {
		go func() {
			for _, step := range []string{"one moment", "", "booked!", "see you"} {
				time.Sleep(time.Second)
				if step != "" {
					w.reply(m.From, step, "")
				}
			}
		}()
	}
	for _, test := range []struct {
		name string
		rule plan.AnswerRule
		want time.Duration
	}{
		{"first", plan.AnswerRule{Mode: "first"}, time.Second},
		{"pattern", plan.AnswerRule{Mode: "pattern", Pattern: mustPattern("(?i)booked")}, 3 * time.Second},
		{"quiet", plan.AnswerRule{Mode: "quiet", Quiet: 2500 * time.Millisecond}, 4 * time.Second},
		{"short quiet", plan.AnswerRule{Mode: "quiet", Quiet: 1500 * time.Millisecond}, time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := play(t, testPlan(3600, plan.Turn{Answered: test.rule}), chatty, func(w *world) {
				w.run(parley.Steady, time.Second)
				w.driver.Drain(context.Background())
				time.Sleep(10 * time.Second)
			})
			turn := w.book.list()[0]
			if wait, censored := turn.ReplyLatency(); wait != test.want || censored {
				t.Errorf("waited %v (censored %v), want %v", wait, censored, test.want)
			}
			if turn.Replies != 3 {
				t.Errorf("%d replies, want 3", turn.Replies)
			}
		})
	}
}

func TestRepliesOutOfTheOrdinary(t *testing.T) {
	f := func(name string, behaviour bot, turns []plan.Turn, want parley.Turn, wantFates []string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			w := play(t, testPlan(3600, turns...), behaviour, func(w *world) {
				w.run(parley.Steady, time.Second)
				time.Sleep(time.Minute)
			})
			got := w.book.list()[0]
			got = parley.Turn{Outcome: got.Outcome, Failure: got.Failure, Replies: got.Replies, Duplicates: got.Duplicates, Late: got.Late, Disordered: got.Disordered, Attempts: got.Attempts, Refused: got.Refused}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("turn (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(wantFates, fates(w.book.replies)); diff != "" {
				t.Errorf("fates (-want +got):\n%s", diff)
			}
		})
	}
	after := func(d time.Duration, do func()) {
		go func() { time.Sleep(d); do() }()
	}
	one := []plan.Turn{{Patience: 10 * time.Second}}

	f("twice", func(w *world, _ http.ResponseWriter, m said) {
		after(time.Second, func() { w.reply(m.From, "yes", ""); w.reply(m.From, "yes", "") })
	}, one, parley.Turn{Outcome: parley.Answered, Replies: 2, Duplicates: 1, Attempts: 1}, []string{"answer", "duplicate"})

	f("late", func(w *world, _ http.ResponseWriter, m said) {
		after(15*time.Second, func() { w.reply(m.From, "sorry for the wait", "") })
	}, one, parley.Turn{Outcome: parley.Abandoned, Failure: "no reply", Late: 1, Attempts: 1}, []string{"late"})

	f("to a stranger", func(w *world, _ http.ResponseWriter, m said) {
		after(time.Second, func() { w.reply("5511999998888", "who are you?", "") })
	}, one, parley.Turn{Outcome: parley.Abandoned, Failure: "no reply", Attempts: 1}, []string{"stranger"})

	f("out of order", func(w *world, _ http.ResponseWriter, m said) {
		wait := map[string]time.Duration{"one": 5 * time.Second, "two": time.Second}[m.Text]
		after(wait, func() { w.reply(m.From, "re "+m.Text, m.ID) })
	}, []plan.Turn{{Say: [][]string{{"one", "two"}}}},
		parley.Turn{Outcome: parley.Answered, Replies: 2, Disordered: 1, Attempts: 2}, []string{"answer", "extra"})

	f("refused once", func(w *world, rw http.ResponseWriter, m said) {
		if len(w.inbox) == 1 {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.reply(m.From, "hello", "")
	}, one, parley.Turn{Outcome: parley.Answered, Failure: "webhook: status 503", Replies: 1, Attempts: 2, Refused: 1}, []string{"answer"})

	f("refused for good", func(w *world, rw http.ResponseWriter, m said) {
		rw.WriteHeader(http.StatusNotFound)
	}, one, parley.Turn{Outcome: parley.Abandoned, Failure: "webhook: status 404", Attempts: 1, Refused: 1}, nil)

	f("answered, yet refused and repeated", func(w *world, rw http.ResponseWriter, m said) {
		w.reply(m.From, "hello", "")
		if len(w.inbox) == 1 {
			rw.WriteHeader(http.StatusInternalServerError)
		}
	}, one, parley.Turn{Outcome: parley.Answered, Failure: "webhook: status 500", Replies: 2, Duplicates: 1, Attempts: 2, Refused: 1}, []string{"answer", "duplicate"})
}

// A bot that says the same to each message of a burst has answered all the same.
func TestSameAnswerToEachMessageOfABurst(t *testing.T) {
	polite := func(w *world, _ http.ResponseWriter, m said) {
		go func() { time.Sleep(100 * time.Millisecond); w.reply(m.From, "you are welcome", "") }()
	}
	w := play(t, testPlan(3600, plan.Turn{Say: [][]string{{"thanks", "really", "bye"}}}), polite, func(w *world) {
		w.run(parley.Steady, time.Second)
		w.driver.Drain(context.Background())
	})
	if turn := w.book.list()[0]; turn.Outcome != parley.Answered || turn.Duplicates != 0 {
		t.Errorf("%s, %d duplicates", turn.Outcome, turn.Duplicates)
	}
	if diff := cmp.Diff([]string{"early", "early", "answer"}, fates(w.book.replies)); diff != "" {
		t.Errorf("fates (-want +got):\n%s", diff)
	}
}

// The answer of the first turn, given again because the platform repeated the
// webhook, must not pass for the answer of the second.
func TestRepeatedAnswerDoesNotAnswerTheNextTurn(t *testing.T) {
	behaviour := func(w *world, rw http.ResponseWriter, m said) {
		switch {
		case m.Text == "message 0" && len(w.inbox) == 1:
			w.reply(m.From, "hello", "")
			rw.WriteHeader(http.StatusInternalServerError)
		case m.Text == "message 0": // the repetition, 5 s later, with the second turn under way
			w.reply(m.From, "hello", "")
		default:
			go func() { time.Sleep(6 * time.Second); w.reply(m.From, "the second answer", "") }()
		}
	}
	w := play(t, testPlan(3600, plan.Turn{}, plan.Turn{}), behaviour, func(w *world) {
		w.run(parley.Steady, time.Second)
		time.Sleep(time.Minute)
	})
	second := w.book.list()[1]
	if wait, _ := second.ReplyLatency(); wait != 6*time.Second {
		t.Errorf("the second turn waited %v, want 6 s", wait)
	}
	if second.Disordered != 1 || second.Replies != 1 {
		t.Errorf("second turn: %d stray, %d replies; want 1 and 1", second.Disordered, second.Replies)
	}
}

// A bot that says the same to everybody is not blamed for ever for one webhook
// that was repeated: no more of its replies are strays than there were repetitions.
func TestStockAnswersAfterARepeatedWebhook(t *testing.T) {
	stock := func(w *world, rw http.ResponseWriter, m said) {
		if len(w.inbox) == 1 {
			rw.WriteHeader(http.StatusInternalServerError)
		}
		go func() { time.Sleep(time.Second); w.reply(m.From, "please call us", "") }()
	}
	w := play(t, testPlan(3600, plan.Turn{}, plan.Turn{}, plan.Turn{}), stock, func(w *world) {
		w.run(parley.Steady, time.Second)
		time.Sleep(time.Minute)
	})
	turns := w.book.list()
	strays := 0
	for _, turn := range turns {
		if turn.Outcome != parley.Answered {
			t.Errorf("turn %d: %s", turn.ID, turn.Outcome)
		}
		strays += int(turn.Disordered)
	}
	if len(turns) != 3 || strays > 1 {
		t.Errorf("%d turns, %d strays; want 3, and 1 at most", len(turns), strays)
	}
}

func TestCutEndsEverythingAtOnce(t *testing.T) {
	hanging := func(w *world, _ http.ResponseWriter, m said) { time.Sleep(20 * time.Second) }
	w := play(t, testPlan(3600, plan.Turn{}, plan.Turn{}), hanging, func(w *world) {
		ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
		defer cancel()
		phase := w.driver.Run(ctx, "steady", plan.Phase{Kind: parley.Steady, Duration: time.Minute, Rate: 1})
		if phase.End != 4*time.Second || phase.Stopped == "" {
			t.Errorf("the phase ended at %v (%q), want at 4 s with a reason", phase.End, phase.Stopped)
		}
		w.driver.Cut()
		if now := w.driver.since(); now != 4*time.Second {
			t.Errorf("cutting took until %v", now)
		}
	})
	turns := w.book.list()
	if got := outcomes(turns); got[parley.Cut] != 4 || len(got) != 1 {
		t.Errorf("outcomes %v, want 4 cut", got)
	}
	if wait, censored := turns[0].ReplyLatency(); wait != 3500*time.Millisecond || !censored {
		t.Errorf("first turn: waited %v (censored %v), want 3.5 s, censored", wait, censored)
	}
}

func TestSamePlanAndSeedSayTheSame(t *testing.T) {
	chat := func(work time.Duration) []said {
		p := testPlan(3600,
			plan.Turn{Say: [][]string{{"hi {name}"}, {"hello from {name}"}}, Think: dist(t, "1s..9s")},
			plan.Turn{Say: [][]string{{"{day} at {time}?"}, {"for {number}", "write to {email}"}}, Gap: dist(t, "1s..2s"), Think: dist(t, "1s..9s")})
		p.Load.Arrivals = "poisson"
		p.Users = plan.Users{Returning: 0.3, Alike: 0.3}
		w := play(t, p, echo(work), func(w *world) {
			w.run(parley.Steady, 5*time.Minute)
			time.Sleep(time.Minute) // every conversation comes to its own end
		})
		if len(w.inbox) < 300 {
			t.Fatalf("only %d messages", len(w.inbox))
		}
		return w.inbox
	}
	texts := func(all []said, openings bool) map[string]int {
		count := make(map[string]int)
		for _, m := range all {
			key := m.Text
			if openings {
				key = m.at.String() + " " + key
			}
			count[key]++
		}
		return count
	}
	again, twin, slower := chat(time.Second), chat(time.Second), chat(time.Second+time.Millisecond)
	if diff := cmp.Diff(texts(again, true), texts(twin, true)); diff != "" {
		t.Errorf("two equal runs differ (-first +second):\n%s", diff)
	}
	if diff := cmp.Diff(texts(again, false), texts(slower, false)); diff != "" {
		t.Errorf("a slower bot was told something else (-fast +slow):\n%s", diff)
	}
}

func TestSharesOfTheCrowd(t *testing.T) {
	p := testPlan(36000, plan.Turn{Say: [][]string{{"I am {name}, {day} {time}, {number}"}}})
	p.Users = plan.Users{Returning: 0.4, Alike: 0.25}
	w := play(t, p, echo(10*time.Millisecond), func(w *world) {
		w.run(parley.Steady, 5*time.Minute)
		w.driver.Drain(context.Background())
	})
	turns := w.book.list()
	var returning, alike int
	numbers := make(map[uint64]bool)
	words := make(map[uint64]int)
	for _, turn := range turns {
		if turn.Returning != numbers[turn.User] {
			t.Fatalf("turn %d: returning %v, but its user was seen before: %v", turn.ID, turn.Returning, numbers[turn.User])
		}
		numbers[turn.User] = true
		if turn.Returning {
			returning++
		}
		if turn.Alike {
			alike++
			words[turn.Words]++
		}
	}
	n := len(turns)
	if n != 3000 {
		t.Fatalf("%d turns, want 3000", n)
	}
	if r, a := float64(returning)/float64(n), float64(alike)/float64(n); r < 0.37 || r > 0.43 || a < 0.22 || a > 0.28 {
		t.Errorf("returning %.3f of 0.4, alike %.3f of 0.25", r, a)
	}
	if len(words) != 1 {
		t.Errorf("what is asked alike has %d wordings", len(words))
	}
}

// Beyond the ceiling nothing is said, and that is recorded.
func TestCeilingHoldsBack(t *testing.T) {
	p := testPlan(3600, plan.Turn{Patience: time.Hour})
	p.Load.Concurrency = 3
	w := play(t, p, func(*world, http.ResponseWriter, said) {}, func(w *world) {
		w.run(parley.Steady, 10*time.Second)
	})
	got := outcomes(w.book.list())
	if got[parley.Unsent] != 7 || got[parley.Cut] != 3 || len(w.inbox) != 3 {
		t.Errorf("outcomes %v with %d messages said; want 7 unsent, 3 cut, 3 said", got, len(w.inbox))
	}
	if lag := w.driver.Lag(); lag.HeldBack != 7 || lag.Unsaid != 7 {
		t.Errorf("%d held back, %d of them in the steady phase; want 7 and 7", lag.HeldBack, lag.Unsaid)
	}
}

func TestRampStopsWhenSaturated(t *testing.T) {
	oneAtATime := func(w *world, _ http.ResponseWriter, m said) {
		go func() {
			w.slot <- struct{}{}
			time.Sleep(time.Second)
			<-w.slot
			w.reply(m.From, "done", "")
		}()
	}
	p := testPlan(1800, plan.Turn{Patience: 10 * time.Minute})
	w := play(t, p, oneAtATime, func(w *world) {
		ramp := w.driver.Run(context.Background(), "ramp", plan.Phase{Kind: parley.Ramp, Duration: time.Hour, Rate: 1, To: 64, Growth: 2, Step: time.Minute})
		if len(ramp.Steps) != 4 || ramp.Stopped == "" {
			t.Errorf("the ramp took %d steps (%q); want 4: the bot does 1 message/s, the steps offer 0.5, 1, 2, 4", len(ramp.Steps), ramp.Stopped)
		}
		for i, step := range ramp.Steps {
			if step.Rate != 1800*float64(int(1)<<i) || step.End-step.Start != time.Minute {
				t.Errorf("step %d: %+v", i+1, step)
			}
		}
	})
	steps := make(map[int32]int)
	for _, turn := range w.book.list() {
		steps[turn.Step]++
	}
	if diff := cmp.Diff(map[int32]int{1: 30, 2: 60, 3: 120, 4: 240}, steps); diff != "" {
		t.Errorf("turns by step (-want +got):\n%s", diff)
	}
}

// Alone, a user thinks for a second at most, and one conversation follows the other.
func TestSolo(t *testing.T) {
	turns := []plan.Turn{{}, {Think: fault.Constant(time.Minute)}}
	w := play(t, testPlan(1, turns...), echo(time.Second), func(w *world) {
		w.run(parley.Solo, 10*time.Second)
	})
	for i, turn := range w.book.list() {
		want := time.Duration(i/2)*3*time.Second + time.Duration(i%2)*2*time.Second
		if turn.Due != want {
			t.Errorf("turn %d due at %v, want %v", i, turn.Due, want)
		}
	}
}

func TestAttribution(t *testing.T) {
	type attribution struct {
		Turn int64
		By   parley.Attribution
	}
	var got []attribution
	ask := func(w *world, identity, words string) {
		call := parley.Call{Identities: []uint64{1, w.driver.o.Key.Hash(identity)}, Words: w.driver.o.Key.Hash(words)}
		w.driver.Trace(&call, nil)
		got = append(got, attribution{call.Turn, call.By})
	}
	p := testPlan(3600, plan.Turn{Say: [][]string{{"I am {name}"}}}, plan.Turn{Say: [][]string{{"the same for all"}}})
	play(t, p, echo(1500*time.Millisecond), func(w *world) {
		ask(w, "", "")
		go w.run(parley.Steady, 4*time.Second)
		time.Sleep(time.Second) // user 1 waits since 0.5 s
		ask(w, "", "")
		time.Sleep(time.Second) // users 1 (until 2.0 s: over) and 2
		ask(w, stubPlatform{}.User(2).Number, "")
		ask(w, "MSG1", "")
		time.Sleep(700 * time.Millisecond) // users 2 and 3 wait
		ask(w, "", "I am User3")
		ask(w, "", "the same for all")      // nobody has said that yet
		time.Sleep(2500 * time.Millisecond) // the second turns of users 1 and 2 wait since 4.0 and 5.0 s
		ask(w, "", "the same for all")
		ask(w, "", "the same for all")
		ask(w, "", "the same for all")
	})
	want := []attribution{
		{0, parley.Unattributed},
		{1, parley.ByTime},
		{2, parley.ByIdentity},
		{1, parley.ByIdentity},
		{3, parley.ByWords},
		{0, parley.Unattributed},
		{5, parley.ByOrder},
		{6, parley.ByOrder},
		{5, parley.ByOrder},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attributions (-want +got):\n%s", diff)
	}
}

// An acknowledgement that came only when the platform repeated the webhook took
// until then, and one that is still missing leaves the turn without any.
func TestAcknowledgementsCountFromTheFirstAttempt(t *testing.T) {
	repeated := func(w *world, rw http.ResponseWriter, m said) {
		if len(w.inbox) == 1 {
			rw.WriteHeader(http.StatusInternalServerError)
			return
		}
		time.Sleep(100 * time.Millisecond)
		w.reply(m.From, "hello", "")
	}
	w := play(t, testPlan(3600, plan.Turn{}), repeated, func(w *world) {
		w.run(parley.Steady, time.Second)
		w.driver.Drain(context.Background())
	})
	if got := w.book.list()[0].AckLatency; got != 5100*time.Millisecond {
		t.Errorf("acknowledged after %v, want 5 s until the repetition and 100 ms of work", got)
	}

	halfDeaf := func(w *world, rw http.ResponseWriter, m said) {
		if m.Text == "one" {
			rw.WriteHeader(http.StatusBadRequest)
		}
	}
	burst := plan.Turn{Say: [][]string{{"one", "two"}}, Patience: 5 * time.Second}
	w = play(t, testPlan(3600, burst), halfDeaf, func(w *world) {
		w.run(parley.Steady, time.Second)
		w.driver.Drain(context.Background())
	})
	if turn := w.book.list()[0]; turn.AckLatency != parley.None || turn.Acked != turn.Spoken {
		t.Errorf("acknowledged after %v, the last message at %v; want none, and %v", turn.AckLatency, turn.Acked, turn.Spoken)
	}
}
