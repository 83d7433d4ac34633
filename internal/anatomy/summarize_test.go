package anatomy

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley"
)

const ms = time.Millisecond

func testRun() *parley.Run {
	return &parley.Run{
		Elapsed: 100 * time.Second,
		Plan:    json.RawMessage(`{"target":{"platform":"evolution"},"dependencies":[{"name":"openai","kind":"openai","simulate":true}]}`),
		Phases: []parley.Phase{
			{Name: "canary", Kind: parley.Canary, Start: 0, End: time.Second},
			{Name: "solo", Kind: parley.Solo, Start: time.Second, End: 10 * time.Second},
			{Name: "steady", Kind: parley.Steady, Start: 10 * time.Second, End: 90 * time.Second},
			{Name: "drain", Kind: parley.Drain, Start: 90 * time.Second, End: parley.None},
		},
		Assumed: []parley.Assumption{{Wire: "openai", Model: "constant 1s", Source: "plan"}},
	}
}

// turn is a judged and answered turn of one message that waited for some time.
func turn(id int64, at, wait time.Duration) parley.Turn {
	return parley.Turn{
		ID: id, Conversation: id, Scenario: "booking", Phase: "steady",
		Due: at, Spoken: at, Sent: at, Acked: at + 20*ms, AckLatency: 20 * ms,
		FirstReply: at + wait, AnsweredAt: at + wait, Ended: at + wait,
		Outcome: parley.Answered, Said: 1, Attempts: 1, Replies: 1,
	}
}

func call(turn int64, wire string, start, end time.Duration) parley.Call {
	return parley.Call{Turn: turn, Wire: wire, Operation: "POST", Start: start, FirstByte: end, End: end}
}

func summarize(run *parley.Run, turns []parley.Turn, replies []parley.Reply, calls []parley.Call) *Summary {
	return Summarize(run, slices.Values(turns), slices.Values(replies), slices.Values(calls))
}

func TestSplit(t *testing.T) {
	at := 20 * time.Second
	spoke := turn(1, at, 1000*ms)
	retried := turn(1, at, 1000*ms)
	retried.Attempts, retried.Refused, retried.AckLatency, retried.Acked = 2, 1, 50*ms, at+600*ms
	tests := []struct {
		name    string
		turn    parley.Turn
		calls   []parley.Call
		replies []parley.Reply
		want    map[string]float64
	}{
		{"no calls", spoke, nil, nil, map[string]float64{"bot": 1}},
		{"one", spoke, []parley.Call{call(1, "openai", at+200*ms, at+700*ms)}, nil,
			map[string]float64{"openai": 0.5, "bot": 0.5}},
		{"overlapping: the first one counts", spoke, []parley.Call{
			call(1, "redis", at+400*ms, at+800*ms), call(1, "openai", at+200*ms, at+600*ms)}, nil,
			map[string]float64{"openai": 0.4, "redis": 0.2, "bot": 0.4}},
		{"one within another", spoke, []parley.Call{
			call(1, "redis", at+300*ms, at+400*ms), call(1, "openai", at+200*ms, at+600*ms)}, nil,
			map[string]float64{"openai": 0.4, "bot": 0.6}},
		{"past the answer and before the word", spoke, []parley.Call{
			call(1, "openai", at-100*ms, at+100*ms), call(1, "redis", at+900*ms, at+2000*ms), call(1, "redis", at+3000*ms, at+4000*ms)}, nil,
			map[string]float64{"openai": 0.1, "redis": 0.1, "bot": 0.8}},
		{"another turn's", spoke, []parley.Call{call(2, "openai", at, at+500*ms), call(0, "openai", at, at+500*ms)}, nil,
			map[string]float64{"bot": 1}},
		{"the platform's until delivered", spoke, []parley.Call{call(1, "evolution", at+500*ms, at+600*ms)},
			[]parley.Reply{{Turn: 1, Received: at + 510*ms, Delivered: at + 1000*ms, Fate: "answer"}},
			map[string]float64{"evolution": 0.5, "bot": 0.5}},
		{"retry", retried, []parley.Call{call(1, "openai", at+300*ms, at+400*ms)}, nil,
			map[string]float64{"openai": 0.1, "retry": 0.5, "bot": 0.4}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := summarize(testRun(), []parley.Turn{test.turn}, test.replies, test.calls)
			got, shares := map[string]float64{}, 0.0
			for _, p := range s.Split {
				got[p.Name] = p.Seconds
				shares += p.Share
				if p.Assumed != (p.Name == "openai") {
					t.Errorf("%s assumed: %v", p.Name, p.Assumed)
				}
			}
			if diff := cmp.Diff(test.want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
				t.Error(diff)
			}
			if math.Abs(shares-1) > 1e-9 {
				t.Errorf("shares add up to %v", shares)
			}
		})
	}
}

func TestSplitNamesWhatWasNotHeard(t *testing.T) {
	at := 20 * time.Second
	tests := []struct{ plan, want string }{
		{``, "the bot itself"},
		{`{"dependencies":[{"name":"openai","kind":"openai","simulate":true}]}`, "the bot itself"},
		{`{"dependencies":[{"name":"openai","simulate":true},{"name":"postgres","kind":"postgres","private":true}]}`, "the bot, with postgres"},
		{`{"dependencies":[{"name":"main-db","kind":"postgres"},{"name":"heard"},{"name":"redis","private":true}]}`, "the bot, with main-db and redis"},
		{`{"dependencies":[{"name":"a"},{"name":"b"},{"name":"c"}]}`, "the bot, with a, b and c"},
	}
	for _, test := range tests {
		run := testRun()
		run.Plan = json.RawMessage(test.plan)
		s := summarize(run, []parley.Turn{turn(1, at, 1000*ms)}, nil, []parley.Call{call(1, "heard/0", at, at+100*ms), call(1, "openai", at+100*ms, at+200*ms)})
		for _, p := range s.Split {
			if p.Name == "bot" && p.Label != test.want {
				t.Errorf("%s: got %q, want %q", test.plan, p.Label, test.want)
			}
		}
	}
}

func TestCrowd(t *testing.T) {
	left := turn(2, 30*time.Second, 0)
	left.Outcome, left.Ended, left.FirstReply, left.AnsweredAt, left.Replies = parley.Abandoned, 60*time.Second, parley.None, parley.None, 0
	left.Failure = "no reply"
	open := turn(3, 80*time.Second, 0)
	open.Outcome, open.Ended, open.FirstReply, open.AnsweredAt, open.Replies = parley.Open, parley.None, parley.None, parley.None, 0
	open.Ordinal, open.Conversation = 1, 1
	unsent := parley.Turn{ID: 4, Phase: "steady", Outcome: parley.Unsent, Due: 40 * time.Second, Ended: parley.None, Sent: parley.None}
	solo := turn(5, 5*time.Second, time.Second)
	solo.Phase = "solo"
	canary := turn(6, 0, time.Second)
	canary.Phase = "canary"
	s := summarize(testRun(), []parley.Turn{turn(1, 20*time.Second, 2*time.Second), left, open, unsent, solo, canary}, nil, nil)
	c := s.Judged
	got := [...]int{c.Turns, c.Answered, c.Abandoned, c.Lost, c.Cut, c.Open, c.Unsent, c.Failed, c.Conversations, c.Messages, c.MessagesAnswered, c.Reply.N, c.Reply.Censored, s.Solo.Turns, s.Solo.Answered}
	if want := [...]int{3, 1, 1, 1, 0, 1, 1, 1, 2, 3, 1, 3, 2, 1, 1}; got != want {
		t.Errorf("counts %v, want %v", got, want)
	}
	if s.JudgedPhase != "steady" || s.JudgedFor != 80*time.Second || c.PerHour != 45 {
		t.Errorf("judged %q for %v, %v an hour", s.JudgedPhase, s.JudgedFor, c.PerHour)
	}
	// Conversation 1 is open from 20 s to the end of the record, 2 from 30 s to 60 s.
	if c.Concurrency != (70+30)/80.0 || c.PeakConcurrency != 2 {
		t.Errorf("concurrency %v, peak %d", c.Concurrency, c.PeakConcurrency)
	}
	if c.Reply.Max != 30 || !c.Reply.MaxBeyond {
		t.Errorf("longest wait %v, beyond %v", c.Reply.Max, c.Reply.MaxBeyond)
	}
	if c.ReplyOpen.N != 2 || c.ReplyLater.N != 1 || c.Errors.N != 2 || c.AnsweredOf.Value != 0.5 {
		t.Errorf("open %d, later %d, errors %+v, answered %+v", c.ReplyOpen.N, c.ReplyLater.N, c.Errors, c.AnsweredOf)
	}
	if diff := cmp.Diff([]Tally{{"no reply", 1}}, c.Failures); diff != "" {
		t.Error(diff)
	}
}

func TestJudgedPhases(t *testing.T) {
	f := func(want string, kinds ...parley.PhaseKind) {
		t.Helper()
		run := &parley.Run{Elapsed: time.Minute}
		for _, k := range kinds {
			run.Phases = append(run.Phases, parley.Phase{Name: string(k), Kind: k, End: parley.None})
		}
		if got := summarize(run, nil, nil, nil).JudgedPhase; got != want {
			t.Errorf("of %v judged %q, want %q", kinds, got, want)
		}
	}
	f("steady", parley.Canary, parley.Solo, parley.WarmUp, parley.Steady, parley.Ramp, parley.Drain)
	f("ramp", parley.Canary, parley.Solo, parley.WarmUp, parley.Ramp, parley.Drain)
	f("warmup", parley.Canary, parley.Solo, parley.WarmUp)
	f("solo", parley.Canary, parley.Solo)
	f("drain", parley.Canary, parley.Drain)
	f("", parley.Canary)
	f("")
}

func TestUpstreams(t *testing.T) {
	at := 20 * time.Second
	broken := call(1, "openai", at+2*time.Second, 0)
	broken.End, broken.FirstByte, broken.Failure, broken.Retry = parley.None, parley.None, "cut", 1
	s := summarize(testRun(), []parley.Turn{turn(1, at, 5*time.Second), turn(2, at, 5*time.Second)}, []parley.Reply{{Fate: "stranger"}}, []parley.Call{
		call(1, "openai", at, at+time.Second), call(1, "openai", at+500*ms, at+1500*ms), broken,
		call(0, "evolution", at, at+100*ms), call(0, "evolution", time.Second, 2*time.Second), call(99, "redis", at, at+time.Second),
	})
	if len(s.Upstreams) != 2 || s.Calls != 5 || s.Strangers != 1 {
		t.Fatalf("%d upstreams, %d calls, %d strangers", len(s.Upstreams), s.Calls, s.Strangers)
	}
	u := s.Upstreams[0]
	if u.Wire != "openai" || u.Kind != "openai" || !u.Assumed || u.Calls != 3 || u.PerTurn != 1.5 || u.PeakInFlight != 2 || u.Failed != 1 || u.Retries != 1 || u.Latency.Censored != 1 {
		t.Errorf("got %+v", u)
	}
	if u := s.Upstreams[1]; u.Kind != PlatformKind || u.PerTurn != 0 || u.Calls != 1 {
		t.Errorf("got %+v", u)
	}
	if math.Abs(s.LLMPerTurn.Max-1.5) > 1e-9 || s.LLMPerTurn.N != 1 || s.LLM.N != 3 || s.Send.N != 1 {
		t.Errorf("models %v s in a turn, %d turns, %d calls; %d sends", s.LLMPerTurn.Max, s.LLMPerTurn.N, s.LLM.N, s.Send.N)
	}
	if math.Abs(s.Attributed-4.0/5) > 1e-9 {
		t.Errorf("attributed %v", s.Attributed)
	}
}

func TestRates(t *testing.T) {
	slow := turn(1, 9500*ms, 4*time.Second)
	slow.Said = 2
	s := summarize(testRun(), []parley.Turn{slow}, nil, nil)
	if len(s.Rates) != 100 {
		t.Fatalf("%d points", len(s.Rates))
	}
	waiting := 0.0
	for _, p := range s.Rates {
		waiting += p.InFlight * p.Width.Seconds()
	}
	if math.Abs(waiting-4) > 1e-9 || s.Rates[9].InFlight != 0.5 || s.Rates[10].InFlight != 1 || s.Rates[13].InFlight != 0.5 {
		t.Errorf("waited %v s in all", waiting)
	}
	if s.Rates[9].Offered != 2 || s.Rates[13].Answered != 2 || math.Abs(s.Rates[9].ReplyP50-4) > 0.04 {
		t.Errorf("got %+v and %+v", s.Rates[9], s.Rates[13])
	}
	for _, elapsed := range []time.Duration{time.Minute, 5 * time.Minute, 20 * time.Minute, time.Hour, 7 * time.Hour, 24 * time.Hour, 100 * time.Hour} {
		if n := len(newRateCount(elapsed).points); n < 48 || n > 120 {
			t.Errorf("%v has %d points", elapsed, n)
		}
	}
}

func TestRamp(t *testing.T) {
	run := testRun()
	run.Elapsed = 10 * time.Minute
	ramp := parley.Phase{Name: "ramp", Kind: parley.Ramp, Start: 0, End: 10 * time.Minute, Stopped: "saturated"}
	var turns []parley.Turn
	free := time.Duration(0) // when the one worker of this bot is free; it takes 100 ms a message
	rng := rand.New(rand.NewPCG(3, 4))
	for i, perMinute := range []int{200, 400, 800, 1600, 3200} {
		from := time.Duration(i) * 2 * time.Minute
		ramp.Steps = append(ramp.Steps, parley.Step{Start: from, End: from + 2*time.Minute, Rate: float64(perMinute * 60)})
		var due []time.Duration
		for range 2 * perMinute {
			due = append(due, from+time.Duration(rng.Int64N(int64(2*time.Minute))))
		}
		slices.Sort(due)
		for _, at := range due {
			free = max(free, at) + 100*ms
			turn := turn(int64(len(turns)+1), at, free-at)
			turn.Phase, turn.Step = "ramp", int32(i+1)
			if free-at > 30*time.Second {
				free -= 100 * ms // the worker drops what nobody waits for
				turn.Outcome, turn.Ended = parley.Abandoned, at+30*time.Second
			}
			turns = append(turns, turn)
		}
	}
	run.Phases = []parley.Phase{ramp}
	s := summarize(run, turns, nil, nil)
	if s.Ramp == nil || s.Ramp.Knee == nil {
		t.Fatalf("no knee: %+v", s.Ramp)
	}
	// Capacity is 600 a minute.
	if k := s.Ramp.Knee; k.LastGood != 2 || k.Capacity.Low > 36000 || k.Capacity.High < 35500 {
		t.Errorf("got %+v", k)
	}
	run.Generator.Invalid = []string{"CPU"}
	if s := summarize(run, turns, nil, nil); s.Ramp.Knee != nil {
		t.Error("a knee from a generator that was the limit itself")
	}
}

// The order of the rows does not matter, and the split adds up to the mean.
func TestOrderOfRows(t *testing.T) {
	run, turns, calls := crowded(2000)
	want := summarize(run, turns, nil, calls)
	rng := rand.New(rand.NewPCG(9, 9))
	rng.Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
	slices.SortFunc(calls, func(a, b parley.Call) int { return int(a.End - b.End) })
	got := summarize(run, turns, nil, calls)
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(1e-9, 1e-9)); diff != "" {
		t.Error(diff)
	}
	sum := 0.0
	for _, p := range got.Split {
		sum += p.Seconds
	}
	if mean := got.Judged.Reply.Mean.Value; math.Abs(sum-mean) > 1e-6 {
		t.Errorf("parts add up to %v, mean %v", sum, mean)
	}
	if text, err := json.Marshal(got); err != nil || len(text) == 0 {
		t.Errorf("not JSON: %v", err)
	}
}

func TestNothing(t *testing.T) {
	s := Summarize(&parley.Run{}, nil, nil, nil)
	if s.Judged.Turns != 0 || s.Ramp != nil || len(s.Split) != 0 {
		t.Errorf("got %+v", s)
	}
	if _, err := json.Marshal(s); err != nil {
		t.Error(err)
	}
}

// crowded makes a steady run of n turns with five calls each, two of them to a model with a price.
func crowded(n int) (*parley.Run, []parley.Turn, []parley.Call) {
	run := visitRun()
	run.Elapsed = time.Hour
	run.Phases = []parley.Phase{{Name: "steady", Kind: parley.Steady, End: time.Hour}}
	rng := rand.New(rand.NewPCG(1, 1))
	turns := make([]parley.Turn, n)
	calls := make([]parley.Call, 0, 5*n)
	for i := range turns {
		at := time.Hour * time.Duration(i) / time.Duration(n)
		wait := time.Duration(math.Exp(0.5*rng.NormFloat64()) * 1e9)
		turns[i] = turn(int64(i+1), at, wait)
		turns[i].Conversation = int64(i/3 + 1)
		turns[i].Ordinal, turns[i].Final = int32(i%3), i%3 == 2
		turns[i].Goal = i%4 == 0
		for j := range 5 {
			from := at + wait*time.Duration(j)/6
			c := call(int64(i+1), []string{"openai", "redis", "evolution"}[j%3], from, from+wait/7)
			if j%3 == 0 {
				c.Model, c.PromptTokens, c.CompletionTokens = "gpt-4o-mini", int64(100+i%7), int64(j)
			}
			calls = append(calls, c)
		}
	}
	return run, turns, calls
}

func BenchmarkSummarize100k(b *testing.B) { benchmark(b, 100_000) }
func BenchmarkSummarize1M(b *testing.B)   { benchmark(b, 1_000_000) }

// benchmark streams the rows, so that the memory reported is Summarize's own.
func benchmark(b *testing.B, n int) {
	run, turns, calls := crowded(1000)
	turnsOf := func(yield func(parley.Turn) bool) {
		for i := range n {
			t := turns[i%1000]
			shift := time.Duration(i/1000) * time.Millisecond
			t.ID, t.Conversation = int64(i+1), int64(i/3+1)
			t.Due, t.Spoken, t.AnsweredAt, t.Ended = t.Due+shift, t.Spoken+shift, t.AnsweredAt+shift, t.Ended+shift
			if !yield(t) {
				return
			}
		}
	}
	callsOf := func(yield func(parley.Call) bool) {
		for i := range 5 * n {
			c := calls[i%5000]
			shift := time.Duration(i/5000) * time.Millisecond
			c.Turn, c.Start, c.End = int64(i/5+1), c.Start+shift, c.End+shift
			if !yield(c) {
				return
			}
		}
	}
	var peak uint64
	for b.Loop() {
		Summarize(run, turnsOf, nil, callsOf)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.Sys)
	}
	b.ReportMetric(float64(peak)/1e6, "MB-of-system")
}
