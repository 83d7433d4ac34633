package parley

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// FormatDuration writes d the way reports do: three significant digits, one unit ("184 ms", "2.31 s").
func FormatDuration(d time.Duration) string {
	abs := d.Abs()
	switch {
	case abs >= 10*time.Minute:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case abs >= time.Second-500*time.Microsecond:
		return significant(d.Seconds()) + " s"
	case abs >= time.Millisecond-500*time.Nanosecond:
		return significant(float64(d)/float64(time.Millisecond)) + " ms"
	case d == 0:
		return "0 ms"
	default:
		return significant(float64(d)/float64(time.Microsecond)) + " µs"
	}
}

// significant keeps three significant digits and never falls back to exponents.
func significant(v float64) string {
	abs := v
	if abs < 0 {
		abs = -abs
	}
	switch {
	case abs >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case abs >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}

// FormatShare writes a ratio as a percentage ("0.42 %", "12 %").
func FormatShare(ratio float64) string {
	percent := ratio * 100
	switch {
	case percent == 0:
		return "0 %"
	case percent < 10:
		return strconv.FormatFloat(percent, 'f', 2, 64) + " %"
	case percent < 99.95 && percent > 90:
		return strconv.FormatFloat(percent, 'f', 1, 64) + " %"
	default:
		return strconv.FormatFloat(percent, 'f', 0, 64) + " %"
	}
}

// FormatNumber writes v with its thousands separated, and one decimal if it is
// small and has one ("66,599", "17.3").
func FormatNumber(v float64) string {
	decimals := 0
	if math.Abs(v) < 100 && v != math.Trunc(v) {
		decimals = 1
	}
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	whole, rest, hasRest := strings.Cut(text, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if hasRest {
		whole += "." + rest
	}
	return sign + whole
}

// FormatDollars writes an amount of money: in cents, from a thousand dollars on without them, below ten cents
// with three significant digits, since a conversation costs fractions of a cent ("$0.0042", "$1.23", "$12,400").
func FormatDollars(v float64) string {
	sign, abs := "", math.Abs(v)
	if v < 0 {
		sign = "-"
	}
	switch {
	case abs == 0:
		return "$0"
	case abs >= 999.995:
		return sign + "$" + FormatNumber(abs)
	case abs >= 0.0995:
		return sign + "$" + strconv.FormatFloat(abs, 'f', 2, 64)
	default:
		decimals := min(2-int(math.Floor(math.Log10(abs))), 12)
		text := strings.TrimRight(strconv.FormatFloat(abs, 'f', decimals, 64), "0")
		return sign + "$" + text + strings.Repeat("0", max(0, len("0.00")-len(text)))
	}
}

// ShortenFigure drops the zeros that a round figure does not need: "5.00 s" becomes "5 s". Cents stay whole.
func ShortenFigure(text string) string {
	if strings.Contains(text, "$") {
		return strings.TrimSuffix(text, ".00")
	}
	figure, unit, found := strings.Cut(text, " ")
	if strings.Contains(figure, ".") {
		figure = strings.TrimRight(strings.TrimRight(figure, "0"), ".")
	}
	if !found {
		return figure
	}
	return figure + " " + unit
}
