package stats

import (
	"strings"
	"testing"
	"time"
)

// A level that falls short by less than chance could explain must not clear the
// one before it, nor pass for one that was kept up with.
func TestKneeWithLevelsNobodyCanTell(t *testing.T) {
	level := func(offered, served, before float64) Level {
		return Level{For: 20 * time.Second, Offered: offered, Served: served, Before: before, Wait: 900 * time.Millisecond}
	}
	after := FindKnee([]Level{level(18, 18, 1), level(23, 23, 1), level(33, 20, 5), level(38, 29, 9)})
	if !after.Found || after.LastGood != 1 {
		t.Errorf("found %v after level %d (%s), want one after level 1", after.Found, after.LastGood, after.Why)
	}
	last := FindKnee([]Level{level(18, 18, 1), level(23, 23, 1), level(28, 24, 4)})
	if last.Found || last.LastGood != 1 || !strings.Contains(last.Why, "too few to be sure") {
		t.Errorf("found %v, last good %d: %s", last.Found, last.LastGood, last.Why)
	}
	none := FindKnee([]Level{level(30, 25, 2), level(36, 31, 7)})
	if none.Found || none.LastGood != -1 || !strings.Contains(none.Why, "too few to be sure") {
		t.Errorf("found %v, last good %d: %s", none.Found, none.LastGood, none.Why)
	}
	unused := FindKnee([]Level{{For: 20 * time.Second, Offered: 30, Served: 12, Limited: true}})
	if unused.Found || unused.Why != "no step of the load could be used" {
		t.Errorf("found %v: %s", unused.Found, unused.Why)
	}
	early := FindKnee([]Level{level(30, 30, 1), level(60, 49, 1), level(36, 32, 6)})
	if early.Found || !strings.Contains(early.Why, "only step 2 fell behind") {
		t.Errorf("found %v, last good %d: %s", early.Found, early.LastGood, early.Why)
	}
}
