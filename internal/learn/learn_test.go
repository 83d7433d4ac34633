package learn

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley"
)

// drawn returns calls of an operation whose waits follow a distribution.
func drawn(t *testing.T, operation, waits string, n int, seed uint64) []parley.Call {
	t.Helper()
	d := dist(t, waits)
	r := rand.New(rand.NewPCG(seed, 9))
	calls := make([]parley.Call, n)
	for i := range calls {
		start := time.Duration(i) * time.Second
		end := start + d.Sample(r)
		calls[i] = parley.Call{Operation: operation, Start: start, FirstByte: end, End: end, Status: 200}
	}
	return calls
}

func settings(f *Fit) map[string]string {
	all := map[string]string{}
	for _, s := range f.Settings {
		all[strings.TrimSpace(s.Route+" "+s.Key)] = s.Value
	}
	return all
}

func TestShapesAreFound(t *testing.T) {
	for _, truth := range []string{
		"lognormal(p50=90ms, p95=250ms)", "lognormal(p50=3.2s, p95=3.6s)", "exponential(mean=120ms)", "30ms..60ms", "normal(mean=80ms, sd=9ms)", "25ms", "400us",
	} {
		f, err := Learn("http", sample(drawn(t, "GET /a", truth, 3000, 1)))
		if err != nil {
			t.Fatal(err)
		}
		p, want := f.Parts[0], dist(t, truth)
		if before, _, _ := strings.Cut(truth, "("); strings.Contains(truth, "(") && truth[:3] != "nor" && !strings.HasPrefix(p.Model.String(), before) {
			t.Errorf("%s was taken for %v", truth, p.Model)
		}
		for _, q := range []float64{0.1, 0.5, 0.9, 0.95} {
			near(t, truth, p.Model.Quantile(q), want.Quantile(q), 0.08)
		}
		if p.Distance > 0.03 || p.Words() != "fits well" {
			t.Errorf("%s: distance %.3f of %v, %s", truth, p.Distance, p.Model, p.Words())
		}
	}
}

// What no shape of the plan can be is said to fit badly.
func TestTwoHumpsFitBadly(t *testing.T) {
	calls := append(drawn(t, "GET /a", "9ms..11ms", 500, 1), drawn(t, "GET /a", "900ms..1.1s", 500, 2)...)
	f, err := Learn("http", sample(calls))
	if err != nil {
		t.Fatal(err)
	}
	if p := f.Parts[0]; !strings.HasPrefix(p.Words(), "fits badly") || p.Quantiles[0].P != 0.5 {
		t.Errorf("%v, %s at a distance of %.3f", p.Model, p.Words(), p.Distance)
	}
}

func TestWordsAllowForChance(t *testing.T) {
	for _, test := range []struct {
		calls    int
		distance float64
		want     string
	}{{5000, 0.04, "fits well"}, {5000, 0.06, "fits roughly"}, {5000, 0.11, "fits badly"}, {87, 0.09, "fits well"}, {87, 0.118, "fits roughly"}, {87, 0.2, "fits badly"}} {
		p := Part{Calls: test.calls, Distance: test.distance}
		if got := p.Words(); !strings.HasPrefix(got, test.want) {
			t.Errorf("%d calls at %.3f: %s", test.calls, test.distance, got)
		}
	}
}

func TestRoutesThatDiffer(t *testing.T) {
	calls := append(drawn(t, "GET /a", "lognormal(p50=20ms, p95=50ms)", 400, 1), drawn(t, "GET /b", "lognormal(p50=21ms, p95=50ms)", 400, 2)...)
	calls = append(calls, drawn(t, "POST /slow/*", "lognormal(p50=400ms, p95=700ms)", 300, 3)...)
	calls = append(calls, drawn(t, "GET /rare", "5s", 7, 4)...)
	f, err := Learn("http", sample(calls))
	if err != nil {
		t.Fatal(err)
	}
	got := settings(f)
	if len(got) != 3 || got["POST /slow/* latency"] == "" {
		t.Errorf("settings %v", got)
	}
	near(t, "slow", dist(t, got["POST /slow/* latency"]).Quantile(0.5), 400*time.Millisecond, 0.06)
	near(t, "others", dist(t, got["latency"]).Quantile(0.5), 20500*time.Microsecond, 0.1)
}

func TestCalendar(t *testing.T) {
	calls := append(drawn(t, "events.list", "lognormal(p50=90ms, p95=250ms)", 300, 1), drawn(t, "freebusy.query", "lognormal(p50=90ms, p95=250ms)", 300, 2)...)
	calls = append(calls, drawn(t, "events.insert", "lognormal(p50=250ms, p95=600ms)", 500, 3)...)
	calls = append(calls, drawn(t, "token", "5s", 500, 4)...)
	f, err := Learn("calendar", sample(calls))
	if err != nil {
		t.Fatal(err)
	}
	got := learnt(t, "calendar", f).Calendar
	near(t, "reads", got.Latency.Quantile(0.5), 90*time.Millisecond, 0.08)
	near(t, "writes", got.WriteLatency.Quantile(0.95), 600*time.Millisecond, 0.1)
	if f.Calls != 1100 || got.Source != "fitted from 1,100 calls of run r1 on 2026-11-01" {
		t.Errorf("%d calls, source %q", f.Calls, got.Source)
	}
	f, err = Learn("calendar", sample(calls[:600]))
	if err != nil || len(f.Notes) != 1 || !strings.Contains(f.Notes[0], "write_latency is left as it is") {
		t.Errorf("without writes: %v, %q", err, f.Notes)
	}
}

func TestTranscriptionsAndEmbeddings(t *testing.T) {
	calls := drawn(t, "POST /v1/audio/transcriptions", "lognormal(p50=700ms, p95=1.5s)", 1500, 1)
	r := rand.New(rand.NewPCG(5, 5))
	for i := range calls {
		c := &calls[i]
		c.AudioSeconds = 2 + 40*r.Float64()
		c.End += time.Duration(c.AudioSeconds * 30 * float64(time.Millisecond))
		c.FirstByte = c.End
	}
	calls = append(calls, drawn(t, "POST /v1/embeddings", "lognormal(p50=120ms, p95=300ms)", 400, 2)...)
	f, err := Learn("openai", sample(calls))
	if err != nil {
		t.Fatal(err)
	}
	got := learnt(t, "openai", f).OpenAI
	near(t, "transcription p50", got.Transcription.Quantile(0.5), 700*time.Millisecond, 0.08)
	near(t, "per audio second", got.PerAudioSecond, 30*time.Millisecond, 0.08)
	near(t, "embedding p95", got.Embedding.Quantile(0.95), 300*time.Millisecond, 0.1)
	if len(f.Notes) != 1 || !strings.Contains(f.Notes[0], "completions are left as they are") || settings(f)["first_token"] != "" {
		t.Errorf("notes %q, settings %v", f.Notes, f.Settings)
	}
}

func TestText(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "0", 1e-9: "0", 40.2e-6: "40.2us", 0.00099996: "1ms", 0.0123456: "12.3ms", 0.44712: "447ms", 0.99951: "1s", 1.2345: "1.23s", 123.4: "123s", 0.1: "100ms",
	} {
		if got := text(seconds); got != want {
			t.Errorf("%g: %s, want %s", seconds, got, want)
		}
	}
}

func TestCrowd(t *testing.T) {
	chat := func(start, end time.Duration) parley.Call {
		return parley.Call{Operation: "POST /v1/chat/completions", Start: start, End: end}
	}
	c := newCrowd([]parley.Call{chat(0, 10), chat(5, 8), chat(8, 20), chat(30, parley.None), {Operation: "GET /v1/models", Start: 0, End: 99}})
	for at, want := range map[time.Duration]float64{0: 0, 5: 1, 7: 2, 8: 1, 9: 2, 11: 1, 20: 0} {
		if got := c.others(at); got != want {
			t.Errorf("%d others at %d, want %v", int(got), at, want)
		}
	}
}

func TestWires(t *testing.T) {
	run := &parley.Run{Plan: []byte(`{"dependencies":[{"name":"a","kind":"openai","relay":{"to":"x"}},{"name":"b","kind":"http","simulate":true},{"name":"c","kind":"redis","relay":null}]}`)}
	if diff := cmp.Diff([]Wire{{"a", "openai", true}, {"b", "http", false}}, Wires(run)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := Wires(&parley.Run{Plan: []byte(`[]`)}); got != nil {
		t.Errorf("of no plan: %v", got)
	}
}

func TestSourceOfSeveralRuns(t *testing.T) {
	calls := drawn(t, "GET /a", "10ms", 600, 1)
	day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	f, err := Learn("http", []Sample{{"late", day.AddDate(0, 0, 3), calls}, {"early", day, calls}})
	if err != nil || f.Source != "from 1,200 calls of 2 runs, the last late, on 2026-11-04" {
		t.Errorf("%v: %q", err, f.Source)
	}
}

// The difference as it is defined, with the others listed.
func TestDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wait := rapid.Custom(func(t *rapid.T) float64 { return float64(rapid.IntRange(0, 60).Draw(t, "wait")) / 8 })
		part := rapid.SliceOfN(wait, Least, 90).Draw(t, "part")
		others := rapid.SliceOfN(wait, Least, 90).Draw(t, "others")
		if rapid.Bool().Draw(t, "apart") {
			for i := range part {
				part[i] += 3
			}
		}
		share := func(list []float64, v float64) float64 {
			n := 0
			for _, o := range list {
				if o <= v {
					n++
				}
			}
			return float64(n) / float64(len(list))
		}
		want := 0.0
		for _, v := range slices.Concat(part, others) {
			want = max(want, math.Abs(share(part, v)-share(others, v)))
		}
		whole := slices.Sorted(slices.Values(slices.Concat(part, others)))
		slices.Sort(part)
		slices.Sort(others)
		if diff := cmp.Diff(others, without(whole, part)); diff != "" {
			t.Fatalf("others (-want +got):\n%s", diff)
		}
		p, q, n, m := quantile(part, 0.5), quantile(others, 0.5), float64(len(part)), float64(len(others))
		if want <= 1.628*math.Sqrt((n+m)/(n*m)) || math.Abs(p-q) <= 0.2*min(p, q) {
			want = 0
		}
		if got := difference(part, whole); math.Abs(got-want) > 1e-12 {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}
