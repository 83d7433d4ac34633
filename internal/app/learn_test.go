package app

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/internal/fault"
	"parley/internal/plan"
	"parley/internal/record"
)

const learnPlan = `# The plan.
target: {webhook: "http://127.0.0.1:8000/", data: disposable}
scenarios: [turns: [Hi]]   # short
dependencies:
  billing:
    kind: http
    env: BILLING_URL
    %s
`

// relayedRun is the folder of a run of the plan with relayed calls to billing whose waits follow a distribution.
func relayedRun(t *testing.T, planText, waits string, calls int) string {
	t.Helper()
	p, err := plan.Parse("parley.yaml", []byte(planText), t.TempDir(), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	d, err := fault.ParseDist(waits)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	w, err := record.Create(dir, &parley.Run{
		Version: parley.RecordVersion, ID: "20261101T101500.000Z", State: parley.Complete, Started: time.Date(2026, 11, 1, 10, 15, 0, 0, time.UTC), Plan: p.Resolved(),
	}, record.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range calls {
		start := time.Duration(i) * time.Second
		w.Call(parley.Call{Wire: "billing", Operation: "GET /a", Start: start, FirstByte: start + 1, End: start + d.Sample(r), Status: 200})
		w.Call(parley.Call{Wire: "other", Operation: "GET /a", Start: start, FirstByte: start + 1, End: start + time.Hour, Status: 200})
	}
	if err := w.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func relayed(how string) string { return strings.Replace(learnPlan, "%s", how, 1) }

const realBilling = "relay: real\n    address: http://127.0.0.1:9/\n    calls: 500"

func TestLearn(t *testing.T) {
	run := relayedRun(t, relayed(realBilling), "lognormal(p50=40ms, p95=90ms)", 900)
	few := relayedRun(t, relayed(realBilling), "40ms", 9)
	const model = "lognormal(p50="
	for _, test := range []struct {
		name, plan string
		options    LearnOptions
		code       int
		out        []string
		after      string // "" : as before
	}{
		{"written", relayed("simulate: true"), LearnOptions{Runs: []string{run}}, 0,
			[]string{"billing: from 900 calls of run 20261101T101500.000Z on 2026-11-01", "fits well", "p95  measured", "simulate has the new model"},
			relayed("simulate:\n      latency: LATENCY\n      fitted: from 900 calls of run 20261101T101500.000Z on 2026-11-01")},
		{"printed", relayed("simulate: true"), LearnOptions{Runs: []string{run}, Print: true}, 0, []string{"    kind: http\n    simulate:\n      latency: " + model}, ""},
		{"relayed", relayed(realBilling), LearnOptions{Runs: []string{run}}, 0, []string{"left as it is", "--simulate", "To write by hand", model}, ""},
		{"turned", relayed(realBilling), LearnOptions{Runs: []string{run}, Simulate: true}, 0, []string{"has the new model"},
			relayed("# relay: real\n    # address: http://127.0.0.1:9/\n    # calls: 500\n    simulate:\n      latency: LATENCY\n      fitted: from 900 calls of run 20261101T101500.000Z on 2026-11-01")},
		{"too few", relayed("simulate: true"), LearnOptions{Runs: []string{few}}, parley.ExitCannotTell, []string{"billing: cannot tell: 9 answered calls, 30 at least are needed"}, ""},
		{"both", relayed("simulate: {latency: 5ms}"), LearnOptions{Runs: []string{run, few}, Wire: "billing"}, 0, []string{"from 909 calls of 2 runs"},
			relayed(`simulate: {fitted: "from 909 calls of 2 runs, the last 20261101T101500.000Z, on 2026-11-01", latency: QUOTED}`)},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			test.options.Plan = filepath.Join(dir, "parley.yaml")
			if err := os.WriteFile(test.options.Plan, []byte(test.plan), 0o640); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			a := &App{Out: &out, Root: dir}
			code, err := a.Learn(test.options)
			if err != nil || code != test.code {
				t.Fatalf("code %d, %v\n%s", code, err, &out)
			}
			for _, want := range test.out {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in\n%s", want, &out)
				}
			}
			got, err := os.ReadFile(test.options.Plan)
			if err != nil {
				t.Fatal(err)
			}
			if test.after == "" {
				test.after = test.plan
			} else if p, err := plan.Parse("x", got, dir, a.getenv); err != nil || !strings.HasPrefix(p.Dependencies[0].HTTP.Latency.String(), model) {
				t.Errorf("%v: %s", err, got)
			} else {
				latency := p.Dependencies[0].HTTP.Latency.String()
				test.after = strings.NewReplacer("LATENCY", latency, "QUOTED", `"`+latency+`"`).Replace(test.after)
			}
			if string(got) != test.after {
				t.Errorf("the plan became\n%s\nwant\n%s", got, test.after)
			}
			info, err := os.Stat(test.options.Plan)
			if err != nil || info.Mode().Perm() != 0o640 {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
			if files, _ := os.ReadDir(dir); len(files) != 1 {
				t.Errorf("left behind: %v", files)
			}
		})
	}
}

func TestLearnWithoutAPlan(t *testing.T) {
	run := relayedRun(t, relayed(realBilling), "lognormal(p50=40ms, p95=90ms)", 100)
	var out bytes.Buffer
	code, err := (&App{Out: &out}).Learn(LearnOptions{Runs: []string{run}, Plan: filepath.Join(t.TempDir(), "parley.yaml")})
	if err != nil || code != 0 || !strings.Contains(out.String(), "In a plan:\n\ndependencies:\n  billing:\n") {
		t.Errorf("code %d, %v\n%s", code, err, &out)
	}
}
