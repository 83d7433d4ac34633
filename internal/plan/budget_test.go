package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley"
)

func TestParseBudget(t *testing.T) {
	f := func(text string, want parley.Budget) {
		t.Helper()
		got, err := ParseBudget(text)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	f("reply.p95 < 5s", parley.Budget{Text: "reply.p95 < 5s", Metric: "reply", Stat: "p95", Op: "<", Limit: 5, Unit: parley.Seconds})
	f(" reply.p99.9<=1m30s ", parley.Budget{Text: "reply.p99.9<=1m30s", Metric: "reply", Stat: "p99.9", Op: "<=", Limit: 90, Unit: parley.Seconds})
	f("ack.max < 250ms", parley.Budget{Text: "ack.max < 250ms", Metric: "ack", Stat: "max", Op: "<", Limit: 0.25, Unit: parley.Seconds})
	f("reply.mean < 2s", parley.Budget{Text: "reply.mean < 2s", Metric: "reply", Stat: "mean", Op: "<", Limit: 2, Unit: parley.Seconds})
	f("errors < 1%", parley.Budget{Text: "errors < 1%", Metric: "errors", Op: "<", Limit: 0.01, Unit: parley.Ratio})
	f("answered >= 0.99", parley.Budget{Text: "answered >= 0.99", Metric: "answered", Op: ">=", Limit: 0.99, Unit: parley.Ratio})
	f("lost = 0", parley.Budget{Text: "lost = 0", Metric: "lost", Op: "=", Unit: parley.Count})
	f("messages >= 1000", parley.Budget{Text: "messages >= 1000", Metric: "messages", Op: ">=", Limit: 1000, Unit: parley.PerHour})
	f("messages > 20/min", parley.Budget{Text: "messages > 20/min", Metric: "messages", Op: ">", Limit: 1200, Unit: parley.PerHour})
	f("cost_per_success < $0.05", parley.Budget{Text: "cost_per_success < $0.05", Metric: "cost_per_success", Op: "<", Limit: 0.05, Unit: parley.Dollars})
	f("concurrency >= 100", parley.Budget{Text: "concurrency >= 100", Metric: "concurrency", Op: ">=", Limit: 100, Unit: parley.Count})
}

func TestEveryMetricTakesABudget(t *testing.T) {
	limits := map[parley.Unit]string{parley.Seconds: "1s", parley.Ratio: "1%", parley.Count: "1", parley.PerHour: "1", parley.Dollars: "$0.05"}
	for _, m := range parley.Metrics() {
		subject := m.Name
		if m.Quantiles {
			subject += ".p95"
		}
		b, err := ParseBudget(subject + " <= " + limits[m.Unit])
		if err != nil || b.Unit != m.Unit {
			t.Errorf("%s: %+v, %v", m.Name, b, err)
		}
	}
}

func FuzzParseBudget(f *testing.F) {
	for _, seed := range []string{"reply.p95 < 5s", "errors<1%", "lost = 0", "messages >= 20/min", "<", "=", "reply.p95 ==", ".<."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b, err := ParseBudget(text)
		if err != nil {
			return
		}
		again, err := ParseBudget(b.Text)
		if err != nil || again != b {
			t.Errorf("%q reads %+v, and again %+v, %v", text, b, again, err)
		}
		if m, ok := parley.MetricByName(b.Metric); !ok || m.Unit != b.Unit || m.Quantiles != (b.Stat != "") || b.Limit < 0 {
			t.Errorf("%q reads %+v", text, b)
		}
	})
}
