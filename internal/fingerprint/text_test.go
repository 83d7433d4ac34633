package fingerprint

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAppendText(t *testing.T) {
	const uuid = "018f3a527b1c7d008a5e0242ac120002"
	in := OperationOf("POST /x")
	member := func(name, value string) Field {
		return Field{(in ^ OperationOf(name)*fnvPrime).Place('j', 0), key.Hash(value)}
	}
	segment := func(number int, value string) Field { return Field{in.Place('u', number), key.Hash(value)} }
	free := func(value string) Field { return Field{0, key.Hash(value)} }
	for _, test := range []struct {
		name, text string
		want       []Field
	}{
		{"nothing", "", nil},
		{"a path", "/contacts/17", []Field{segment(1, "contacts"), segment(2, "17")}},
		{"an id in a path", "/events/018F3A52-7b1c-7d00-8a5e-0242ac120002", []Field{segment(1, "events"), segment(2, uuid), free(uuid)}},
		{"headers have no place", "/a\nX-Id: 17\nX-Trace: " + uuid + "\n", []Field{segment(1, "a"), free(uuid)}},
		{"members", `{"contact_id": 17, "tag" : "vip", "late":true}`, []Field{member("contact_id", "17"), member("tag", "vip")}},
		{"items of a list are the member's", `{"ids":[1,2]}`, []Field{member("ids", "1"), member("ids", "2")}},
		{"members by their own names", `{"contact":{"id":17}}`, []Field{member("id", "17")}},
		{"an id in a link", `{"link":"https://x.example/e/` + uuid + `"}`, []Field{
			member("link", "https://x.example/e/"+uuid), free(uuid),
		}},
		{"a moment", `{"start":"2026-03-31T08:00:00Z"}`, []Field{member("start", "2026-03-31T08:00:00Z")}},
		{"a mark in a string", `{"a\"b":"c"}`, []Field{member(`a\"b`, "c")}},
		{"cut", `{"a":"bc`, []Field{member("a", "bc")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, AppendText(nil, in, []byte(test.text), key)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzAppendText(f *testing.F) {
	for _, seed := range []string{"", `"`, `"a`, `{"a":"\`, "/a/b?c=1\nd: e\n{", "2026-03-31", `{"id":"018f3a52-7b1c-7d00-8a5e-0242ac120002"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		fields := AppendText(nil, OperationOf("x"), text, key)
		if len(fields) > MostFields {
			t.Errorf("%d fields", len(fields))
		}
		for _, field := range fields {
			if field.Value == 0 {
				t.Errorf("%+v", field)
			}
		}
	})
}

func FuzzAppendLiterals(f *testing.F) {
	for _, seed := range []string{"", "'", "SELECT 17", "WHERE a = 'x''y' AND b = $tag$z$tag$", "VALUES (1,2,3),(4,5,6)", "E'\\", "/* 1 */ 2 -- 3"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if fields := AppendLiterals(nil, OperationOf("x"), text, key); len(fields) > MostFields {
			t.Errorf("%d fields", len(fields))
		}
	})
}

func TestAppendLiterals(t *testing.T) {
	in := OperationOf("q")
	literal := func(number int, value string) Field { return Field{in.Place('l', number), key.Hash(value)} }
	got := AppendLiterals(nil, in, []byte("SELECT a1 FROM t WHERE id = 17 AND name IN ('Ana', 'b''c') -- 5\n AND x = E'y'"), key)
	want := []Field{literal(0, "17"), literal(1, "Ana"), literal(2, "b''c"), literal(3, "E'y'")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAppendKeyFields(t *testing.T) {
	in := OperationOf("GET session:*")
	got := AppendKeyFields(nil, in, []byte("session:17:v2"), key)
	want := []Field{{in.Place('k', 0), key.Hash("17")}, {in.Place('k', 1), key.Hash("v2")}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
