package target

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestOutputTail(t *testing.T) {
	f := func(text string, want []string) {
		t.Helper()
		o := newOutput(nil, nil)
		_, _ = o.Write([]byte(text))
		o.Close()
		if diff := cmp.Diff(want, o.Tail()); diff != "" {
			t.Errorf("Tail of %.40q (-want +got):\n%s", text, diff)
		}
	}
	f("", nil)
	f("one", []string{"one"})
	f("one\ntwo\n\n", []string{"one", "two"})
	long := strings.Repeat("x\n", 1000) + "end\n"
	want := append(strings.Split(strings.Repeat("x\n", 19), "\n")[:19], "end")
	f(long, want)
}

func TestOutputBoundsMemory(t *testing.T) {
	o := newOutput(nil, []string{"secret"})
	for range 100 {
		_, _ = o.Write([]byte(strings.Repeat("no line ends here ", 1000)))
	}
	if len(o.pending) > 2*lineBytes || len(o.tail) > tailBytes {
		t.Errorf("pending %d bytes, tail %d bytes", len(o.pending), len(o.tail))
	}
}

// No secret passes, however the text is cut into writes and however long its lines are.
func TestOutputHidesSecrets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secrets := []string{"sk-proj-0123456789", "sk-proj", "p@ss/word"}
		piece := rapid.SampledFrom(append([]string{"a", "\n", "p%40ss%2Fword", strings.Repeat("long ", lineBytes/5)}, secrets...))
		var log strings.Builder
		o := newOutput(&log, secrets)
		for _, text := range rapid.SliceOfN(piece, 1, 30).Draw(t, "text") {
			cut := rapid.IntRange(0, len(text)).Draw(t, "cut")
			_, _ = o.Write([]byte(text[:cut]))
			_, _ = o.Write([]byte(text[cut:]))
		}
		o.Close()
		got := log.String() + strings.Join(o.Tail(), "\n")
		for _, s := range append(secrets, "p%40ss%2Fword") {
			if strings.Contains(got, s) {
				t.Fatalf("the log holds %q", s)
			}
		}
	})
}
