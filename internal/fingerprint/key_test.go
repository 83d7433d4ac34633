package fingerprint

import (
	"strings"
	"testing"
)

func TestKeyShape(t *testing.T) {
	for key, want := range map[string]string{
		"session:999123456789012":      "session:*",
		"session:999123:v2":            "session:*:*",
		"queue":                        "queue",
		"lock/{user:17}/turn":          "lock/{user:*}/turn",
		"":                             "",
		"3EB0C767D82B0A74C1F2":         "*",
		"cache:Grüße":                  "cache:*",
		"celery-task-meta-4f8a":        "*",
		"a.b_c|d-e":                    "a.b_c|d-e",
		"k:" + strings.Repeat("x", 25): "k:*",
	} {
		if got := string(AppendKeyShape(nil, []byte(key))); got != want {
			t.Errorf("%q: %q, want %q", key, got, want)
		}
	}
}
