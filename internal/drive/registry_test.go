package drive

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Users who wait on the same words get their calls in turn, whenever each of them began to wait:
// a bot that calls once for each, and one that calls twice.
func TestCallsOfTheSameWordsAreDealtOutFairly(t *testing.T) {
	const words = 7
	tests := []struct {
		name  string
		steps string // A, B: the user begins to wait; a, b: ends to; dot: a call
		want  string // whom the calls are tied to
	}{
		{"one call each, overlapping", "A.B.aAb.Ba.", "ABAB"},
		{"two calls each, one after the other", "A..aB..b", "AABB"},
		{"two calls each, the second begins after both of the first", "A..B..", "AABB"},
		{"together", "AB....", "ABAB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRegistry()
			users := map[rune]*conversation{'A': {}, 'B': {}}
			got := ""
			for _, step := range tt.steps {
				switch c := users[step]; {
				case c != nil:
					r.wait(c, words)
				case step == '.':
					found, several := r.said(words)
					if several {
						found = r.served(words)
					}
					for name, c := range users {
						if c == found {
							got += string(name)
						}
					}
				default:
					r.unwait(users[step-'a'+'A'], words)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("calls of (-want +got):\n%s", diff)
			}
		})
	}
	r := newRegistry()
	if c, several := r.said(words); c != nil || several || r.served(words) != nil {
		t.Error("nobody waits, and a call was tied")
	}
}
