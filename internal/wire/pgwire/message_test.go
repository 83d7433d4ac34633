package pgwire

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBodies(t *testing.T) {
	check := func(what string, want, got any) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	check("start", map[string]string{"user": "ana", "database": "d"}, maps.Collect(Startup([]byte("user\x00ana\x00database\x00d\x00\x00"))))
	name, text := Parse([]byte("s1\x00SELECT $1\x00\x00\x01\x00\x00\x00\x17"))
	check("parse", []string{"s1", "SELECT $1"}, []string{string(name), string(text)})
	kind, name := Target([]byte("Ss1\x00"))
	check("target", "S s1", fmt.Sprintf("%c %s", kind, name))
	check("SQLSTATE", "23P01", SQLState([]byte("SERROR\x00C23P01\x00Mconflict\x00\x00")))
	for text, want := range map[string]string{"INSERT 0 3": "INSERT 3", "SELECT 1": "SELECT 1", "BEGIN": "BEGIN 0", "": " 0", "COPY 12": "COPY 12", "CREATE TABLE": "CREATE 0"} {
		command, rows := Tag([]byte(text + "\x00"))
		check("tag "+text, want, fmt.Sprint(command, " ", rows))
	}
	const described = "\x00\x02id\x00\x00\x00\x40\x01\x00\x01\x00\x00\x00\x14\x00\x08\xff\xff\xff\xff\x00\x01" +
		"name\x00\x00\x00\x40\x01\x00\x02\x00\x00\x00\x19\xff\xff\xff\xff\xff\xff\x00\x00"
	check("columns", []Column{{"id", 20, true}, {"name", 25, false}}, slices.Collect(Columns([]byte(described))))
	check("a column that is cut", []Column{{"id", 20, true}}, slices.Collect(Columns([]byte(described[:len(described)-1]))))
	check("types of parameters", []uint32{2950, 23}, slices.Collect(ParameterTypes([]byte("\x00\x02\x00\x00\x0b\x86\x00\x00\x00\x17"))))
	check("row", [][]byte{[]byte("7"), nil, {}}, slices.Collect(Row([]byte("\x00\x03\x00\x00\x00\x017\xff\xff\xff\xff\x00\x00\x00\x00"))))
	check("mechanisms", []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}, slices.Collect(Mechanisms([]byte("\x00\x00\x00\x0aSCRAM-SHA-256-PLUS\x00SCRAM-SHA-256\x00\x00"))))
	check("no mechanisms", 0, len(slices.Collect(Mechanisms([]byte("\x00\x00\x00\x00")))))
}

func TestBind(t *testing.T) {
	parameters := "\x00\x03\x00\x00\x00\x02ab\xff\xff\xff\xff\x00\x00\x00\x01c"
	for formats, want := range map[string]string{
		"\x00\x00":                         `["ab" false][- false]["c" false]`,
		"\x00\x01\x00\x01":                 `["ab" true][- true]["c" true]`,
		"\x00\x03\x00\x00\x00\x00\x00\x01": `["ab" false][- false]["c" true]`,
	} {
		b := Bind([]byte("p\x00s1\x00" + formats + parameters + "\x00\x00"))
		var got string
		for value, binary := range b.Parameters() {
			if value == nil {
				got += fmt.Sprintf("[- %v]", binary)
				continue
			}
			got += fmt.Sprintf("[%q %v]", value, binary)
		}
		if got != want || string(b.Portal) != "p" || string(b.Statement) != "s1" {
			t.Errorf("%q: %s %s %s, want %s", formats, b.Portal, b.Statement, got, want)
		}
	}
}
