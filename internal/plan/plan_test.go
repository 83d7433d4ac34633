package plan

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley"
	"parley/internal/fault"
)

// least is the smallest plan there is.
const least = "target: {webhook: \"http://127.0.0.1:8000/webhook\"}\nscenarios: [{turns: [Hi]}]\n"

func noEnvironment(string) (string, bool) { return "", false }

func environmentOf(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := vars[name]
		return value, ok
	}
}

// manual returns the page docs/plan.md.
func manual(t testing.TB) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/plan.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// block returns the first YAML of a section of the manual.
func block(t testing.TB, heading string) string {
	t.Helper()
	_, section, _ := strings.Cut(manual(t), heading+"\n")
	_, code, _ := strings.Cut(section, "```yaml\n")
	code, _, ok := strings.Cut(code, "```")
	if !ok {
		t.Fatalf("docs/plan.md: no YAML below %q", heading)
	}
	return code
}

// example returns the full example of the manual, which holds every key.
func example(t testing.TB) string { t.Helper(); return block(t, "## A full example") }

func parse(t testing.TB, src string) *Plan {
	t.Helper()
	p, err := Parse("parley.yaml", []byte(src), "/srv/receptionist", noEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func dist(t *testing.T, text string) fault.Dist {
	t.Helper()
	d, err := fault.ParseDist(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func rules(t *testing.T, texts ...string) (all []fault.Rule) {
	t.Helper()
	for _, text := range texts {
		r, err := fault.ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// compare compares plans by value; patterns are equal if their texts are.
func compare(want, got any) string {
	return cmp.Diff(want, got,
		cmp.Comparer(func(a, b *regexp.Regexp) bool {
			return (a == nil) == (b == nil) && (a == nil || a.String() == b.String())
		}),
		cmp.FilterPath(func(p cmp.Path) bool { return slices.Contains([]string{"env", "origin", "Checks.units"}, p.String()) }, cmp.Ignore()))
}

func TestExampleOfTheManual(t *testing.T) {
	p := parse(t, example(t))
	wantTarget := Target{
		Platform: "evolution", Webhook: "http://127.0.0.1:${PORT}/webhook", Ready: "http://127.0.0.1:${PORT}/health",
		StartTimeout: 30 * time.Second,
		Command:      []string{"python3", "-m", "uvicorn", "app:app", "--port", "${PORT}"},
		Setup:        []string{"python3", "-m", "alembic", "upgrade", "head"},
		Dir:          "/srv/receptionist",
		Env:          map[string]string{"LOG_LEVEL": "warning", "BOOKING_CALENDAR": "main"},
		Data:         "disposable",
		Proxy:        Proxy{On: true, Listen: "127.0.0.1:0"},
		Probe:        Probe{On: true, Path: nowhere, Every: 100 * time.Millisecond},
		Evolution: Evolution{
			Version: "v2", JWTKey: "simulated", Media: "api",
			Instance: "receptionist", APIKey: "parley-simulated-key", Number: "5511999990000",
			Headers: map[string]Secret{"X-Secret": "simulated"}, Echo: true, Statuses: true,
			Retry:  Retry{Attempts: 10, InitialDelay: 5 * time.Second, MaxDelay: 5 * time.Minute, Timeout: 30 * time.Second},
			Listen: "127.0.0.1:0", Env: []string{"EVOLUTION_API_URL"},
			Hosts:       []string{"gateway.practice.example"},
			SendLatency: dist(t, "lognormal(p50=120ms, p95=350ms)"),
			Source:      "plan",
			Faults:      rules(t, "1% status 500 on POST /message/sendText"),
		},
	}
	if diff := compare(wantTarget, p.Target); diff != "" {
		t.Errorf("target (-want +got):\n%s", diff)
	}
	wantDependencies := []Dependency{
		{
			Name: "openai", Kind: "openai", Simulate: true, Env: []string{"OPENAI_BASE_URL"}, Listen: "127.0.0.1:0",
			Hosts: []string{"api.openai.com"},
			OpenAI: OpenAI{
				APIKey: "sk-simulated", FirstToken: dist(t, "lognormal(p50=450ms, p95=1.1s)"), PerToken: dist(t, "lognormal(p50=9ms, p95=18ms)"),
				PerPromptToken: 40 * time.Microsecond, PerCallInFlight: 0.002, RequestsPerMinute: 10_000, TokensPerMinute: 4_000_000,
				Embedding: dist(t, "lognormal(p50=120ms, p95=300ms)"), Transcription: dist(t, "lognormal(p50=700ms, p95=1.5s)"),
				PerAudioSecond: 30 * time.Millisecond, Replay: "/srv/receptionist/exchanges/openai.jsonl",
				Faults: rules(t, "0.5% status 429", "0.2% hang"),
				Script: []Line{
					{When: regexp.MustCompile("(?i)book"), Call: "book_appointment", Arguments: map[string]any{"day": "friday"}},
					{When: regexp.MustCompile(".*"), Say: "Sure."},
				},
				Source: "fitted from 1,200 calls on 2026-11-01",
			},
		},
		{
			Name: "gateway", Kind: "openai", Env: []string{"GATEWAY_URL"}, Listen: "127.0.0.1:0", Optional: true, OpenAI: defaultOpenAI(),
			Relay: &Relay{To: "http://127.0.0.1:4000/v1", Spend: 0.5, Calls: 2000, Key: "none", Keep: true, Faults: rules(t, "1% delay 2s..4s")},
		},
		{
			Name: "calendar", Kind: "calendar", Simulate: true, Env: []string{"GOOGLE_CALENDAR_URL"}, Listen: "127.0.0.1:0",
			Hosts: []string{"www.googleapis.com", "oauth2.googleapis.com", "calendar-json.googleapis.com"},
			Calendar: Calendar{
				Latency: dist(t, "lognormal(p50=90ms, p95=250ms)"), WriteLatency: dist(t, "lognormal(p50=250ms, p95=600ms)"),
				Calendars: []string{"primary", "chair-2@practice.example"}, TimeZone: "America/Sao_Paulo", Busy: 0.3, RequestsPerMinute: 10_000, UserRequestsPerMinute: 600,
				CredentialsEnv: []string{"GOOGLE_APPLICATION_CREDENTIALS"}, Faults: rules(t, "0.5% status 403 on events.insert"), Source: "plan",
			},
		},
		{
			Name: "billing", Kind: "http", Simulate: true, Env: []string{"BILLING_URL"}, Listen: "127.0.0.1:0", Hosts: []string{"api.billing.example"},
			HTTP: HTTP{
				Latency: dist(t, "30ms..60ms"), Faults: rules(t, "1% status 503"), Source: "plan",
				Routes: []Route{
					{Method: "GET", Path: "/v1/customers/*", Status: 200, Header: map[string]string{"Content-Type": "application/json"}, Body: `{"id":"c-1","plan":"gold"}`},
					{
						Method: "POST", Path: "/v1/invoices", Status: 201, Body: `{"id":1}`, Latency: new(dist(t, "200ms")),
						Header: map[string]string{"Content-Type": "application/json", "Location": "/v1/invoices/1"},
					},
					{Method: "*", Path: "/health", Status: 200, Header: map[string]string{"Content-Type": "text/plain; charset=utf-8"}, Body: "ok"},
				},
			},
		},
		{
			Name: "postgres", Kind: "postgres", Private: true, Env: []string{"DATABASE_URL"}, Listen: "127.0.0.1:0",
			Faults: rules(t, "1% delay 5ms on SELECT*"),
		},
		{Name: "redis", Kind: "redis", Private: true, Env: []string{"REDIS_URL"}, Listen: "127.0.0.1:0"},
	}
	if diff := compare(wantDependencies, p.Dependencies); diff != "" {
		t.Errorf("dependencies (-want +got):\n%s", diff)
	}
	habits := Turn{Gap: dist(t, "600ms..1.5s"), Think: dist(t, "lognormal(p50=4s, p95=12s)"), Patience: 30 * time.Second, Answered: AnswerRule{Mode: "first"}}
	turn := func(change func(*Turn), say ...[]string) Turn {
		one := habits
		one.Say = say
		if change != nil {
			change(&one)
		}
		return one
	}
	wantScenarios := []Scenario{
		{Name: "book", Weight: 3, Goal: &Goal{Wire: "calendar", Operation: "events.insert"}, Turns: []Turn{
			turn(nil, []string{"Hi there"}),
			turn(nil, []string{"Do you have time on {day}?"}, []string{"Is {day} free?"}),
			turn(func(t1 *Turn) { t1.Gap, t1.Patience = dist(t, "400ms..1s"), 45*time.Second }, []string{"Well", "{day} at {time}", "please"}),
			turn(func(t1 *Turn) {
				t1.Think, t1.Answered = dist(t, "2s..5s"), AnswerRule{Mode: "pattern", Pattern: regexp.MustCompile("(?i)booked")}
			}, []string{"Book it"}),
		}},
		{Name: "question", Weight: 1, Goal: &Goal{Reply: regexp.MustCompile(`(?i)\d+ reais`)}, Turns: []Turn{
			turn(func(t1 *Turn) { t1.Voice = true }, []string{"Good morning"}, []string{"Hello"}),
			turn(func(t1 *Turn) { t1.Answered = AnswerRule{Mode: "quiet", Quiet: 2 * time.Second} }, []string{"What does a visit cost?"}),
		}},
	}
	if diff := compare(wantScenarios, p.Scenarios); diff != "" {
		t.Errorf("scenarios (-want +got):\n%s", diff)
	}
	wantLoad := Load{ConversationsPerHour: 1200, Concurrency: 500, Arrivals: "poisson", Phases: []Phase{
		{Kind: parley.Solo, Duration: 20 * time.Second, Rate: 1},
		{Kind: parley.WarmUp, Duration: 30 * time.Second, Rate: 0.5},
		{Kind: parley.Steady, Duration: 5 * time.Minute, Rate: 1},
		{Kind: parley.Ramp, Duration: 3 * time.Minute, Rate: 1, To: 20, Growth: 1.5, Step: 20 * time.Second},
	}}
	if diff := compare(wantLoad, p.Load); diff != "" {
		t.Errorf("load (-want +got):\n%s", diff)
	}
}

// TestDefaults: the smallest plan of the manual, and the same plan with every default
// written out as the manual has it, are one.
func TestDefaults(t *testing.T) {
	short := parse(t, block(t, "# The plan: parley.yaml"))
	long := parse(t, `
name: receptionist
seed: 1
target:
  platform: evolution
  webhook: http://127.0.0.1:8000/webhook
  start_timeout: 30s
  dir: .
  allow_remote: false
  evolution:
    version: v2
    lenient: false
    media: api
    instance: parley
    api_key: parley-simulated-key
    number: "5511999990000"
    by_events: false
    echo: true
    statuses: true
    retry: {attempts: 10, initial_delay: 5s, max_delay: 5m, timeout: 30s}
    listen: 127.0.0.1:0
    env: [EVOLUTION_API_URL]
    send_latency: lognormal(p50=120ms, p95=350ms)
users: {returning: 0.3, alike: 20%, number_prefix: "999", satisfied: 2s}
money: {infrastructure_per_hour: $0, per_message: 0}
scenarios:
  - name: scenario-1
    weight: 1
    think: lognormal(p50=4s, p95=12s)
    patience: 30s
    answered: first
    gap: 600ms..1.5s
    turns: [Hi there, {say: Do you have time on Friday?}]
load:
  conversations_per_hour: 20/min
  concurrency: 500
  arrivals: poisson
  phases: [solo: 20s, warmup: {for: 30s, rate: 1}, steady]
budgets: ["reply.p95 < 5s", "ack.p95 < 200ms", "errors < 1%", "lost = 0", "llm.p95 < 3s", "db.p95 < 1s"]
safety: {messages_per_hour: 200_000, users: 5000, duration: 1h}
`)
	if long.Target.Evolution.Source != "plan" || short.Target.Evolution.Source != "default" {
		t.Errorf("send latency: source %q where written, %q where not", long.Target.Evolution.Source, short.Target.Evolution.Source)
	}
	long.Target.Evolution.Source = "default"
	if diff := compare(long, short); diff != "" {
		t.Errorf("(-written out +default):\n%s", diff)
	}
	simple := parse(t, least+"dependencies: {openai: {simulate: true}}")
	written := parse(t, least+`dependencies: {openai: {kind: openai, listen: "127.0.0.1:0", env: OPENAI_BASE_URL, canary: required, simulate: {
  api_key: sk-simulated, first_token: "lognormal(p50=450ms, p95=1.1s)", per_token: "lognormal(p50=9ms, p95=18ms)", per_prompt_token: 40us, per_call_in_flight: 0.2%}}}`)
	if source := simple.Dependencies[0].OpenAI.Source; source != "default" {
		t.Errorf("source of the default model is %q", source)
	}
	written.Dependencies[0].OpenAI.Source = "default"
	if diff := compare(written, simple); diff != "" {
		t.Errorf("(-written out +default):\n%s", diff)
	}
}

func TestDefaultName(t *testing.T) {
	f := func(dir, want string) {
		t.Helper()
		if got := defaultName(dir); got != want {
			t.Errorf("%q: %q, want %q", dir, got, want)
		}
	}
	f("/srv/receptionist", "receptionist")
	f("/srv/my bot (2)", "my-bot-2-")
	f("/", "bot")
	f("", "bot")
	f("/srv/ボット", "bot")
	f("/srv/"+strings.Repeat("a", 80), strings.Repeat("a", 64))
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/parley.yaml"
	if err := os.WriteFile(path, []byte("\uFEFF"+strings.ReplaceAll(least, "\n", "\r\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Read(path, noEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	if p.Path != path || p.Dir != dir || p.Target.Dir != dir {
		t.Errorf("path %q, dir %q, target's dir %q", p.Path, p.Dir, p.Target.Dir)
	}
	if _, err := Read(dir+"/none.yaml", noEnvironment); !os.IsNotExist(unwrapAll(err)) {
		t.Errorf("missing file: %v", err)
	}
}

func unwrapAll(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return err
		}
		if inner := u.Unwrap(); inner != nil {
			err = inner
			continue
		}
		return err
	}
}

func TestEnvironment(t *testing.T) {
	getenv := environmentOf(map[string]string{"WHO": "Ana Maria", "RATE": "600", "EMPTY": "", "PORT": "9999"})
	p, err := Parse("parley.yaml", []byte(`
target:
  webhook: http://127.0.0.1:${PORT}/webhook
  command: run --for ${WHO} --port "${PORT}" ''
  env: {A: "${EMPTY}", B: "${EMPTY:-b}", C: "${PORT}", D: "$${WHO}$$"}
scenarios: [{turns: ["Hi ${WHO}, ${NONE:-you}, $1, port ${PORT}"]}]
load: {conversations_per_hour: "${RATE}"}
`), "/srv/bot", getenv)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"run", "--for", "Ana Maria", "--port", "${PORT}", ""}, p.Target.Command); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"A": "", "B": "b", "C": "${PORT}", "D": "${WHO}$$"}, p.Target.Env); diff != "" {
		t.Error(diff)
	}
	if got, want := p.Scenarios[0].Turns[0].Say[0][0], "Hi Ana Maria, you, $1, port 9999"; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
	if p.Load.ConversationsPerHour != 600 {
		t.Errorf("rate %v", p.Load.ConversationsPerHour)
	}
}

func TestAnchors(t *testing.T) {
	p := parse(t, `
target: {webhook: "http://127.0.0.1:8000/"}
scenarios:
  - {name: a, turns: &turns [Hi, Bye], think: &think 1s..2s}
  - {name: b, turns: *turns, think: *think}
`)
	if diff := compare(p.Scenarios[0].Turns, p.Scenarios[1].Turns); diff != "" {
		t.Error(diff)
	}
}

func TestRemoteTargets(t *testing.T) {
	parse(t, `
target: {webhook: "https://bot.example.com/webhook", allow_remote: true, data: disposable, evolution: {listen: "172.17.0.1:0"}}
dependencies: {postgres: {address: "postgres://u:p@db.example.com/bot"}, redis: {address: "redis://[::1]:6379/0"}}
scenarios: [{turns: [Hi]}]
`)
	parse(t, `
target: {webhook: "http://[::1]:8000/webhook", data: disposable}
dependencies: {postgres: {address: "postgresql://u:p@localhost/bot"}, redis: {address: "rediss://127.1.2.3:6379/0"}}
scenarios: [{turns: [Hi]}]
`)
}
