package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"parley"
	"parley/internal/plan"
)

const ms = time.Millisecond

// scene is a record and a log made by hand: two users speak at once, on connections that cross.
func scene() *evidence {
	turn := func(id int64, user uint64, sent, acked, ended time.Duration, phase string) parley.Turn {
		return parley.Turn{ID: id, Conversation: id, User: user, Sent: sent, Acked: acked, Ended: ended, Said: 1, Phase: phase, Outcome: parley.Answered}
	}
	call := func(turn int64, by parley.Attribution, conn int64, from, to time.Duration, operation string) parley.Call {
		return parley.Call{Turn: turn, By: by, Wire: "redis", Operation: operation, Conn: conn, Start: from, End: to}
	}
	on := func(name string, port int, user, message string, from, to time.Duration) span {
		return span{Name: name, Start: from, End: to, Sent: from, Received: to, Worker: 1, Port: port, User: user, Message: message}
	}
	return &evidence{
		run: &parley.Run{Elapsed: 10 * time.Second, Phases: []parley.Phase{
			{Kind: parley.Solo, Start: 0, End: time.Second}, {Kind: parley.Steady, Start: time.Second, End: 3 * time.Second},
		}},
		turns: []parley.Turn{
			turn(1, 10, 100*ms, 110*ms, 900*ms, "solo"),
			turn(2, 20, 1000*ms, 1060*ms, 2000*ms, "steady"),
			turn(3, 30, 1030*ms, 1090*ms, 2500*ms, "steady"),
		},
		calls: []parley.Call{
			call(1, parley.ByTime, 1, 120*ms, 140*ms, "GET a"),
			call(1, parley.ByTime, 1, 160*ms, 180*ms, "GET b"),
			call(1, parley.ByTime, 1, 200*ms, 220*ms, "GET c"),
			call(2, parley.ByIdentity, 1, 1100*ms, 1120*ms, "GET a"),
			call(2, parley.ByOrder, 2, 1105*ms, 1125*ms, "GET a"), // turn 3's, in truth
			call(0, parley.Unattributed, 2, 1200*ms, 1210*ms, "GET b"),
			call(0, parley.Unattributed, 2, 1300*ms, 1310*ms, "GET poll"),
		},
		spans: []span{
			{Name: "webhook", User: "A", Message: "m1", Start: 101 * ms, End: 109 * ms},
			on("redis.get", 71, "A", "m1", 120*ms, 140*ms),
			on("redis.get", 71, "A", "m1", 160*ms, 180*ms),
			on("redis.get", 71, "A", "m1", 209*ms, 220*ms), // the gap before is 9 ms longer than in the record
			{Name: "webhook", User: "B", Message: "m2", Start: 1001 * ms, End: 1059 * ms},
			{Name: "webhook", User: "C", Message: "m3", Start: 1031 * ms, End: 1089 * ms},
			on("redis.get", 71, "B", "m2", 1100*ms, 1120*ms),
			on("redis.get", 72, "C", "m3", 1105*ms, 1125*ms),
			on("redis.get", 72, "C", "m3", 1199*ms, 1211*ms),
			on("redis.get", 72, "C", "m3", 1700*ms, 1710*ms), // which the record lacks
		},
	}
}

func TestJudge(t *testing.T) {
	f, err := scene().judge()
	if err != nil {
		t.Fatal(err)
	}
	if f.Calls != 3 || f.Attributed != 2.0/3 || f.Right != 0.5 {
		t.Errorf("%d calls, %v attributed, %v of them rightly; want 3, 2/3 and 1/2", f.Calls, f.Attributed, f.Right)
	}
	if f.Background != 1 || f.BackgroundTied != 0 || f.Unmatched != 1 || f.Unknown+f.UnknownUsers != 0 {
		t.Errorf("background %d (%d tied), %d unmatched, %d calls and %d users unknown", f.Background, f.BackgroundTied, f.Unmatched, f.Unknown, f.UnknownUsers)
	}
	if f.Gaps != 2 || f.GapsWithin != 0.5 {
		t.Errorf("%v of %d gaps agree, want half of 2", f.GapsWithin, f.Gaps)
	}
	// Of three calls while turns 2 and 3 wait the first is the longest waiting one's; chance has each by a half.
	if want := (rule{1, 1.0 / 3}); f.LongestWaiting != want {
		t.Errorf("longest waiting %+v, want %+v", f.LongestWaiting, want)
	}
	if want := (rule{1, 0.5}); f.Random != want {
		t.Errorf("random %+v, want %+v", f.Random, want)
	}
	if by := f.Ways["order"]; by == nil || *by != (tally{1, 1, 0}) {
		t.Errorf("by order: %+v", by)
	}
	if f.Solo != (tally{3, 3, 3}) {
		t.Errorf("solo: %+v", f.Solo)
	}
}

func TestAgrees(t *testing.T) {
	for _, c := range []struct {
		length, truth time.Duration
		want          bool
	}{{10 * ms, 12 * ms, true}, {10 * ms, 13 * ms, false}, {105 * ms, 100 * ms, true}, {106 * ms, 100 * ms, false}, {3 * ms, ms, true}} {
		if got := agrees(c.length, c.truth); got != c.want {
			t.Errorf("%v for %v: %v", c.length, c.truth, got)
		}
	}
}

// Two users who said as much at the same time cannot be told apart, and are left out.
func TestUsersWhoCouldBeEither(t *testing.T) {
	e := scene()
	e.turns[2].Sent, e.turns[1].Acked = e.turns[1].Sent, e.turns[2].Acked
	if _, unknown := e.users(); unknown != 2 {
		t.Errorf("%d users unknown, want 2", unknown)
	}
}

func TestPlan(t *testing.T) {
	home, err := filepath.Abs("../../examples/receptionist")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(home, "parley.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	b := bench{perHour: 5400, think: "3s", solo: 40 * time.Second, steady: time.Minute}
	edited, err := b.plan(string(text), home, "/tmp/spans")
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Parse("bench.yaml", []byte(edited), t.TempDir(), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	if p.Load.ConversationsPerHour != 5400 || len(p.Load.Phases) != 3 || p.Load.Phases[2].Duration != time.Minute || p.Target.Env["SPAN_LOG"] != "/tmp/spans" {
		t.Errorf("load %+v, environment %v", p.Load, p.Target.Env)
	}
	if _, err := b.plan("name: other\n", home, ""); err == nil {
		t.Error("another plan was edited")
	}
}
