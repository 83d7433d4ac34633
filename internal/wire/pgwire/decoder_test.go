package pgwire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// message frames a typed message.
func message(kind byte, body ...byte) string {
	head := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4))
	return string(head) + string(body)
}

// start frames an untyped packet.
func start(code uint32, body string) string {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(body)+8))
	return string(binary.BigEndian.AppendUint32(head, code)) + body
}

func keepAll(byte) int { return 1 << 20 }

// said is a message in short.
func said(m *Message) string {
	name := fmt.Sprintf("%c", m.Type)
	if m.Type == 0 {
		name = fmt.Sprint(m.Code)
	}
	text := fmt.Sprintf("%s/%d %q", name, m.Bytes, m.Body)
	if m.Cut {
		text += "..."
	}
	return text
}

func feed(d *Decoder, stream string, pieces func() int) (got []string, err error) {
	for len(stream) > 0 && err == nil {
		n := min(pieces(), len(stream))
		err = d.Feed([]byte(stream[:n]), func(m *Message) { got = append(got, said(m)) })
		stream = stream[n:]
	}
	return got, err
}

func by(n int) func() int { return func() int { return n } }

func TestFrontend(t *testing.T) {
	stream := start(SSLRequest, "") + start(GSSENCRequest, "") + start(ProtocolVersion3, "user\x00ana\x00\x00") +
		message('Q', []byte("SELECT 1\x00")...) + message('S') + message('X')
	want := []string{
		`80877103/8 ""`, `80877104/8 ""`, `196608/18 "user\x00ana\x00\x00"`, `Q/14 "SELECT 1\x00"`, `S/5 ""`, `X/5 ""`,
	}
	for n := 1; n <= len(stream); n++ {
		d := NewFrontend(keepAll)
		got, err := feed(d, stream, by(n))
		if diff := cmp.Diff(want, got); diff != "" || err != nil || !d.Idle() {
			t.Fatalf("by %d: %v, idle %v (-want +got):\n%s", n, err, d.Idle(), diff)
		}
	}
}

func TestBackend(t *testing.T) {
	stream := "N" + message('R', 0, 0, 0, 0) + message('Z', 'I')
	for n := 1; n <= len(stream); n++ {
		d := NewBackend(keepAll)
		d.ExpectAnswer()
		got, err := feed(d, stream, by(n))
		if diff := cmp.Diff([]string{`N/1 ""`, `R/9 "\x00\x00\x00\x00"`, `Z/6 "I"`}, got); diff != "" || err != nil {
			t.Fatalf("by %d: %v (-want +got):\n%s", n, err, diff)
		}
	}
	d := NewBackend(keepAll)
	d.ExpectAnswer()
	if got, err := feed(d, message('E', []byte("SFATAL\x00\x00")...), by(3)); err != nil || len(got) != 1 || !strings.HasPrefix(got[0], "E/") {
		t.Errorf("an error in place of the answer: %v, %v", got, err)
	}
}

// TestOnlyWhatIsWantedIsKept: a message of any size costs what is kept of it.
func TestOnlyWhatIsWantedIsKept(t *testing.T) {
	d := NewBackend(func(kind byte) int { return map[byte]int{'D': 4}[kind] })
	body := make([]byte, 100<<20)
	copy(body, "abcdef")
	got, err := feed(d, message('d', body...)+message('D', body[:8]...), by(1<<16))
	if want := []string{`d/104857605 ""...`, `D/13 "abcd"...`}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if cap(d.body) > 64<<10 {
		t.Errorf("%d bytes kept", cap(d.body))
	}
}

func TestMalformed(t *testing.T) {
	for _, c := range []struct{ name, stream string }{
		{"HTTP", "GET / HTTP/1.1\r\n\r\n"},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc"},
		{"huge start", start(ProtocolVersion3, strings.Repeat("x", longestStartup))},
		{"unknown start", start(12345, "")},
		{"short start", "\x00\x00\x00\x07\x00\x03\x00\x00"},
		{"short message", start(ProtocolVersion3, "\x00") + "Q\x00\x00\x00\x03"},
		{"type", start(ProtocolVersion3, "\x00") + "\x01\x00\x00\x00\x04"},
		{"huge message", start(ProtocolVersion3, "\x00") + "Q\xff\x00\x00\x03"},
	} {
		d := NewFrontend(keepAll)
		_, err := feed(d, c.stream, by(5))
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", c.name, err)
		}
		if again := d.Feed([]byte("Q"), func(*Message) { t.Errorf("%s: a message after the error", c.name) }); !errors.Is(again, ErrMalformed) {
			t.Errorf("%s: it went on: %v", c.name, again)
		}
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add([]byte(start(SSLRequest, "")+start(ProtocolVersion3, "user\x00a\x00\x00")+message('Q', 'x', 0)), uint64(1), true)
	f.Add([]byte("N"+message('R', 0, 0, 0, 0)+message('Z', 'I')), uint64(2), false)
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64, client bool) {
		fresh := func() *Decoder {
			if client {
				return NewFrontend(func(byte) int { return 7 })
			}
			d := NewBackend(func(byte) int { return 7 })
			if seed%2 == 0 {
				d.ExpectAnswer()
			}
			return d
		}
		want, wantErr := feed(fresh(), string(stream), by(len(stream)+1))
		r := rand.New(rand.NewPCG(seed, 0))
		got, err := feed(fresh(), string(stream), func() int { return 1 + r.IntN(9) })
		if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (wantErr == nil) {
			t.Errorf("pieces make a difference: %v, %v (-whole +pieces):\n%s", wantErr, err, diff)
		}
		// Whatever a body holds, reading it ends.
		body := stream
		for range Startup(body) {
		}
		for range Bind(body).Parameters() {
		}
		for range Fields(body) {
		}
		for range Columns(body) {
		}
		for range Row(body) {
		}
		for range Mechanisms(body) {
		}
		Tag(body)
		Parse(body)
		Target(body)
	})
}

func BenchmarkBindExecuteSync(b *testing.B) {
	bind := []byte("\x00__asyncpg_stmt_1__\x00\x00\x01\x00\x01\x00\x02\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x11\x00\x00\x00\x0d5511999999999\x00\x01\x00\x01")
	stream := []byte(message('B', bind...) + message('E', 0, 0, 0, 0, 0) + message('S'))
	d := NewFrontend(keepAll)
	if err := d.Feed([]byte(start(ProtocolVersion3, "\x00")), func(*Message) {}); err != nil {
		b.Fatal(err)
	}
	ended := func(*Message) {}
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Feed(stream, ended); err != nil {
			b.Fatal(err)
		}
	}
}
