package pgtap

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley"
	"parley/internal/fingerprint"
)

// types is a ParameterDescription.
func types(oids ...uint32) string {
	body := string(binary.BigEndian.AppendUint16(nil, uint16(len(oids))))
	for _, of := range oids {
		body += string(binary.BigEndian.AppendUint32(nil, of))
	}
	return message('t', body)
}

// columns is a RowDescription in a format.
func columns(format byte, oids ...uint32) string {
	body := string(binary.BigEndian.AppendUint16(nil, uint16(len(oids))))
	for _, of := range oids {
		body += "c\x00" + string(make([]byte, 6)) + string(binary.BigEndian.AppendUint32(nil, of)) + string(make([]byte, 7)) + string([]byte{format})
	}
	return message('T', body)
}

// heard collects the fields of calls as a scene's driver gets them.
func heard(t *testing.T) (c *scene, asked, revealed *[]fingerprint.Field) {
	t.Helper()
	c = newScene(t)
	asked, revealed = new([]fingerprint.Field), new([]fingerprint.Field)
	c.tap.Attribute = func(call *parley.Call, fields []fingerprint.Field) uint64 {
		*asked = append(*asked, fields...)
		call.Turn, call.By = 1, parley.ByIdentity
		return 1
	}
	c.tap.Reveal = func(_ uint64, _ parley.Attribution, fields []fingerprint.Field) {
		*revealed = append(*revealed, fields...)
	}
	return c, asked, revealed
}

func place(shape string, part byte, number int, value string) fingerprint.Field {
	return fingerprint.Field{Place: fingerprint.OperationOf(shape).Place(part, number), Value: parley.Key{1}.Hash(value)}
}

// A value is the same whatever the format, and none is taken for what it is not.
func TestTypes(t *testing.T) {
	const text, shape = "SELECT a, b, c, d FROM t WHERE i = $1 AND at > $2", "SELECT a, b, c, d FROM t WHERE i = ? AND at > ?"
	const seventeen, moment = "\x00\x00\x00\x11", "\x00\x02\xfb\x0b\x9a\x0c\x40\x00"
	const uuid, hex = "\x6f\x1c\x2b\x3a\x0d\x4e\x4f\x5a\x8b\x6c\x7d\x8e\x9f\x0a\x1b\x2c", "6f1c2b3a0d4e4f5a8b6c7d8e9f0a1b2c"
	c, asked, revealed := heard(t)
	c.client(parse("a", text), describe("a"), syncs)
	c.server(parsed, types(typeInt4, 1184), columns(0, typeInt8, typeUUID, 1184, typeText), ready('I'))
	c.client(inBinary(inBinaryParameters(bind("a", seventeen, moment))), execute, syncs)
	c.server(bound, row("\x00\x00\x00\x00"+seventeen, uuid, moment, "VIP"), done("SELECT 1"), ready('I'))
	if diff := cmp.Diff([]fingerprint.Field{place(shape, 'p', 0, "17")}, *asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	want := []fingerprint.Field{
		place(shape, 'p', 0, "17"), place(shape, 'c', 0, "17"), place(shape, 'c', 1, hex), {Value: parley.Key{1}.Hash(hex)}, place(shape, 'c', 3, "VIP"),
	}
	if diff := cmp.Diff(want, *revealed); diff != "" {
		t.Errorf("revealed (-want +got):\n%s", diff)
	}
}

// A simple query has its values in its text, and its answer is text.
func TestLiterals(t *testing.T) {
	const shape = "SELECT id FROM t WHERE i = ? AND name = ?"
	c, asked, revealed := heard(t)
	c.client(message('Q', "SELECT id FROM t WHERE i = 17 AND name = 'Ana'\x00"))
	c.server(columns(0, typeInt4), row("5"), done("SELECT 1"), ready('I'))
	want := []fingerprint.Field{place(shape, 'l', 0, "17"), place(shape, 'l', 1, "Ana")}
	if diff := cmp.Diff(want, *asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(append(want, place(shape, 'c', 0, "5")), *revealed); diff != "" {
		t.Errorf("revealed (-want +got):\n%s", diff)
	}
}

// In one breath: the description of the portal tells the formats, that of the statement does not.
func TestDescribedInOneBreath(t *testing.T) {
	const shape = "SELECT id FROM t WHERE i = ?"
	five := place(shape, 'c', 0, "5")
	for name, describes := range map[string]struct{ client, server string }{
		"portal":    {message('D', "P\x00"), columns(1, typeInt4)},
		"statement": {describe(""), types(typeInt4) + columns(0, typeInt4)},
	} {
		c, _, revealed := heard(t)
		c.client(parse("", "SELECT id FROM t WHERE i = $1"), describes.client, inBinary(bind("", "17")), execute, syncs)
		c.server(parsed, describes.server, bound, row("\x00\x00\x00\x05"), done("SELECT 1"), ready('I'))
		if len(*revealed) == 0 || (*revealed)[len(*revealed)-1] != five {
			t.Errorf("%s: revealed %v, want %v at the end", name, *revealed, five)
		}
	}
}

// What stands in JSON counts: an id in a column of rows made one.
func TestJSON(t *testing.T) {
	c, _, revealed := heard(t)
	c.client(message('Q', "SELECT upcoming FROM t\x00"))
	c.server(columns(0, typeJSON), row(`[{"id":"6f1c2b3a-0d4e-4f5a-8b6c-7d8e9f0a1b2c","starts":"2026-03-31T09:00:00+00:00"}]`), done("SELECT 1"), ready('I'))
	want := []fingerprint.Field{{Value: parley.Key{1}.Hash("6f1c2b3a0d4e4f5a8b6c7d8e9f0a1b2c")}}
	// The members have places, too, by their names.
	anywhere := slices.DeleteFunc(*revealed, func(f fingerprint.Field) bool { return f.Place != 0 })
	if diff := cmp.Diff(want, anywhere); diff != "" {
		t.Errorf("revealed (-want +got):\n%s", diff)
	}
}

// inBinaryParameters says that all parameters of a Bind without formats are in binary.
func inBinaryParameters(bind string) string {
	body := bind[5:]
	at := 2 + strings.IndexByte(body[1:], 0) // the portal has no name, the statement has one
	return message('B', body[:at]+"\x00\x01\x00\x01"+body[at+2:])
}
