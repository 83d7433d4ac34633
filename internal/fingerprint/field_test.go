package fingerprint

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestAppendField(t *testing.T) {
	place := OperationOf("SELECT ? FROM customers").Place('c', 1)
	for _, test := range []struct {
		name, value, as string
		placed, alone   bool
	}{
		{name: "a small number says something only where it stands", value: "17", as: "17", placed: true},
		{name: "so does a word", value: "booked", as: "booked", placed: true},
		{name: "nothing", value: ""},
		{name: "too long for an id", value: "A sentence of a user that goes on and on and is no id of anything at all.", as: ""},
		{name: "a uuid", value: "018F3A52-7b1c-7d00-8a5e-0242ac120002", as: "018f3a527b1c7d008a5e0242ac120002", placed: true, alone: true},
		{name: "the same without hyphens", value: "018f3a527b1c7d008a5e0242ac120002", as: "018f3a527b1c7d008a5e0242ac120002", placed: true, alone: true},
		{name: "36 characters that are no uuid", value: "018F3A52-7b1c-7d00-8a5e-0242ac12000x", as: "018F3A52-7b1c-7d00-8a5e-0242ac12000x", placed: true, alone: true},
		{name: "a number of many digits", value: "1234567890", as: "1234567890", placed: true, alone: true},
		{name: "a short number", value: "1234567", as: "1234567", placed: true},
		{name: "a day", value: "2026-03-31", as: "2026-03-31", placed: true},
		{name: "a day without hyphens", value: "20260331", as: "20260331", placed: true},
		{name: "a moment", value: "20260331T143000Z", as: "20260331T143000Z", placed: true},
		{name: "a moment of digits", value: "20260331143000", as: "20260331143000", placed: true},
		{name: "eight digits that are no day", value: "20261331", as: "20261331", placed: true, alone: true},
		{name: "a time with a colon", value: "14:30:00.123456", as: "14:30:00.123456", placed: true},
		{name: "an amount", value: "12345678.90", as: "12345678.90", placed: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var want []Field
			if test.placed {
				want = append(want, Field{place, key.Hash(test.as)})
			}
			if test.alone {
				want = append(want, Field{0, key.Hash(test.as)})
			}
			if diff := cmp.Diff(want, AppendField(nil, place, []byte(test.value), key)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPlacesDiffer(t *testing.T) {
	places := map[uint64]bool{0: true}
	for _, operation := range []string{"", "SELECT 1", "SELECT 2"} {
		for _, part := range []byte{'c', 'p'} {
			for number := range 300 {
				p := OperationOf(operation).Place(part, number)
				if places[p] {
					t.Fatalf("%q %c %d: the place is 0 or another's", operation, part, number)
				}
				places[p] = true
			}
		}
	}
}

// However a UUID is written, it is the same value.
func TestUUIDsAreOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hex := rapid.StringMatching(`[0-9a-f]{32}`).Draw(t, "hex")
		hyphened := hex[:8] + "-" + hex[8:12] + "-" + hex[12:16] + "-" + hex[16:20] + "-" + hex[20:]
		a, b := AppendField(nil, 1, []byte(hex), key), AppendField(nil, 1, []byte(hyphened), key)
		if diff := cmp.Diff(a, b); diff != "" {
			t.Error(diff)
		}
	})
}
