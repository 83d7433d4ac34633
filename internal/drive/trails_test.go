package drive

import (
	"strings"
	"testing"
	"time"

	"parley"
)

// diary plays a script of calls to trails: each line is a moment in milliseconds, what happened, and the call.
//
//	12 begin 1 chat    a call that is known to be of turn 1 begins
//	90 end 1 chat      it ends
//	95 ask freebusy    a call of nobody known begins; whose it is taken to be is noted
//	99 settle freebusy it ends, having begun when it was asked
//	10 stray poll      a call comes though nobody waits
type diary struct {
	trails
	t     *testing.T
	users map[string]struct{}
	asked map[string]time.Duration
	alone bool
}

func newDiary(t *testing.T) *diary {
	return &diary{t: t, users: map[string]struct{}{}, asked: map[string]time.Duration{}}
}

// turn is that of a user, who has the same number.
func (d *diary) turn(user string) int64 {
	d.users[user] = struct{}{}
	return int64(user[0])
}

// play returns the users that calls were taken to be of, - for nobody.
func (d *diary) play(from time.Duration, script string) string {
	var out []string
	note := func(of int64) {
		if of == 0 {
			of = '-'
		}
		out = append(out, string(rune(of)))
	}
	for line := range strings.Lines(script) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		ms, err := time.ParseDuration(words[0] + "ms")
		if err != nil {
			d.t.Fatal(err)
		}
		at := from + ms
		call := parley.Call{Wire: "w", Operation: words[len(words)-1], Start: at, End: parley.None}
		switch words[1] {
		case "begin":
			call.Turn = d.turn(words[2])
			d.began(&call, uint64(call.Turn), d.alone)
		case "end":
			call.Turn, call.End = d.turn(words[2]), at
			d.over(&call)
		case "ask":
			d.asked[call.Operation] = at
			note(int64(d.next(&call, func(int64, uint64) bool { return true })))
		case "settle":
			call.Start, call.End = d.asked[call.Operation], at
			var underWay []int64
			for user := range d.users {
				underWay = append(underWay, d.turn(user))
			}
			note(d.settle(&call, underWay))
		case "stray":
			d.stray(&call)
		}
	}
	return strings.Join(out, " ")
}

// lessons of one user alone: after the model comes the calendar, 3 ms later, and a store.
func (d *diary) lessons() {
	d.alone = true
	for i := range 4 {
		d.play(time.Duration(i)*time.Second, `
			0 begin s chat
			500 end s chat
			503 begin s freebusy
			600 end s freebusy
			601 begin s chat
			800 end s chat
			802 begin s store
			803 end s store`)
	}
	d.alone = false
	clear(d.users)
}

func TestSequence(t *testing.T) {
	tests := []struct{ name, script, want string }{
		{"right after the call of one turn", `
			0 begin a chat
			0 begin b chat
			500 end a chat
			504 ask freebusy`, "a"},
		{"of two that are ready, nobody", `
			0 begin a chat
			0 begin b chat
			500 end a chat
			501 end b chat
			504 ask freebusy`, "-"},
		{"who is ready for long may be the one, too", `
			0 begin a chat
			0 begin b chat
			300 end a chat
			500 end b chat
			504 ask freebusy`, "-"},
		{"who has gone on is not", `
			0 begin a chat
			0 begin b chat
			300 end a chat
			303 begin a store
			500 end b chat
			504 ask freebusy`, "b"},
		{"a call that never came after", `
			0 begin a chat
			500 end a chat
			502 ask delete`, "-"},
		{"long after", `
			0 begin a chat
			500 end a chat
			1500 ask freebusy`, "-"},
		{"a kind of call that comes when nobody waits", `
			0 stray freebusy
			0 begin a chat
			500 end a chat
			502 ask freebusy`, "-"},
		{"of two that are ready the one who did nothing else until the end", `
			0 begin a chat
			0 begin b chat
			500 end a chat
			501 end b chat
			504 ask freebusy
			505 begin a store
			600 settle freebusy`, "- b"},
		{"of two that did nothing else nobody", `
			0 begin a chat
			0 begin b chat
			500 end a chat
			501 end b chat
			504 ask freebusy
			600 settle freebusy`, "- -"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDiary(t)
			d.lessons()
			if got := d.play(time.Minute, tt.script); got != tt.want {
				t.Errorf("taken to be of %q, want %q", got, tt.want)
			}
		})
	}
}

// What one user alone has not shown is learnt among many, from calls that can only have been one turn's.
func TestSequenceLearntAmongMany(t *testing.T) {
	d := newDiary(t)
	got := ""
	for i := range 5 {
		got += d.play(time.Duration(i)*time.Second, `
			0 begin a chat
			0 begin b chat
			500 end a chat
			504 ask freebusy
			600 settle freebusy
			601 begin a chat
			700 end a chat
			701 end b chat`) + " "
	}
	if want := strings.Repeat("- ", 6) + strings.Repeat("a ", 4); got != want {
		t.Errorf("taken to be of %q, want %q", got, want)
	}
}

// A turn of which nothing is known may have made any call, so that nobody else is taken for sure.
func TestNothingIsLearntBesideTheUnknown(t *testing.T) {
	d := newDiary(t)
	d.turn("z")
	for i := range 6 {
		if got := d.play(time.Duration(i)*time.Second, `
			0 begin a chat
			500 end a chat
			504 ask freebusy
			600 settle freebusy`); got != "- -" {
			t.Fatalf("taken to be of %q", got)
		}
	}
}
