package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley"
)

// ParseBudget reads a budget: "<metric>[.<statistic>] <comparison> <limit>", as
// in "reply.p95 < 5s", "errors < 1%", "lost = 0" or "messages >= 1000". The
// metric must be in the catalogue ([parley.Metrics]), and the limit in its unit.
func ParseBudget(text string) (parley.Budget, error) {
	text = strings.TrimSpace(text)
	at := strings.IndexAny(text, "<>=")
	if at < 0 {
		return parley.Budget{}, flawf("write it like reply.p95 < 5s", "%q holds no comparison", text)
	}
	limit := strings.TrimLeft(text[at:], "<>=")
	b := parley.Budget{Text: text, Op: text[at : len(text)-len(limit)]}
	if !slices.Contains([]string{"<", "<=", ">", ">=", "="}, b.Op) {
		return parley.Budget{}, &flaw{at, fmt.Sprintf("%q is no comparison", b.Op), "use <, <=, >, >= or ="}
	}
	metric, err := measured(&b, strings.TrimSpace(text[:at]))
	if err != nil {
		return parley.Budget{}, err
	}
	limit = strings.TrimLeft(limit, " \t")
	if err := bound(&b, metric, limit); err != nil {
		if f, ok := errors.AsType[*flaw](err); ok {
			f.offset = len(text) - len(limit)
		}
		return parley.Budget{}, err
	}
	return b, nil
}

// statistics are those a report shows of a distribution.
func statistics() []string {
	return []string{"p50", "p75", "p90", "p95", "p99", "p99.9", "mean", "max"}
}

// measured sets what the budget is about: the metric and the statistic of it.
func measured(b *parley.Budget, subject string) (parley.Metric, error) {
	name, stat, hasStat := strings.Cut(subject, ".")
	metric, ok := parley.MetricByName(name)
	if !ok {
		return metric, flawf(suggest(name, metricNames(), "metrics"), "there is no metric %q", name)
	}
	switch {
	case metric.Quantiles && !hasStat:
		return metric, flawf("write "+name+".p95, for instance", "%s is a distribution and needs a statistic", name)
	case !metric.Quantiles && hasStat:
		return metric, &flaw{len(name), name + " is a single figure and has no statistics", "write " + name}
	case hasStat && !slices.Contains(statistics(), stat):
		return metric, &flaw{len(name) + 1, fmt.Sprintf("there is no statistic %q", stat), suggest(stat, statistics(), "statistics")}
	}
	b.Metric, b.Stat, b.Unit = name, stat, metric.Unit
	return metric, nil
}

func metricNames() []string {
	var names []string
	for _, m := range parley.Metrics() {
		names = append(names, m.Name)
	}
	return names
}

// bound sets the limit, which must be in the metric's unit and able to hold.
func bound(b *parley.Budget, metric parley.Metric, limit string) (err error) {
	switch metric.Unit {
	case parley.Seconds:
		var d time.Duration
		d, err = span(0, longest)(limit)
		b.Limit = d.Seconds()
	case parley.Ratio:
		b.Limit, err = share(limit)
		if err == nil && b.Limit == 1 && !strings.HasSuffix(limit, "%") {
			err = flawf("write 1% or 100%", "%s may mean one in a hundred or all", limit)
		}
	case parley.PerHour:
		b.Limit, err = rate(limit)
	case parley.Dollars:
		b.Limit, err = dollars(limit)
	default:
		b.Limit, err = number(limit)
		if err != nil || b.Limit < 0 {
			err = flawf("", "%q is not a count", limit)
		}
	}
	switch {
	case err != nil:
		return err
	case b.Op == "<" && b.Limit == 0:
		return flawf("write = 0 or <= 0 if there must be none", "nothing is below 0")
	case b.Op == "=" && metric.Unit != parley.Count && metric.Unit != parley.Ratio:
		return flawf("use < or >", "a measured %s is never exactly %s", metric.Name, limit)
	}
	return nil
}
