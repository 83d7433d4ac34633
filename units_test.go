package parley

import (
	"testing"
	"time"
)

func TestFormats(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(FormatDuration(0), "0 ms")
	f(FormatDuration(1500*time.Nanosecond), "1.50 µs")
	f(FormatDuration(184*time.Millisecond), "184 ms")
	f(FormatDuration(999600*time.Microsecond), "1.00 s")
	f(FormatDuration(2310*time.Millisecond), "2.31 s")
	f(FormatDuration(90*time.Second), "90.0 s")
	f(FormatDuration(20*time.Minute), "20 min")
	f(FormatDuration(-3*time.Second), "-3.00 s")

	f(FormatShare(0), "0 %")
	f(FormatShare(0.0042), "0.42 %")
	f(FormatShare(0.123), "12 %")
	f(FormatShare(0.9967), "99.7 %")
	f(FormatShare(1), "100 %")

	f(FormatNumber(0), "0")
	f(FormatNumber(17.25), "17.2")
	f(FormatNumber(999), "999")
	f(FormatNumber(66599.4), "66,599")
	f(FormatNumber(-1234567), "-1,234,567")

	f(FormatDollars(0), "$0")
	f(FormatDollars(0.0042), "$0.0042")
	f(FormatDollars(0.00123456), "$0.00123")
	f(FormatDollars(0.5), "$0.50")
	f(FormatDollars(0.976), "$0.98")
	f(FormatDollars(0.09949), "$0.0995")
	f(FormatDollars(0.9999), "$1.00")
	f(FormatDollars(1.234), "$1.23")
	f(FormatDollars(-2), "-$2.00")
	f(FormatDollars(999.999), "$1,000")
	f(FormatDollars(12_400), "$12,400")
	f(FormatDollars(1e-20), "$0.00")
	f(ShortenFigure("$5.00"), "$5")
	f(ShortenFigure("$0.50"), "$0.50")
	f(ShortenFigure("5.00 s"), "5 s")
	f(ShortenFigure("2.50 s"), "2.5 s")
	f(ShortenFigure("200 ms"), "200 ms")
	f(ShortenFigure("30"), "30")
}

// A hash is the same for the same run only, and says nothing by being absent.
func TestKey(t *testing.T) {
	a, b := NewKey(), NewKey()
	first, again := a.Hash("999100000000001"), a.Hash("999100000000001")
	if first != again || a.Hash("x") == a.Hash("y") {
		t.Error("a key must tell texts apart, and know them again")
	}
	if a.Hash("x") == b.Hash("x") {
		t.Error("another run must have other hashes")
	}
	if a.Hash("") != 0 || a.Hash("x") == 0 {
		t.Error("0 is for the empty text alone")
	}
}

func TestTurnLatencies(t *testing.T) {
	answered := Turn{Outcome: Answered, Due: 1e9, Spoken: 2e9, FirstReply: 25e8, AnsweredAt: 3e9, Ended: 3e9, Replies: 2}
	if wait, censored := answered.ReplyLatency(); wait != time.Second || censored {
		t.Errorf("answered: %v, %v", wait, censored)
	}
	if wait, censored := answered.FirstReplyLatency(); wait != 500*time.Millisecond || censored {
		t.Errorf("first reply: %v, %v", wait, censored)
	}
	gone := Turn{Outcome: Abandoned, Spoken: 2e9, FirstReply: None, AnsweredAt: None, Ended: 32e9}
	if wait, censored := gone.ReplyLatency(); wait != 30*time.Second || !censored || !gone.Lost() || !gone.Failed() {
		t.Errorf("abandoned: %v, %v, lost %v, failed %v", wait, censored, gone.Lost(), gone.Failed())
	}
	late := gone
	late.Late = 1
	if late.Lost() {
		t.Error("a turn answered too late is not lost")
	}
}
