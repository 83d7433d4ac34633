package engine

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/internal/target"
)

// callerPlan is a plan for the caller; %s are its habit, more of the target, and more dependencies.
const callerPlan = `
name: caller
target:
  webhook: http://127.0.0.1:${PORT}/webhook
  command: [%q, __caller, %q]
  evolution: {send_latency: 1ms, hosts: [gateway.example]}
  %s
dependencies:
  openai:
    simulate: {first_token: 1ms, per_token: 0}
  %s
scenarios:
  - name: chat
    patience: 2s
    think: 50ms
    turns: [Hello, How are you?]
load:
  conversations_per_hour: 18000
  phases: [{solo: 1s}]
`

const ordersDependency = `orders: {kind: http, simulate: {routes: [{on: /v1/orders, json: {}}]}, env: ORDERS_URL, hosts: [orders.example]}`

func callerRun(t *testing.T, habit, target, dependency string) (*parley.Run, []parley.Turn, []parley.Call, string) {
	t.Helper()
	return conduct(context.Background(), t, testPlan(t, fmt.Sprintf(callerPlan, executable(t), habit, target, dependency)))
}

// Each wire is left unredirected on purpose, and the canary names it.
func TestCanaryNamesEveryWire(t *testing.T) {
	for _, test := range []struct{ wire, dependency, what string }{
		{"evolution", "", "nothing came to parley's evolution API"},
		{"openai", "", "no call came to the simulated openai"},
		{"calendar", "calendar: {simulate: {latency: 1ms, write_latency: 1ms}}", "no call came to the simulated calendar"},
		{"orders", ordersDependency, "no call came to the simulated orders"},
		{"postgres", "postgres: {address: private}", "nothing came through parley to postgres"},
		{"redis", "redis: {address: private}", "nothing came through parley to redis"},
	} {
		t.Run(test.wire, func(t *testing.T) {
			run, _, _, _ := callerRun(t, "leaves out "+test.wire, "", test.dependency)
			if len(run.Problems) != 1 || run.Problems[0].Code != parley.ProblemEscape || !strings.Contains(run.Problems[0].What, test.what) {
				t.Errorf("problems %+v", run.Problems)
			}
			if len(run.Phases) != 1 {
				t.Errorf("the run went on to %+v", run.Phases)
			}
		})
	}
}

// A bot that ignores base URLs is caught by the proxy, and its calls are those of the wires.
func TestHardCodedHosts(t *testing.T) {
	for _, habit := range []string{"hard-coded", "in clear"} {
		run, turns, calls, dir := callerRun(t, habit, "", ordersDependency)
		if run.State != parley.Complete || len(run.Problems)+len(run.Warnings) > 0 {
			t.Fatalf("%s: state %s, problems %+v, warnings %q", habit, run.State, run.Problems, run.Warnings)
		}
		wires := map[int64][]string{}
		for _, c := range calls {
			wires[c.Turn] = append(wires[c.Turn], c.Wire)
			if c.Conn == 0 && c.Wire != "evolution" {
				t.Errorf("%s: a call of no connection: %+v", habit, c)
			}
		}
		for _, turn := range turns {
			slices.Sort(wires[turn.ID])
			if got := strings.Join(wires[turn.ID], " "); got != "evolution openai orders" || turn.Outcome != parley.Answered {
				t.Errorf("%s: turn %d: %s, calls %q", habit, turn.ID, turn.Outcome, got)
			}
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*.pem")); len(left) > 0 {
			t.Errorf("%s: %q are left", habit, left)
		}
	}
}

// Hosts that are not in the plan are refused and named, and stop the run if the canary meets them.
func TestStrangeHosts(t *testing.T) {
	run, _, _, _ := callerRun(t, "chatty", "", "")
	if len(run.Problems) != 1 || run.Problems[0].Code != parley.ProblemEscape || !strings.Contains(run.Problems[0].What, "the bot called telemetry.example") || len(run.Phases) != 1 {
		t.Errorf("during the canary: problems %+v, phases %+v", run.Problems, run.Phases)
	}
	for _, habit := range []string{"chatty at first", "chatty later"} {
		run, _, _, _ = callerRun(t, habit, "", "")
		if run.State != parley.Complete || len(run.Problems) > 0 || len(run.Warnings) != 1 || !strings.Contains(run.Warnings[0], "telemetry.example (") {
			t.Errorf("%s: problems %+v, warnings %q", habit, run.Problems, run.Warnings)
		}
	}
	run, _, _, _ = callerRun(t, "chatty", "", "telemetry: {kind: http, hosts: [telemetry.example], simulate: {routes: [{on: /**, text: ok}]}}")
	if run.State != parley.Complete || len(run.Problems)+len(run.Warnings) > 0 {
		t.Errorf("with the host in the plan: problems %+v, warnings %q", run.Problems, run.Warnings)
	}
}

func TestStrayHints(t *testing.T) {
	for host, want := range map[string]string{
		"telemetry.example": "hosts: [telemetry.example]", "169.254.169.254": "NO_PROXY", "fd00::1": "NO_PROXY",
	} {
		if got := strayHint(host); !strings.Contains(got, want) {
			t.Errorf("%s: %s", host, got)
		}
	}
}

func TestCertificateNotTaken(t *testing.T) {
	run, _, _, _ := callerRun(t, "wary", "", "")
	if len(run.Problems) != 1 || run.Problems[0].Code != parley.ProblemEscape ||
		!strings.Contains(run.Problems[0].What, "would not take its certificate") || !strings.Contains(run.Problems[0].Hint, "SSL_CERT_FILE") {
		t.Errorf("problems %+v", run.Problems)
	}
}

// What the proxy's variables are, beside what the plan and parley's own environment have.
func TestProxyVariables(t *testing.T) {
	own := filepath.Join(t.TempDir(), "own.pem")
	if err := os.WriteFile(own, []byte("OWN ROOTS"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := testPlan(t, fmt.Sprintf(callerPlan, executable(t), "", "env: {NO_PROXY: 'users.internal, 127.0.0.1', SSL_CERT_FILE: '"+own+"'}", ""))
	r := &run{o: Options{Plan: p, Dir: t.TempDir(), Environ: []string{"HTTPS_PROXY=http://corporate:3128", "SSL_CERT_FILE=/nowhere"}}, epoch: time.Now(), key: parley.NewKey()}
	w, err := newWires(r)
	if err != nil {
		t.Fatal(err)
	}
	r.wires, r.hosts = w, &services{}
	env, _ := r.environment("8000")
	w.close()
	got := map[string]string{}
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		got[name] = value
	}
	proxy := "http://" + w.proxy.at.Addr().String()
	for _, name := range []string{"HTTP_PROXY", "https_proxy", "ALL_PROXY"} {
		if got[name] != proxy {
			t.Errorf("%s=%s", name, got[name])
		}
	}
	if got["NO_PROXY"] != "127.0.0.1,localhost,::1,users.internal" || got["no_proxy"] != got["NO_PROXY"] {
		t.Errorf("NO_PROXY=%s", got["NO_PROXY"])
	}
	if got["SSL_CERT_FILE"] != filepath.Join(r.o.Dir, "proxy-bundle.pem") || got["NODE_EXTRA_CA_CERTS"] != filepath.Join(r.o.Dir, "proxy-ca.pem") {
		t.Errorf("SSL_CERT_FILE=%s, NODE_EXTRA_CA_CERTS=%s", got["SSL_CERT_FILE"], got["NODE_EXTRA_CA_CERTS"])
	}
}

// fixedPlan has an address for every wire; %d are ports.
const fixedPlan = `
target:
  webhook: http://127.0.0.1:%d/webhook
  evolution: {listen: 127.0.0.1:%d, send_latency: 1ms, hosts: [gateway.example]}
  proxy: {listen: 127.0.0.1:%d}
dependencies:
  openai: {simulate: {first_token: 1ms, per_token: 0}, listen: 127.0.0.1:%d}
scenarios: [{patience: 2s, turns: [Hello]}]
load: {phases: [{solo: 1s}]}
`

// A bot that runs already, started with the variables that are known before the run.
func TestBotStartedWithVariables(t *testing.T) {
	var ports [4]any
	for i := range ports {
		port, err := target.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = port
	}
	p := testPlan(t, fmt.Sprintf(fixedPlan, ports[:]...))
	v, err := VariablesOf(p)
	if err == nil {
		err = v.SetUpProxy(p, "")
	}
	if err != nil || len(v.Unset) > 0 || len(v.Notes) != 1 {
		t.Fatalf("%+v, %v", v, err)
	}
	if again, err := VariablesOf(p); err != nil || again.SetUpProxy(p, "") != nil || len(again.Notes) > 0 {
		t.Errorf("the second time: %+v, %v", again, err)
	}
	bot := exec.CommandContext(t.Context(), executable(t), "__caller", "hard-coded")
	bot.Env = append(os.Environ(), "PORT="+strconv.Itoa(ports[0].(int)))
	for name, value := range v.Env {
		bot.Env = append(bot.Env, name+"="+value)
	}
	if err := bot.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bot.Process.Kill(); _ = bot.Wait() })
	until := time.Now().Add(10 * time.Second)
	for time.Now().Before(until) {
		if resp, err := http.Get(p.Target.Webhook); err == nil {
			_ = resp.Body.Close()
			break
		}
	}
	run, turns, _, _ := conduct(context.Background(), t, p)
	if run.State != parley.Complete || len(run.Problems)+len(run.Warnings) > 0 || len(turns) < 2 {
		t.Fatalf("state %s, problems %+v, warnings %q, %d turns", run.State, run.Problems, run.Warnings, len(turns))
	}

	// With another host in the plan the kept authority is of no use.
	p = testPlan(t, strings.Replace(fmt.Sprintf(fixedPlan, ports[:]...), "gateway.example", "other.example", 1))
	if err := os.CopyFS(filepath.Join(p.Dir, ".parley"), os.DirFS(filepath.Join(filepath.Dir(filepath.Dir(v.Env["SSL_CERT_FILE"]))))); err != nil {
		t.Fatal(err)
	}
	run, _, _, _ = conduct(context.Background(), t, p)
	if len(run.Problems) != 1 || run.Problems[0].Code != parley.ProblemSetup || !strings.Contains(run.Problems[0].Hint, "parley env") {
		t.Errorf("problems %+v", run.Problems)
	}
}

func TestVariablesThatNobodyCanKnow(t *testing.T) {
	const text = `
target: {webhook: http://127.0.0.1:1/webhook, proxy: true, data: disposable}
dependencies:
  openai: {simulate: true, listen: 127.0.0.1:9001}
  calendar: {simulate: true}
  db: {kind: postgres, address: private, listen: 127.0.0.1:9002}
  other: {kind: postgres, address: "postgres://me:pw@127.0.0.1:5432/bot?sslmode=disable", listen: 127.0.0.1:9003, env: OTHER_URL}
  redis: {address: private, listen: 127.0.0.1:9004}
scenarios: [{turns: [Hello]}]
`
	v, err := VariablesOf(testPlan(t, text))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(v.Unset, " "); got != "target.evolution.listen dependencies.calendar.listen dependencies.db.address target.proxy.listen" {
		t.Errorf("unset: %s", got)
	}
	for name, want := range map[string]string{
		"OPENAI_BASE_URL": "http://127.0.0.1:9001/v1", "OTHER_URL": "postgres://me:pw@127.0.0.1:9003/bot", "REDIS_URL": "redis://127.0.0.1:9004/0", "OPENAI_API_KEY": "sk-simulated",
	} {
		if v.Env[name] != want {
			t.Errorf("%s=%s, want %s", name, v.Env[name], want)
		}
	}
	if len(v.Notes) != 1 || !strings.Contains(v.Notes[0], "GOOGLE_APPLICATION_CREDENTIALS") {
		t.Errorf("notes %q", v.Notes)
	}
}

// The base paths known before a run are those of the services themselves.
func TestBasePaths(t *testing.T) {
	const text = `
target: {webhook: http://127.0.0.1:1/webhook}
dependencies:
  openai: {simulate: true}
  calendar: {simulate: true}
  orders: {kind: http, simulate: true, env: ORDERS_URL}
  gateway: {kind: openai, relay: real, address: "http://127.0.0.1:9/team/v1/", spend: $1, env: GATEWAY_URL}
scenarios: [{turns: [Hello]}]
`
	p := testPlan(t, text)
	r := &run{o: Options{Plan: p, Dir: t.TempDir()}, epoch: time.Now(), key: parley.NewKey()}
	r.tariff, _ = newTariff(p)
	w, err := newWires(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	for _, s := range w.sims {
		if want := "http://" + s.at.Addr().String() + basePath(s.dependency); s.url != want {
			t.Errorf("%s: %s, want %s", s.dependency.Name, s.url, want)
		}
	}
}
