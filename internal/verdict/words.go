package verdict

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"parley"
	"parley/internal/stats"
)

// quantile is the share a statistic such as "p95" names, 0 if it names none.
func quantile(stat string) float64 {
	percent, ok := strings.CutPrefix(stat, "p")
	if !ok {
		return 0
	}
	v, err := strconv.ParseFloat(percent, 64)
	if err != nil || v <= 0 || v >= 100 {
		return 0
	}
	return v / 100
}

// rate writes a rate to three significant digits: 10,432 is said as 10,400.
func rate(v float64) string {
	if v < 1000 {
		return parley.FormatNumber(math.Round(v))
	}
	unit := math.Pow(10, math.Floor(math.Log10(v))-2)
	return parley.FormatNumber(math.Round(v/unit) * unit)
}

// quantity writes v in its unit.
func quantity(v float64, unit parley.Unit) string {
	switch unit {
	case parley.Seconds:
		return parley.FormatDuration(time.Duration(math.Round(v * float64(time.Second))))
	case parley.Ratio:
		return parley.FormatShare(v)
	case parley.Dollars:
		return parley.FormatDollars(v)
	case index:
		return strconv.FormatFloat(v, 'f', 2, 64)
	default:
		return parley.FormatNumber(v)
	}
}

// index is the unit of the Apdex, a share that is written with two decimals.
const index parley.Unit = "index"

// unit is the unit in which the figures of a budget are written.
func unit(b parley.Budget) parley.Unit {
	if b.Metric == "apdex" {
		return index
	}
	return b.Unit
}

// limit writes a limit.
func limit(b parley.Budget) string { return parley.ShortenFigure(quantity(b.Limit, unit(b))) }

// interval writes the interval of an estimate, in brackets and with a blank before it; empty if there is none.
func interval(e parley.Estimate, unit parley.Unit) string {
	if e.Exact || e.LowBeyond {
		return ""
	}
	low, high := quantity(e.Low, unit), quantity(e.High, unit)
	if e.HighBeyond {
		return " (" + low + " or more)"
	}
	if low == high {
		return ""
	}
	number, lowUnit, _ := strings.Cut(low, " ")
	if _, highUnit, _ := strings.Cut(high, " "); lowUnit == highUnit {
		low = number
	}
	return " (" + low + "–" + high + ")"
}

// excess says by how much a budget was missed.
func excess(b parley.Budget, e parley.Estimate, floor bool) string {
	v, more := e.Value, ""
	if floor {
		v = e.Low
	}
	if e.ValueBeyond || floor {
		more = "more than "
	}
	switch over := v/b.Limit - 1; {
	case b.Limit == 0 || b.Op == "=" || b.Unit == parley.Count:
		return fmt.Sprintf("limit %s", limit(b))
	case over < 0:
		return fmt.Sprintf("%s short of the limit of %s", parley.FormatShare(-over), limit(b))
	case over < 0.01 && more != "":
		return fmt.Sprintf("beyond the limit of %s", limit(b))
	case over < 0.01:
		return fmt.Sprintf("over the limit of %s", limit(b))
	case over < 1:
		return fmt.Sprintf("%s%.0f %% over the limit of %s", more, 100*over, limit(b))
	default:
		return fmt.Sprintf("%s%s times the limit of %s", more, parley.FormatNumber(math.Floor(10*(over+1))/10), limit(b))
	}
}

// shareWords says that the share of waits within the limit decided.
func shareWords(within parley.Estimate, result parley.Judgement, b parley.Budget) string {
	text := fmt.Sprintf("%s of %s within the limit of %s", parley.FormatNumber(math.Round(within.Value*float64(within.N))), parley.FormatNumber(float64(within.N)), limit(b))
	if result == parley.Fail {
		return "only " + text
	}
	return text
}

// doubt says why a budget could not be told.
func doubt(b parley.Budget, e parley.Estimate, floor bool) string {
	things := wordings(b.Metric).things
	needed := 0
	if q := quantile(b.Stat); q > 0 {
		needed = stats.Needed(q)
	}
	switch {
	case b.Unit == parley.Dollars && (floor || e.HighBeyond):
		return fmt.Sprintf("%s are too few for a cost of each", few(e, b))
	case floor && e.N >= needed:
		return alike(e, things, b)
	case floor:
		return fmt.Sprintf("only %s %s were measured, and %s takes %d or more", parley.FormatNumber(float64(e.N)), things, b.Stat, needed)
	case e.ValueBeyond:
		return fmt.Sprintf("the users' patience ended at %s, before enough had been answered", parley.ShortenFigure(quantity(e.Value, b.Unit)))
	case e.HighBeyond && e.N < needed:
		return fmt.Sprintf("%s %s are too few for %s, which takes %d or more", parley.FormatNumber(float64(e.N)), things, b.Stat, needed)
	case e.HighBeyond && e.Censored == 0:
		return alike(e, things, b)
	default:
		return fmt.Sprintf("the limit of %s lies within that range", limit(b))
	}
}

// few names what there are too few of for a figure of money.
func few(e parley.Estimate, b parley.Budget) string {
	conversations := parley.FormatNumber(float64(e.N)) + " conversations"
	if e.N == 1 {
		conversations = "1 conversation"
	}
	if b.Metric == "cost_per_success" {
		return "the successes of " + conversations
	}
	return conversations
}

// alike says that waits near each other in time tell less than as many independent ones would.
func alike(e parley.Estimate, things string, b parley.Budget) string {
	return fmt.Sprintf("%s %s in so short a time are too much alike for %s", parley.FormatNumber(float64(e.N)), things, b.Stat)
}

// span writes a length of load: "45 s", "1 min", "25 min", "3 h", "2 days".
func span(d time.Duration) string {
	switch {
	case d < 2*time.Minute && d != time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0f h", math.Ceil(d.Hours()))
	default:
		return fmt.Sprintf("%.0f days", math.Ceil(d.Hours()/24))
	}
}

// list joins names: "a", "a and b", "a, b and c".
func list(names []string) string {
	switch n := len(names); n {
	case 0:
		return ""
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
}
