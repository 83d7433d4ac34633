package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"parley"
)

// nothing stands where there is no figure.
const nothing = "–"

// figure is a measured quantity in words.
type figure struct {
	Value    string // "4.21 s", "> 30 s", "–"
	Interval string // "3.95 – 4.48 s"; empty if exact or unknown
	Weak     bool   // a bound that stands where there is no estimate
}

// Both joins value and interval on one line.
func (f figure) Both() string {
	if f.Interval == "" {
		return f.Value
	}
	return f.Value + " [" + f.Interval + "]"
}

// estimate words e, which has the unit u.
func estimate(e parley.Estimate, u parley.Unit) figure {
	if e.N == 0 && !e.Exact && e.Value == 0 {
		return figure{Value: nothing}
	}
	if e.Floor {
		return floor(e.Low, u)
	}
	f := figure{Value: bound(e.Value, u, e.ValueBeyond)}
	if known := e.Low != 0 || e.High != 0; known && !e.Exact {
		f.Interval = interval(e, u)
	}
	if f.Interval == f.Value {
		f.Interval = "" // "> 30 s" says it all
	}
	return f
}

// floor words a lower bound where there are too few observations for an estimate.
func floor(low float64, u parley.Unit) figure {
	if low <= 0 {
		return figure{Value: nothing}
	}
	return figure{Value: "≥ " + parley.ShortenFigure(quantity(low, u)), Weak: true}
}

// bound words one figure, or that the truth lies beyond it.
func bound(v float64, u parley.Unit, beyond bool) string {
	if beyond {
		return "> " + parley.ShortenFigure(quantity(v, u))
	}
	return quantity(v, u)
}

// interval words the bounds of e and names their unit once if both share it.
func interval(e parley.Estimate, u parley.Unit) string {
	low, high := bound(e.Low, u, e.LowBeyond), bound(e.High, u, e.HighBeyond)
	if e.LowBeyond {
		return low
	}
	lowNumber, lowUnit, _ := strings.Cut(low, " ")
	if _, highUnit, _ := strings.Cut(high, " "); lowUnit == highUnit && !e.HighBeyond {
		low = lowNumber
	}
	return low + " – " + high
}

// quantity words v, which has the unit u. What is not a finite number is nothing.
func quantity(v float64, u parley.Unit) string {
	if !finite(v) {
		return nothing
	}
	switch u {
	case parley.Seconds:
		return seconds(v)
	case parley.Ratio:
		return parley.FormatShare(v)
	case parley.PerHour:
		return number(v) + " /h"
	case parley.Dollars:
		return parley.FormatDollars(v)
	case apdex:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case parley.Count:
		return number(v)
	default:
		return number(v)
	}
}

// unitWords names a unit in prose.
func unitWords(u parley.Unit) string {
	switch u {
	case parley.Seconds:
		return "a length of time"
	case parley.Ratio:
		return "a share"
	case parley.PerHour:
		return "per hour"
	case parley.Count:
		return "a count"
	case parley.Dollars:
		return "US dollars"
	default:
		return string(u)
	}
}

// seconds words a length of time given in seconds.
func seconds(v float64) string {
	if !finite(v) {
		return nothing
	}
	return parley.FormatDuration(time.Duration(v * float64(time.Second)))
}

// number writes v with thousands separated, and one decimal if it is small and has one.
func number(v float64) string {
	if !finite(v) {
		return nothing
	}
	return parley.FormatNumber(v)
}

// duration words a length of time.
func duration(d time.Duration) string { return parley.FormatDuration(d) }

func count[T ~int | ~int32 | ~int64](n T) string { return number(float64(n)) }

// plural writes n with the right form of a noun: "1 turn", "12 turns".
func plural[T ~int | ~int32 | ~int64](n T, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// share is part of whole as a percentage, nothing if there is no whole.
func share[T ~int | ~int32 | ~int64](part, whole T) string {
	if whole == 0 {
		return nothing
	}
	return parley.FormatShare(float64(part) / float64(whole))
}

// clock writes an instant of the run as minutes and seconds, "12:05", or with hours, "1:02:05".
func clock(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// span words a length of a run: "45 s", "12 min 30 s", "1 h 5 min".
func span(d time.Duration) string {
	d = d.Round(time.Second)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case d <= 0:
		return "0 s"
	case h > 0 && m > 0:
		return fmt.Sprintf("%d h %d min", h, m)
	case h > 0:
		return fmt.Sprintf("%d h", h)
	case m > 0 && s > 0:
		return fmt.Sprintf("%d min %d s", m, s)
	case m > 0:
		return fmt.Sprintf("%d min", m)
	default:
		return fmt.Sprintf("%d s", s)
	}
}

// capital makes the first letter of a sentence large.
func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
