package price

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The counts of the first two are those the tiktoken README and the OpenAI cookbook print.
func TestTokens(t *testing.T) {
	var c Counter
	tests := []struct {
		model, text string
		want        int
	}{
		{"gpt-4o", "", 0},
		{"gpt-4", "tiktoken is great!", 6},
		{"gpt-4o", "tiktoken is great!", 6},
		{"gpt-4", "antidisestablishmentarianism", 6},
		{"gpt-4", "お誕生日おめでとう", 9},
		{"gpt-4o", "お誕生日おめでとう", 8},
		{"gpt-4-turbo", "お誕生日おめでとう", 9},
		{"gpt-3.5-turbo", "お誕生日おめでとう", 9},
		{"gpt-35-turbo", "お誕生日おめでとう", 9},
		{"gpt-4.1", "お誕生日おめでとう", 8},
		{"ft:gpt-4o-mini:x", "お誕生日おめでとう", 8},
		{"anything else", "お誕生日おめでとう", 8},
	}
	for _, test := range tests {
		for range 2 { // the second time from memory
			if got := c.Tokens(test.model, test.text); got != test.want {
				t.Errorf("Tokens(%q, %q) = %d, want %d", test.model, test.text, got, test.want)
			}
		}
	}
}

func TestPieces(t *testing.T) {
	var c Counter
	want := []Piece{{"Are", 1}, {" you", 1}, {" open", 1}, {"?", 1}}
	if diff := cmp.Diff(want, c.Pieces("gpt-4o", "Are you open?")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := c.Pieces("gpt-4o", ""); len(got) != 0 {
		t.Errorf("the empty text has pieces %v", got)
	}
}

func TestPiecesAddUp(t *testing.T) {
	var c Counter
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		var joined strings.Builder
		tokens := 0
		for _, p := range c.Pieces("gpt-4o", text) {
			joined.WriteString(p.Text)
			tokens += p.Tokens
		}
		if joined.String() != text || tokens != c.Tokens("gpt-4o", text) {
			t.Fatalf("%q became %q with %d tokens", text, joined.String(), tokens)
		}
		if got := len(c.AppendTokens([]uint32{1}, "gpt-4o", text)); got != tokens+1 {
			t.Fatalf("AppendTokens made %d of 1 + %d", got, tokens)
		}
	})
}

// The memory forgets, and forgetting changes no count.
func TestMemoryIsBounded(t *testing.T) {
	v := new(Counter).vocabulary("gpt-4o")
	ids := make([]uint32, keptTokens/4)
	for i := range uint64(64) {
		v.keep(i, ids)
	}
	if n := len(v.young) + len(v.old); n > 8 {
		t.Errorf("%d texts kept", n)
	}
	if _, ok := v.recall(63); !ok {
		t.Error("the newest text is forgotten")
	}
}

func TestCounterIsSafe(t *testing.T) {
	var c Counter
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, model := range []string{"gpt-4o", "gpt-4"} {
				c.Tokens(model, "are you open tomorrow?")
			}
		})
	}
	wg.Wait()
}

func prompt(bytes int) string {
	const line = "The quick brown fox books a table for 4 at 19:30; write to a@b.example.\n"
	return strings.Repeat(line, bytes/len(line)+1)[:bytes]
}

func BenchmarkTokensNew(b *testing.B) {
	text := prompt(100_000)
	codec := new(Counter).vocabulary("gpt-4o").codec
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := codec.Count(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTokensAgain(b *testing.B) {
	var c Counter
	text := prompt(100_000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		c.Tokens("gpt-4o", text)
	}
}

func TestText(t *testing.T) {
	var c Counter
	for _, model := range []string{"gpt-4o", "text-embedding-3-small"} {
		for _, text := range []string{"", "hello world", "Olá, às 10:30? 👋🏽 ẞ"} {
			if got := c.Text(model, c.AppendTokens(nil, model, text)); got != text {
				t.Errorf("%s: %q became %q", model, text, got)
			}
		}
	}
	if got := c.Text("gpt-4o", []uint32{1 << 30}); got != "" {
		t.Errorf("an id of no token is %q", got)
	}
}
