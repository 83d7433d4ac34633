package tap

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley"
	"parley/internal/fingerprint"
)

// TestGroup plays calls on one connection: each begins and ends before the next. A call's name says what is known of it when it
// begins: "id1" names turn 1, "val2" holds a value of turn 2's user, "time3" is of turn 3 by the time alone, "late4" is found to be of
// turn 4 when it is over, others are unknown. "|" ends the group.
func TestGroup(t *testing.T) {
	tests := []struct{ name, calls, want string }{
		{"the first names the turn", "id1 a b", "id1:1 identity, a:1 connection, b:1 connection"},
		{"a later one names it", "a val2 b", "a:2 connection, val2:2 value, b:2 connection"},
		{"the next group is another's", "id1 a | b id2", "id1:1 identity, a:1 connection, b:2 connection, id2:2 identity"},
		{"nobody names it", "a b |", "a:0 , b:0 "},
		{"the time says nothing of others", "time3 a |", "time3:3 time, a:0 "},
		{"users share the connection", "id1 id2 a |", "id1:1 identity, id2:2 identity, a:0 "},
		{"what is found at the end speaks for all", "a late4 b |", "a:4 connection, late4:4 sequence, b:4 connection"},
		{"what was known speaks before", "id1 late4 |", "id1:1 identity, late4:1 connection"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			turn := func(c *parley.Call, word string, by parley.Attribution) bool {
				number, ok := strings.CutPrefix(c.Operation, word)
				if ok {
					c.Turn, c.By = int64(number[0]-'0'), by
				}
				return ok
			}
			var recorded []string
			g := NewGroup(&Tap{Options: Options{
				Attribute: func(c *parley.Call, _ []fingerprint.Field) uint64 {
					if turn(c, "id", parley.ByIdentity) || c.Turn == 0 && (turn(c, "val", parley.ByValue) || turn(c, "time", parley.ByTime)) {
						return uint64(c.Turn)
					}
					return 0
				},
				Settle: func(c *parley.Call) uint64 {
					turn(c, "late", parley.BySequence)
					return uint64(c.Turn)
				},
				Record: func(c parley.Call) { recorded = append(recorded, fmt.Sprintf("%s:%d %s", c.Operation, c.Turn, c.By)) },
			}})
			for word := range strings.FieldsSeq(tt.calls) {
				if word == "|" {
					g.Close()
					continue
				}
				c := parley.Call{Operation: word}
				g.Began(&c, nil, nil)
				g.Ended(c, nil)
			}
			if diff := cmp.Diff(tt.want, strings.Join(recorded, ", ")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What came to light in a call is the user's of the group, or, tied by the time alone, goes with that doubt.
func TestGroupReveals(t *testing.T) {
	var revealed []string
	g := NewGroup(&Tap{Options: Options{
		Attribute: func(c *parley.Call, _ []fingerprint.Field) uint64 {
			switch c.Operation {
			case "id":
				c.Turn, c.By = 1, parley.ByIdentity
				return 11
			case "time":
				c.Turn, c.By = 2, parley.ByTime
				return 22
			}
			return 0
		},
		Reveal: func(user uint64, by parley.Attribution, fields []fingerprint.Field) {
			revealed = append(revealed, fmt.Sprint(user, " ", by, " ", fields[0].Value))
		},
	}})
	for i, operation := range []string{"time", "id", "other"} {
		c := parley.Call{Operation: operation}
		g.Began(&c, nil, nil)
		g.Ended(c, []fingerprint.Field{{Value: uint64(i)}})
	}
	if diff := cmp.Diff([]string{"22 time 0", "11 identity 1", "11 connection 2"}, revealed); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
