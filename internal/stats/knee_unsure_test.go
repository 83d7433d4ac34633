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
}
