package fingerprint

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley"
)

var key = parley.Key{1, 2, 3}

func finder(t testing.TB) Finder {
	t.Helper()
	f, err := NewFinder(Pattern{"999", 12, Digits}, Pattern{"3EB0", 18, UpperHex})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

const (
	anna    = "999000000000001"
	bert    = "999000000000002"
	message = "3EB0A1B2C3D4E5F6071829"
)

func TestAppendHashes(t *testing.T) {
	tests := []struct {
		name, body string
		want       []string
	}{
		{"empty", "", nil},
		{"jid", anna + "@s.whatsapp.net", []string{anna}},
		{"device of a jid", anna + ":12@s.whatsapp.net", []string{anna}},
		{"in a key", "session:" + anna, []string{anna}},
		{"after a letter", "u" + anna, []string{anna}},
		{"after an escaped newline", `"hi\n` + anna + `\n"`, []string{anna}},
		{"inside a longer run", "1" + anna, nil},
		{"start of a longer run", anna + "1", nil},
		{"too short", anna[:14], nil},
		{"other prefix", "998000000000001", nil},
		{"message id", `{"id":"` + message + `"}`, []string{message}},
		{"message id with a hex neighbour", "A" + message, nil},
		{"message id in small letters", strings.ToLower(message), nil},
		{"both", message + " " + anna, []string{message, anna}},
		{"each once, in order", bert + "," + anna + "," + bert, []string{bert, anna}},
		{"url escape", "%22" + anna + "%22", []string{anna}},
		{"url escape of a plus", "%2B" + anna, []string{anna}},
		{"url escape before an id", "%22" + message + "%22", []string{message}},
		{"only an escape", "%22", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := []uint64{7}
			for _, id := range test.want {
				want = append(want, key.Hash(id))
			}
			got := finder(t).AppendHashes([]uint64{7}, []byte(test.body), key)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("AppendHashes(%q) (-want +got):\n%s", test.body, diff)
			}
		})
	}
}

func TestAppendHashesKeepsMost(t *testing.T) {
	var body []byte
	for i := range 10 * Most {
		body = fmt.Appendf(body, "999%012d ", i)
	}
	if got := len(finder(t).AppendHashes(nil, body, key)); got != Most {
		t.Errorf("found %d identities, want %d", got, Most)
	}
}

func TestAppendHashesAllocatesNothing(t *testing.T) {
	f := finder(t)
	body := bytes.Repeat([]byte("some words, 12345 and ABCDEF, "+anna+" and "+message+"\n"), 100)
	dst := make([]uint64, 0, Most)
	if n := testing.AllocsPerRun(20, func() { f.AppendHashes(dst, body, key) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func TestZeroFinderFindsNothing(t *testing.T) {
	if got := (Finder{}).AppendHashes(nil, []byte(anna), key); got != nil {
		t.Errorf("found %v", got)
	}
}

func TestNewFinderRefuses(t *testing.T) {
	for _, p := range []Pattern{{"", 3, Digits}, {"9a", 3, Digits}, {"3eb0", 18, UpperHex}, {"99", -1, Digits}, {"99", 3, 0}} {
		if _, err := NewFinder(p); err == nil {
			t.Errorf("%+v was accepted", p)
		}
	}
}

// An identity put between characters of neither class is always found.
func TestAppendHashesFindsWhatIsThere(t *testing.T) {
	f := finder(t)
	rapid.Check(t, func(t *rapid.T) {
		filler := rapid.StringMatching(`[a-z :,"\\/\n]{0,20}`)
		id := rapid.SampledFrom([]string{anna, bert, message}).Draw(t, "id")
		body := filler.Draw(t, "before") + id + filler.Draw(t, "after")
		if diff := cmp.Diff([]uint64{key.Hash(id)}, f.AppendHashes(nil, []byte(body), key)); diff != "" {
			t.Fatalf("in %q: %s", body, diff)
		}
	})
}

func FuzzAppendHashes(f *testing.F) {
	find := finder(f)
	for _, seed := range []string{"", "%", "%2", anna, "%22" + anna, message + anna, "3EB0"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if got := find.AppendHashes(nil, body, key); len(got) > Most {
			t.Errorf("%d identities", len(got))
		}
	})
}

func TestLastWords(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", ""},
		{"  \n \r\n", ""},
		{"hello", "hello"},
		{"hello\nare you open?\n", "are you open?"},
		{"hello\r\n  are you open?  \r\n\n", "are you open?"},
		{"one\n\n\ntwo", "two"},
	}
	for _, test := range tests {
		if got := LastWords(test.text); got != test.want {
			t.Errorf("LastWords(%q) = %q, want %q", test.text, got, test.want)
		}
	}
}

func BenchmarkAppendHashes(b *testing.B) {
	f := finder(b)
	body := bytes.Repeat([]byte(`{"role":"user","content":"I would like to book a table at 19:30"},`), 200)
	body = append(body, anna...)
	dst := make([]uint64, 0, Most)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		f.AppendHashes(dst, body, key)
	}
}
