package respwire

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// said is a value in short: kind, elements, bytes, and the texts of its parts with their whole lengths.
func said(v *Value) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%c%d/%d", v.Kind, v.Elements, v.Bytes)
	for _, p := range v.Parts {
		fmt.Fprintf(&b, " %c%q:%d", p.Kind, p.Text, p.Len)
	}
	return b.String()
}

// decode feeds a stream in pieces of the given size (0: at once).
func decode(t testing.TB, limits Limits, commands bool, stream string, piece int) (values []string, err error) {
	t.Helper()
	d := NewDecoder(limits, commands)
	feed := func(p string) error {
		return d.Feed([]byte(p), func(v *Value) { values = append(values, said(v)) })
	}
	if piece == 0 {
		return values, feed(stream)
	}
	for len(stream) > 0 && err == nil {
		n := min(piece, len(stream))
		err = feed(stream[:n])
		stream = stream[n:]
	}
	return values, err
}

func TestValues(t *testing.T) {
	cases := []struct {
		name, stream string
		commands     bool
		want         []string
	}{
		{"command", "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", true, []string{`*2/20 $"GET":3 $"k":1`}},
		{"pipeline", "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n", true, []string{`*1/14 $"PING":4`, `*1/14 $"PING":4`}},
		{"inline", "PING\r\n\r\nGET  k \r\n", true, []string{`i1/6 i"PING":4`, `i2/9 i"GET":3 i"k":1`}},
		{"empty word", "*2\r\n$3\r\nGET\r\n$0\r\n\r\n", true, []string{`*2/19 $"GET":3 $"":0`}},
		{"replies", "+OK\r\n-ERR no\r\n:42\r\n$-1\r\n*-1\r\n*0\r\n", false, []string{
			`+0/5 +"OK":2`, `-0/9 -"ERR no":6`, `:0/5 :"42":2`, `$-1/5 $"":-1`, `*-1/5`, `*0/4`,
		}},
		{"nested", "*2\r\n*2\r\n:1\r\n$1\r\na\r\n:2\r\n", false, []string{`*2/23 :"1":1 $"a":1 :"2":1`}},
		{"RESP3", "_\r\n#t\r\n,1.5\r\n(123\r\n!3\r\nERR\r\n=5\r\ntxt:a\r\n%1\r\n+k\r\n:1\r\n~1\r\n:7\r\n", false, []string{
			`_0/3 _"":0`, `#0/4 #"t":1`, `,0/6 ,"1.5":3`, `(0/6 ("123":3`, `!0/9 !"ERR":3`, `=0/11 ="txt:a":5`, `%2/12 +"k":1 :"1":1`, `~1/8 :"7":1`,
		}},
		{"push", ">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n+OK\r\n", false, []string{`>2/28 +"invalidate":10 $"k":1`, `+0/5 +"OK":2`}},
		{"attribute", "|1\r\n+ttl\r\n:3\r\n$1\r\nv\r\n", false, []string{`$0/21 $"v":1`}},
		{"attribute within", "*2\r\n|1\r\n+a\r\n:3\r\n:1\r\n:2\r\n", false, []string{`*2/24 +"a":1 :"3":1 :"1":1 :"2":1`}},
		{"streamed string", "$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n+OK\r\n", false, []string{`$0/25 $"Hello":5`, `+0/5 +"OK":2`}},
		{"streamed array", "*?\r\n:1\r\n*?\r\n:2\r\n.\r\n:3\r\n.\r\n", false, []string{`*3/26 :"1":1 :"2":1 :"3":1`}},
	}
	for _, c := range cases {
		for piece := range 8 {
			got, err := decode(t, DefaultLimits(), c.commands, c.stream, piece)
			if err != nil {
				t.Errorf("%s, by %d: %v", c.name, piece, err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s, by %d (-want +got):\n%s", c.name, piece, diff)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	got, err := decode(t, Limits{Parts: 2, Text: 3, Depth: 4}, true, "*3\r\n$3\r\nSET\r\n$5\r\nabcde\r\n$2\r\nxy\r\n+OK\r\n", 2)
	if want := []string{`*3/32 $"SET":3 $"abc":5`, `+0/5 +"OK":2`}; err != nil || !cmp.Equal(want, got) {
		t.Errorf("%v, %v", got, err)
	}
	for _, stream := range []string{
		"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "$5000000000000\r\n", "$x\r\n", "*-2\r\n", "?\r\n", "$1\r\nab\r\n", ".\r\n", ";1\r\na\r\n", "$?\r\n:1\r\n", "\r\n",
		strings.Repeat("+", longestLine+2),
	} {
		if got, err := decode(t, Limits{Parts: 2, Text: 3, Depth: 4}, false, stream, 3); !errors.Is(err, ErrMalformed) || len(got) != 0 {
			t.Errorf("%.20q: %v, %v", stream, got, err)
		}
	}
}

// TestMemoryIsBounded: a value of any size leaves no more behind than the limits allow.
func TestMemoryIsBounded(t *testing.T) {
	d := NewDecoder(DefaultLimits(), false)
	ended := 0
	count := func(v *Value) { ended++ }
	head := []byte("$200000000\r\n")
	piece := bytes.Repeat([]byte("x"), 1<<20)
	if err := d.Feed(head, count); err != nil {
		t.Fatal(err)
	}
	for left := 200_000_000; left > 0; left -= len(piece) {
		if err := d.Feed(piece[:min(left, len(piece))], count); err != nil {
			t.Fatal(err)
		}
		if kept := cap(d.texts) + cap(d.line); kept > 128<<10 {
			t.Fatalf("%d bytes kept", kept)
		}
	}
	if err := d.Feed([]byte("\r\n"), count); err != nil || ended != 1 || !d.Idle() {
		t.Errorf("%d values, %v, idle %v", ended, err, d.Idle())
	}
}

// FuzzDecoder: whatever comes, pieces make no difference, and nothing is lost count of.
func FuzzDecoder(f *testing.F) {
	for _, seed := range []string{
		"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "PING\r\n", ">2\r\n+a\r\n*1\r\n$1\r\nk\r\n", "|1\r\n+a\r\n:1\r\n%?\r\n+k\r\n:1\r\n.\r\n", "$?\r\n;1\r\na\r\n;0\r\n", "*0\r\n|0\r\n:1\r\n",
	} {
		f.Add([]byte(seed), uint64(1), true)
		f.Add([]byte(seed), uint64(2), false)
	}
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64, commands bool) {
		limits := Limits{Parts: 8, Text: 16, Depth: 6}
		want, wantErr := decode(t, limits, commands, string(stream), 0)
		d := NewDecoder(limits, commands)
		var got []string
		var total int64
		r := rand.New(rand.NewPCG(seed, 0))
		var err error
		for rest := stream; len(rest) > 0 && err == nil; {
			n := 1 + r.IntN(len(rest))
			err = d.Feed(rest[:n], func(v *Value) {
				got = append(got, said(v))
				total += v.Bytes
			})
			rest = rest[n:]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pieces make a difference (-whole +pieces):\n%s", diff)
		}
		if (err == nil) != (wantErr == nil) {
			t.Errorf("errors differ: %v, %v", wantErr, err)
		}
		if err == nil && d.Idle() && !commands && total != int64(len(stream)) {
			t.Errorf("%d of %d bytes are in values", total, len(stream))
		}
	})
}

func BenchmarkCommand(b *testing.B) {
	command := []byte("*3\r\n$3\r\nSET\r\n$20\r\nsession:999123456789\r\n$40\r\n0123456789012345678901234567890123456789\r\n")
	d := NewDecoder(DefaultLimits(), true)
	ended := func(*Value) {}
	b.SetBytes(int64(len(command)))
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Feed(command, ended); err != nil {
			b.Fatal(err)
		}
	}
}
