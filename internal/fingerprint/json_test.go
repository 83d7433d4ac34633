package fingerprint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestMembers(t *testing.T) {
	for text, want := range map[string]string{
		``:           "",
		`[1,2]`:      "",
		`{}`:         "",
		` {"a" : 1}`: "a=1;",
		`{"a":"x,}\"","b": {"c":[1,{"d":2}]} ,"e":[ ],"f":null}`: `a="x,}\"";b={"c":[1,{"d":2}]};e=[ ];f=null;`,
		`{"a":"cut`:      `a="cut;`,
		`{"a":1,"b`:      "a=1;",
		`{"a":1 "b":2}`:  `a=1 "b":2;`,
		`{"a":[1,2`:      "a=[1,2;",
		`{"a":1,,"b":2}`: "a=1;",
	} {
		var got strings.Builder
		for name, value := range Members([]byte(text)) {
			fmt.Fprintf(&got, "%s=%s;", name, value)
		}
		if got.String() != want {
			t.Errorf("%s: %s, want %s", text, got.String(), want)
		}
	}
}

// FuzzMembers: of an object that encoding/json takes the members are the same; of anything else nothing fails.
func FuzzMembers(f *testing.F) {
	f.Add([]byte(`{"model":"m","messages":[{"role":"user","content":"a \"b\" \\"}],"n":1.5e3 , "t":true}`))
	f.Add([]byte(`{"a":{"b":"}"},"c":"\u0022"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		count := 0
		var again bytes.Buffer
		for name, value := range Members(text) {
			if count++; count > 1 {
				again.WriteByte(',')
			}
			fmt.Fprintf(&again, "\"%s\":%s", name, value)
		}
		if trimmed := bytes.TrimSpace(text); !json.Valid(text) || trimmed[0] != '{' {
			return
		}
		var got, want bytes.Buffer
		if err := json.Compact(&got, []byte("{"+again.String()+"}")); err != nil {
			t.Fatalf("%s: %v", again.String(), err)
		}
		if err := json.Compact(&want, text); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("%s, want %s", got.Bytes(), want.Bytes())
		}
	})
}
