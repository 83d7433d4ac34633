package anatomy

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"parley"
)

// scripted makes a turn that was answered by one send, after a statement and calls to the model, with gaps of 10 ms between them:
// 30 ms to the statement, which takes statement, models calls of 100 ms each, and 50 ms of sending.
type scripted struct {
	id        int64
	phase     string
	at        time.Duration
	statement time.Duration
	models    int
	ordinal   int32
	// wait is the bot's own time before the statement.
	wait time.Duration
}

func (s scripted) rows(nextID func() int64) (parley.Turn, []parley.Call, parley.Reply) {
	at := s.at + 30*ms + s.wait
	var calls []parley.Call
	add := func(c parley.Call, took time.Duration) {
		c.ID, c.Turn, c.Start, c.FirstByte, c.End = nextID(), s.id, at, at+took/2, at+took
		c.Flight = c.ID
		c.By = parley.ByIdentity
		calls = append(calls, c)
		at += took + 10*ms
	}
	add(parley.Call{Wire: "postgres", Operation: "SELECT", Conn: 1, Rows: 3}, s.statement)
	for range s.models {
		add(parley.Call{Wire: "openai", Operation: "POST chat", Conn: 1, Model: "m", PromptTokens: 100}, 100*ms)
	}
	add(parley.Call{Wire: "evolution", Operation: "POST /message/sendText/{instance}", Conn: s.id, Status: 201}, 50*ms)
	last := &calls[len(calls)-1]
	answered := last.End - ms
	reply := parley.Reply{Turn: s.id, Received: last.Start, Delivered: answered, Fate: "answer"}
	t := turn(s.id, s.at, answered-s.at)
	t.Phase, t.Ordinal, t.Sent, t.Acked = s.phase, s.ordinal, s.at+5*ms, s.at+25*ms
	return t, calls, reply
}

// play makes the rows of turns, and one ping that belongs to none.
func play(all ...scripted) (turns []parley.Turn, calls []parley.Call, replies []parley.Reply) {
	id := int64(0)
	next := func() int64 { id++; return id }
	for _, s := range all {
		t, c, r := s.rows(next)
		turns, calls, replies = append(turns, t), append(calls, c...), append(replies, r)
	}
	ping := 20 * time.Second
	calls = append(calls, parley.Call{ID: next(), Wire: "redis", Operation: "PING", Conn: 1, Flight: 1, Start: ping, FirstByte: ping + ms, End: ping + ms},
		parley.Call{ID: next(), Wire: "redis", Operation: "BRPOP q", Conn: 2, Flight: 2, Start: ping, FirstByte: ping + 5*time.Second, End: ping + 5*time.Second, Blocking: true})
	return turns, calls, replies
}

func bodyRun() *parley.Run {
	run := testRun()
	run.Plan = []byte(`{"target":{"platform":"evolution"},"dependencies":[
		{"name":"openai","kind":"openai","simulate":true},{"name":"postgres","kind":"postgres"},{"name":"redis","kind":"redis"}]}`)
	return run
}

func near() cmp.Option { return cmpopts.EquateApprox(0, 1e-6) }

func TestWaterfall(t *testing.T) {
	turns, calls, replies := play(scripted{id: 7, phase: "steady", at: 15 * time.Second, statement: 20 * ms, models: 2})
	got := Dissect(bodyRun(), []int64{7, 99}, slices.Values(turns), slices.Values(replies), slices.Values(calls))
	if len(got) != 1 {
		t.Fatalf("%d waterfalls", len(got))
	}
	w := got[0]
	// 30 statement 50, 60 model 160, 170 model 270, 280 send 330 of which the answer came at 329.
	wantPath := []Piece{
		{0, 5 * ms, "platform", -1, -1, 0}, {5 * ms, 25 * ms, "waiting", -1, -1, 0}, {25 * ms, 30 * ms, "bot", -1, -1, 0},
		{30 * ms, 50 * ms, "postgres", 0, -1, -1}, {50 * ms, 60 * ms, "bot", -1, 0, 1},
		{60 * ms, 160 * ms, "llm", 1, -1, -1}, {160 * ms, 170 * ms, "bot", -1, 1, 2},
		{170 * ms, 270 * ms, "llm", 2, -1, -1}, {270 * ms, 280 * ms, "bot", -1, 2, 3},
		{280 * ms, 329 * ms, "sending", 3, -1, -1},
	}
	if diff := cmp.Diff(wantPath, w.Path); diff != "" {
		t.Errorf("path (-want +got):\n%s", diff)
	}
	wantGaps := slices.DeleteFunc(slices.Clone(wantPath), func(p Piece) bool { return p.Call >= 0 })
	if diff := cmp.Diff(wantGaps, w.Gaps); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
	wantLayers := []TurnLayer{
		{"platform", 5 * ms, 0, 0, 0}, {"waiting", 20 * ms, 0, 0, 0}, {"bot", 35 * ms, 0, 0, 0},
		{"postgres", 20 * ms, 1, 1, 1}, {"llm", 200 * ms, 2, 2, 1}, {"sending", 49 * ms, 1, 1, 1},
	}
	if diff := cmp.Diff(wantLayers, w.Layers); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}
	wantMarks := []Mark{
		{"sent", 5 * ms, ""}, {"acknowledged", 25 * ms, ""}, {"reply received", 280 * ms, "answer"},
		{"reply delivered", 329 * ms, "answer"}, {"answered", 329 * ms, ""},
	}
	if diff := cmp.Diff(wantMarks, w.Marks); diff != "" {
		t.Errorf("marks (-want +got):\n%s", diff)
	}
	if w.Reply != 329*ms || w.Lanes != 1 || w.Untied != 0 || w.Incomplete {
		t.Errorf("reply %v, %d lanes, untied %v, incomplete %v", w.Reply, w.Lanes, w.Untied, w.Incomplete)
	}
	if c := w.Calls[1]; c.FirstByte != 110*ms || c.OnPath != 100*ms || !c.Opened || w.Calls[2].Opened || c.Prompt != 100 {
		t.Errorf("%+v", c)
	}
}

// Calls that overlap stand in lanes of their own, and share the time of a gap.
func TestWaterfallLanes(t *testing.T) {
	at := 15 * time.Second
	said := turn(1, at, 1000*ms)
	calls := []parley.Call{
		call(1, "openai", at+100*ms, at+400*ms), call(1, "openai", at+200*ms, at+600*ms), call(1, "redis", at+450*ms, at+500*ms),
		{Turn: 1, Wire: "redis", Operation: "BRPOP", Start: at + 650*ms, End: at + 900*ms, Blocking: true},
	}
	w := Dissect(bodyRun(), []int64{1}, slices.Values([]parley.Turn{said}), nil, slices.Values(calls))[0]
	var lanes []int
	for _, c := range w.Calls {
		lanes = append(lanes, c.Lane)
	}
	if diff := cmp.Diff([]int{0, 1, 0, 0}, lanes); diff != "" || w.Lanes != 2 {
		t.Errorf("lanes (-want +got):\n%s", diff)
	}
	last := w.Gaps[len(w.Gaps)-1]
	if want := (Piece{600 * ms, 1000 * ms, "bot", -1, 1, -1}); last != want {
		t.Errorf("last gap %+v, want %+v", last, want)
	}
}

// A turn without an answer has no critical path; its gaps end where the user stopped waiting.
func TestWaterfallWithoutAnswer(t *testing.T) {
	at := 15 * time.Second
	said := turn(1, at, 1000*ms)
	said.Outcome, said.AnsweredAt, said.FirstReply = parley.Abandoned, parley.None, parley.None
	open := call(1, "openai", at+100*ms, parley.None)
	open.FirstByte = at + 300*ms
	w := Dissect(bodyRun(), []int64{1}, slices.Values([]parley.Turn{said}), nil, slices.Values([]parley.Call{open}))[0]
	if w.Path != nil || w.Reply != 1000*ms || !w.Calls[0].Unfinished || w.Calls[0].End != 300*ms {
		t.Errorf("%+v", w)
	}
	if mark := w.Marks[len(w.Marks)-1]; mark != (Mark{"gave up", 1000 * ms, ""}) {
		t.Errorf("%+v", mark)
	}
}

func TestWaterfallIncomplete(t *testing.T) {
	at := 15 * time.Second
	f := func(untied int, want bool) {
		t.Helper()
		calls := []parley.Call{}
		for i := range 20 {
			c := call(1, "postgres", at+time.Duration(i)*10*ms, at+time.Duration(i)*10*ms+5*ms)
			if i < untied {
				c.Turn = 0
			}
			calls = append(calls, c, call(0, "redis", at, at+ms)) // a wire that the turn did not use
			waits := call(0, "postgres", at, at+ms)
			waits.Blocking = true
			calls = append(calls, waits)
		}
		w := Dissect(bodyRun(), []int64{1}, slices.Values([]parley.Turn{turn(1, at, 1000*ms)}), nil, slices.Values(calls))[0]
		if w.Incomplete != want || math.Abs(w.Untied-float64(untied)/20) > 1e-9 {
			t.Errorf("%d of 20 untied: %v, incomplete %v", untied, w.Untied, w.Incomplete)
		}
	}
	f(0, false)
	f(2, false)
	f(3, true)
}

// crowdOf is ten solo turns with one model call and a hundred judged ones; two of these are slow.
func crowdOf() []scripted {
	var all []scripted
	for i := range 10 {
		all = append(all, scripted{id: int64(i + 1), phase: "solo", at: time.Second + time.Duration(i)*800*ms, statement: time.Duration(10+i) * ms, models: 1})
	}
	for i := range 100 {
		s := scripted{id: int64(100 + i), phase: "steady", at: 10*time.Second + time.Duration(i)*700*ms, statement: time.Duration(20+i%20) * ms, models: 2, ordinal: int32(i % 2)}
		if i == 40 || i == 41 {
			s.wait, s.statement, s.models = 500*ms, 300*ms, 4
		}
		all = append(all, s)
	}
	return all
}

func TestBody(t *testing.T) {
	turns, calls, replies := play(crowdOf()...)
	b := summarize(bodyRun(), turns, replies, calls).Anatomy
	// Alone: statements of 10 to 19 ms, so that 14 and 15 are the middle.
	if id := b.Typical.Turn; id != 5 && id != 6 || b.Typical.Phase != "solo" {
		t.Errorf("typical turn %d", id)
	}
	if id := b.Slow.Turn; id != 140 && id != 141 {
		t.Errorf("slow turn %d", id)
	}
	d := b.Difference
	if d.Turn != b.Slow.Turn || d.Among != "step" || d.N != 9 {
		t.Errorf("compared with %d of %q", d.N, d.Among)
	}
	sum := 0.0
	for _, l := range d.Layers {
		sum += l.More()
	}
	if want := d.Reply - d.Peers; math.Abs(sum-want) > 1e-6 || math.Abs(d.Reply-b.Slow.Reply.Seconds()) > 1e-9 {
		t.Errorf("layers explain %v of %v", sum, want)
	}
	type row struct {
		Layer, Operation string
		More             float64
		Calls            int
		PeerCalls        float64
	}
	var got []row
	for _, c := range d.Causes[:3] {
		got = append(got, row{c.Layer, c.Operation, c.More(), c.Calls, c.PeerCalls})
	}
	want := []row{{"bot", "SELECT", .5, 0, 0}, {"postgres", "SELECT", .3 - d.Causes[1].Peers, 1, 1}, {"llm", "POST chat", .2, 4, 2}}
	if diff := cmp.Diff(want, got, near()); diff != "" {
		t.Errorf("causes (-want +got):\n%s", diff)
	}
	if last := d.Layers[len(d.Layers)-1]; last.Layer != "sending" || last.Calls != 1 || last.PeerCalls != 1 {
		t.Errorf("a reply is sent once, and its delivery is no call: %+v", last)
	}
	if p := d.Causes[1].Peers; p < .027 || p > .032 { // the middle of 20 to 38 or 21 to 39 ms
		t.Errorf("the peers' statement took %v s", p)
	}
}

func TestBodyLayers(t *testing.T) {
	turns, calls, replies := play(crowdOf()...)
	sum := summarize(bodyRun(), turns, replies, calls)
	mean, share := 0.0, 0.0
	byName := map[string]Layer{}
	for _, l := range sum.Anatomy.Layers {
		mean, share = mean+l.Mean.Value, share+l.Share
		byName[l.Name] = l
	}
	if math.Abs(mean-sum.Judged.Reply.Mean.Value) > 1e-9 || math.Abs(share-1) > 1e-9 {
		t.Errorf("means of layers sum to %v of %v, shares to %v", mean, sum.Judged.Reply.Mean.Value, share)
	}
	model := byName["llm"]
	if want := 2.04; math.Abs(model.Calls-want) > 1e-9 || math.Abs(model.Flights-want) > 1e-9 || !model.Assumed || math.Abs(model.Mean.Value-.204) > 1e-9 {
		t.Errorf("%+v", model)
	}
	if l := byName["sending"]; l.Opened != 1 || l.Calls != 1 {
		t.Errorf("each turn sends on a connection of its own: %+v", l)
	}
	if l := byName["postgres"]; l.Opened != 0 { // the first turn alone opened it
		t.Errorf("%+v", l)
	}
}

// Calls that are sent together share a round trip.
func TestFlights(t *testing.T) {
	at := 20 * time.Second
	var calls []parley.Call
	for i, flight := range []int64{7, 7, 7, 8, 0, 0} { // 0: the wire knows of none
		c := call(1, "redis", at+time.Duration(i)*ms, at+time.Duration(i+1)*ms)
		c.Conn, c.Flight = 3, flight
		calls = append(calls, c)
	}
	b := summarize(bodyRun(), []parley.Turn{turn(1, at, time.Second)}, nil, calls).Anatomy
	if n, flights, opened := b.Slow.Count(); n != 6 || flights != 4 || opened != 1 {
		t.Errorf("%d calls in %d round trips, %d connections", n, flights, opened)
	}
	for _, l := range b.Layers {
		if l.Name == "redis" && (l.Calls != 6 || l.Flights != 4 || l.Opened != 1) {
			t.Errorf("%+v", l)
		}
	}
}

// A typical turn makes as many calls as most do, even if turns of other kinds are nearer the middle of all.
func TestTypicalIsLikeMost(t *testing.T) {
	var all []scripted
	for i := range 30 {
		models := 1 // ten of these, quick
		if i%3 != 0 {
			models = 3 + i%7 // some three of each of these, slow
		}
		all = append(all, scripted{id: int64(i + 1), phase: "steady", at: 10*time.Second + time.Duration(i)*2*time.Second, statement: 20 * ms, models: models})
	}
	turns, calls, replies := play(all...)
	w := summarize(bodyRun(), turns, replies, calls).Anatomy.Typical
	if n, _, _ := w.Count(); n != 3 {
		t.Errorf("%d calls in the typical turn", n)
	}
}

func TestBackground(t *testing.T) {
	turns, calls, replies := play(crowdOf()...)
	b := summarize(bodyRun(), turns, replies, calls).Anatomy
	per := 1 / (80.0 / 60)
	all := 100*4 + 2*2 + 2.0
	want := []Background{
		{Wire: "redis", Operation: "BRPOP q", Calls: 1, PerMinute: per, Share: 1 / all, Seconds: 5, Blocking: true},
		{Wire: "redis", Operation: "PING", Calls: 1, PerMinute: per, Share: 1 / all, Seconds: .001},
	}
	if diff := cmp.Diff(want, b.Background, near()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLoads(t *testing.T) {
	run := bodyRun()
	run.Phases = append(run.Phases, parley.Phase{Name: "ramp", Kind: parley.Ramp, Start: 90 * time.Second, End: 100 * time.Second,
		Steps: []parley.Step{{Start: 90 * time.Second, End: 95 * time.Second}, {Start: 95 * time.Second, End: parley.None}}})
	said := turn(1, 91*time.Second, time.Second)
	said.Phase, said.Said = "ramp", 2
	held := turn(2, 96*time.Second, 0)
	held.Phase, held.Outcome, held.Said = "ramp", parley.Unsent, 0
	calls := []parley.Call{
		call(1, "openai", 91*time.Second, 96*time.Second), call(1, "openai", 92*time.Second, 93*time.Second), call(0, "redis", 20*time.Second, 24*time.Second),
		{Wire: "redis", Start: 90 * time.Second, End: 100 * time.Second, Blocking: true},
	}
	got := summarize(run, []parley.Turn{said, held}, nil, calls).Anatomy.Loads
	want := []Load{
		{Name: "solo", From: time.Second, To: 10 * time.Second},
		{Name: "steady", From: 10 * time.Second, To: 90 * time.Second, InFlight: []InFlight{{"redis", .05, 1}}},
		{Name: "ramp, step 1", From: 90 * time.Second, To: 95 * time.Second, Offered: 1440, InFlight: []InFlight{{"openai", 1, 2}}},
		{Name: "ramp, step 2", From: 95 * time.Second, To: 100 * time.Second, Offered: 720, InFlight: []InFlight{{"openai", .2, 1}}},
	}
	if diff := cmp.Diff(want, got, near()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A run without calls has no anatomy.
func TestNoBody(t *testing.T) {
	if b := summarize(bodyRun(), []parley.Turn{turn(1, 20*time.Second, time.Second)}, nil, nil).Anatomy; b != nil {
		t.Errorf("%+v", b)
	}
}

// Whatever the rows are: parts sum to the reply, gaps lie within it, are not negative and touch no call.
func TestWaterfallProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := 20 * time.Second
		said := turn(1, at, time.Duration(rapid.IntRange(0, 900).Draw(t, "reply"))*ms)
		said.Sent = at + time.Duration(rapid.IntRange(-300, 50).Draw(t, "sent"))*ms
		said.Acked = at + time.Duration(rapid.IntRange(-1, 1000).Draw(t, "acked"))*ms
		said.Attempts = int32(rapid.IntRange(1, 3).Draw(t, "attempts"))
		wires := []string{"evolution", "openai", "postgres", "redis", "other"}
		var calls []parley.Call
		for range rapid.IntRange(0, 15).Draw(t, "n") {
			start := at + time.Duration(rapid.IntRange(-400, 1200).Draw(t, "start"))*ms
			c := call(1, rapid.SampledFrom(wires).Draw(t, "wire"), start, start+time.Duration(rapid.IntRange(0, 500).Draw(t, "took"))*ms)
			c.Operation = rapid.SampledFrom([]string{"POST /message/sendText", "x"}).Draw(t, "operation")
			if rapid.IntRange(0, 9).Draw(t, "lost") == 0 {
				c.End = parley.None
			}
			calls = append(calls, c)
		}
		replies := []parley.Reply{{Turn: 1, Received: at, Delivered: said.AnsweredAt}}
		w := Dissect(bodyRun(), []int64{1}, slices.Values([]parley.Turn{said}), slices.Values(replies), slices.Values(calls))[0]
		var layers, path, onPath time.Duration
		for _, l := range w.Layers {
			layers += l.Time
		}
		for _, p := range w.Path {
			path += p.To - p.From
		}
		for _, c := range w.Calls {
			if c.OnPath < 0 {
				t.Fatalf("%+v", c)
			}
			onPath += c.OnPath
		}
		if layers != w.Reply || path != w.Reply || onPath > w.Reply {
			t.Fatalf("layers %v, path %v, of calls %v; reply %v", layers, path, onPath, w.Reply)
		}
		for _, g := range w.Gaps {
			if g.From >= g.To || g.From < 0 || g.To > w.Reply {
				t.Fatalf("gap %+v", g)
			}
			for _, c := range w.Calls {
				if c.Start < g.To && c.End > g.From {
					t.Fatalf("gap %+v during call %v to %v", g, c.Start, c.End)
				}
			}
		}
		free := map[int]time.Duration{}
		for _, c := range w.Calls {
			if until, ok := free[c.Lane]; ok && c.Start < until || c.Lane >= w.Lanes {
				t.Fatalf("%+v in lane %d, which is free from %v", c, c.Lane, until)
			}
			free[c.Lane] = c.End
		}
		b := summarize(bodyRun(), []parley.Turn{said}, replies, calls).Anatomy
		if len(calls) > 0 && b != nil && b.Slow != nil {
			for _, l := range b.Layers {
				if math.Abs(l.Mean.Value-b.Slow.Time(l.Name).Seconds()) > 1e-9 {
					t.Fatalf("layer %s: mean %v of one turn, which has %v", l.Name, l.Mean.Value, b.Slow.Time(l.Name))
				}
			}
		}
	})
}
