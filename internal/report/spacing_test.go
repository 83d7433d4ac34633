package report

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestUnbroken(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "",
		"limit 5 s":                   "limit 5~s",
		"limit 5 s; none":             "limit 5~s; none",
		"95 % within 2.31 s (2–3 s).": "95~% within 2.31~s (2–3~s).",
		"3 messages and 12 scenarios": "3 messages and 12 scenarios",
		"151 ms–1.02 s, 40 µs, 4 min": "151~ms–1.02~s, 40~µs, 4~min",
		"in 2026 she":                 "in 2026 she",
		"the s and 5  s":              "the s and 5  s",
		"80 % of its cores":           "80~% of its cores",
		"1 h 5 min, 63 MB":            "1~h 5~min, 63~MB",
		"30 s":                        "30~s",
	} {
		if got := strings.ReplaceAll(unbroken(text), noBreak, "~"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[0-9a-z%µ .;]{0,30}`).Draw(t, "text")
		if got := strings.ReplaceAll(unbroken(text), noBreak, " "); got != text {
			t.Fatalf("%q became %q", text, got)
		}
	})
}
