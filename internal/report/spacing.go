package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// noBreak is a space at which no line ends.
const noBreak = "\u00a0"

// units are those that a sentence of a report may have behind a number.
func units() []string { return []string{"s", "ms", "µs", "min", "h", "%", "MB"} }

// unbroken ties the numbers of a sentence to their units, so that a line never ends between "5" and "s".
func unbroken(text string) string {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, " ")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		last, _ := utf8.DecodeLastRuneInString(before)
		if unicode.IsDigit(last) && beginsWithUnit(after) {
			out.WriteString(noBreak)
		} else {
			out.WriteByte(' ')
		}
		text = after
	}
}

// beginsWithUnit reports whether the first word is a unit.
func beginsWithUnit(text string) bool {
	for _, unit := range units() {
		rest, ok := strings.CutPrefix(text, unit)
		next, _ := utf8.DecodeRuneInString(rest)
		if ok && (rest == "" || !unicode.IsLetter(next) && !unicode.IsDigit(next)) {
			return true
		}
	}
	return false
}
