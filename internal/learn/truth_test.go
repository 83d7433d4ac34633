package learn

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley"
	"parley/internal/fault"
	"parley/internal/plan"
	"parley/internal/upstream/openai"
	"parley/internal/upstreamtest"
)

func dist(t *testing.T, text string) fault.Dist {
	t.Helper()
	d, err := fault.ParseDist(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// traffic is how a service of known truth is asked.
type traffic struct {
	calls    int
	stream   bool
	perHour  float64 // of the arrivals
	lengths  []int   // of prompts, in words
	mostSaid int
}

// play returns the calls that the simulated service of package openai records of the traffic, in virtual time.
func play(t *testing.T, model plan.OpenAI, w traffic) (calls []parley.Call) {
	t.Helper()
	model.Script = []plan.Line{{When: regexp.MustCompile("."), Say: strings.Repeat("word and ", 40)}}
	synctest.Test(t, func(t *testing.T) {
		b := upstreamtest.New(t, func(record func(parley.Call)) upstreamtest.Service {
			o := openai.Options{Config: model}
			o.Wire, o.Seed, o.Record = "openai", 7, record
			return openai.New(o)
		})
		r := rand.New(rand.NewPCG(3, 4))
		var all sync.WaitGroup
		for i := range w.calls {
			time.Sleep(time.Duration(r.ExpFloat64() / w.perHour * float64(time.Hour)))
			words := strings.Repeat("one ", w.lengths[r.IntN(len(w.lengths))])
			body := fmt.Sprintf(`{"model":"m%d","stream":%v,"max_tokens":%d,"messages":[{"role":"user","content":%q}]}`, i, w.stream, 1+r.IntN(w.mostSaid), words)
			all.Go(func() {
				resp, err := b.Client.Do(b.Request(t.Context(), http.MethodPost, "/v1/chat/completions", body))
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			})
		}
		all.Wait()
		synctest.Wait()
		calls = b.Recorded()
	})
	return calls
}

// learnt is the model that a plan with the settings has.
func learnt(t *testing.T, kind string, f *Fit) plan.Dependency {
	t.Helper()
	text := "target: {webhook: 'http://127.0.0.1:8000/'}\nscenarios: [turns: [Hi]]\ndependencies:\n  it:\n    kind: " + kind + "\n    env: IT_URL\n    simulate:\n"
	for _, s := range f.Settings {
		if s.Route == "" {
			text += "      " + s.Key + ": " + s.Value + "\n"
		}
	}
	p, err := plan.Parse("learnt", []byte(text), t.TempDir(), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return p.Dependencies[0]
}

// near reports an error beyond a share of the truth.
func near(t *testing.T, what string, got, truth time.Duration, share float64) {
	t.Helper()
	off := math.Abs(float64(got-truth)) / float64(truth)
	t.Logf("%-24s %10v for %10v, off by %.1f%%", what, got, truth, 100*off)
	if off > share {
		t.Errorf("%s: %v, the truth is %v", what, got, truth)
	}
}

func sample(calls []parley.Call) []Sample {
	return []Sample{{Run: "r1", Started: time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC), Calls: calls}}
}

func TestStreamsGiveTheTruthBack(t *testing.T) {
	truth := plan.OpenAI{
		FirstToken: dist(t, "lognormal(p50=450ms, p95=1.1s)"), PerToken: dist(t, "lognormal(p50=9ms, p95=18ms)"),
		PerPromptToken: 100 * time.Microsecond, PerCallInFlight: 0.01,
	}
	calls := play(t, truth, traffic{calls: 2000, stream: true, perHour: 30_000, lengths: []int{20, 500, 2000, 6000}, mostSaid: 60})
	f, err := Learn("openai", sample(calls))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", *f)
	got := learnt(t, "openai", f).OpenAI
	near(t, "first token p50", got.FirstToken.Quantile(0.5), truth.FirstToken.Quantile(0.5), 0.06)
	near(t, "first token p95", got.FirstToken.Quantile(0.95), truth.FirstToken.Quantile(0.95), 0.08)
	near(t, "per token mean", got.PerToken.Mean(), truth.PerToken.Mean(), 0.02)
	near(t, "per token p50", got.PerToken.Quantile(0.5), truth.PerToken.Quantile(0.5), 0.05)
	near(t, "per token p95", got.PerToken.Quantile(0.95), truth.PerToken.Quantile(0.95), 0.08)
	near(t, "per prompt token", got.PerPromptToken, truth.PerPromptToken, 0.1)
	near(t, "per call in flight", time.Duration(got.PerCallInFlight*1e9), time.Duration(truth.PerCallInFlight*1e9), 0.1)
	if f.Parts[0].Distance > 0.05 || got.Source != "fitted "+f.Source || !strings.HasPrefix(f.Source, "from 1,") || !strings.HasSuffix(f.Source, " calls of run r1 on 2026-11-01") {
		t.Errorf("distance %.3f, source %q", f.Parts[0].Distance, f.Source)
	}
}

func TestWholeAnswersGiveTheTruthBack(t *testing.T) {
	truth := plan.OpenAI{
		FirstToken: dist(t, "lognormal(p50=450ms, p95=900ms)"), PerToken: dist(t, "lognormal(p50=20ms, p95=40ms)"),
		PerPromptToken: 100 * time.Microsecond, PerCallInFlight: 0.02,
	}
	calls := play(t, truth, traffic{calls: 2500, perHour: 30_000, lengths: []int{20, 500, 2000, 6000}, mostSaid: 70})
	f, err := Learn("openai", sample(calls))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", *f)
	got := learnt(t, "openai", f).OpenAI
	near(t, "first token p50", got.FirstToken.Quantile(0.5), truth.FirstToken.Quantile(0.5), 0.1)
	near(t, "first token p95", got.FirstToken.Quantile(0.95), truth.FirstToken.Quantile(0.95), 0.12)
	near(t, "per token mean", got.PerToken.Mean(), truth.PerToken.Mean(), 0.05)
	near(t, "per prompt token", got.PerPromptToken, truth.PerPromptToken, 0.1)
	near(t, "per call in flight", time.Duration(got.PerCallInFlight*1e9), time.Duration(truth.PerCallInFlight*1e9), 0.15)
	if len(f.Notes) != 1 || !strings.Contains(f.Notes[0], "in one piece") {
		t.Errorf("notes %q", f.Notes)
	}
}

// What the calls cannot tell is 0 and said.
func TestWhatCannotBeTold(t *testing.T) {
	truth := plan.OpenAI{FirstToken: dist(t, "lognormal(p50=450ms, p95=900ms)"), PerToken: dist(t, "10ms")}
	for name, test := range map[string]struct {
		traffic traffic
		notes   []string
	}{
		"alone, one length, streamed": {traffic{calls: 200, stream: true, perHour: 1000, lengths: []int{50}, mostSaid: 30}, []string{"per_call_in_flight is 0", "per_prompt_token is 0"}},
		"one length, whole":           {traffic{calls: 200, perHour: 1000, lengths: []int{50}, mostSaid: 1}, []string{"per_call_in_flight is 0", "per_prompt_token is 0", "only be told together"}},
		"without influence":           {traffic{calls: 300, stream: true, perHour: 30_000, lengths: []int{20, 200}, mostSaid: 30}, []string{"no influence of the calls in flight", "no influence of the prompt"}},
	} {
		f, err := Learn("openai", sample(play(t, truth, test.traffic)))
		if err != nil {
			t.Fatal(err)
		}
		got := learnt(t, "openai", f).OpenAI
		if got.PerCallInFlight != 0 || got.PerPromptToken != 0 || len(f.Notes) != len(test.notes) {
			t.Errorf("%s: %+v, notes %q", name, got, f.Notes)
			continue
		}
		for i, want := range test.notes {
			if !strings.Contains(f.Notes[i], want) {
				t.Errorf("%s: notes %q", name, f.Notes)
			}
		}
		if got.PerToken.Equal(dist(t, "10ms")) != test.traffic.stream {
			t.Errorf("%s: per token %v", name, got.PerToken)
		}
	}
}

func TestTooFew(t *testing.T) {
	calls := make([]parley.Call, 60)
	for i := range calls {
		calls[i] = parley.Call{Operation: "GET /a", Start: 0, FirstByte: 1, End: 2, Status: 200}
		if i >= Least-1 {
			calls[i].Fault = "delay 1s"
		}
	}
	for _, kind := range []string{"openai", "calendar", "http"} {
		_, err := Learn(kind, sample(calls))
		if few, ok := errors.AsType[*TooFewError](err); !ok || !strings.Contains(err.Error(), "cannot tell") {
			t.Errorf("%s: %v (%+v)", kind, err, few)
		}
	}
	if _, err := Learn("postgres", sample(calls)); err == nil {
		t.Error("postgres has a model")
	}
}
