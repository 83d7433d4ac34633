package scaffold

import (
	"encoding/json"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"parley/internal/plan"
	"parley/internal/survey"
)

// composeFile is the part of a compose file that an override has.
type composeFile struct {
	Name     string
	Services map[string]struct {
		Environment map[string]string
		ExtraHosts  []string `yaml:"extra_hosts"`
		Ports       []string
	}
}

func override(t *testing.T, archive string) (composeFile, *plan.Plan) {
	t.Helper()
	d, err := Write(look(t, folder(t, archive)), Options{Folder: "My Bot"})
	if err != nil {
		t.Fatal(err)
	}
	var c composeFile
	if err := yaml.Unmarshal([]byte(d.Override), &c); err != nil {
		t.Fatalf("the override is no YAML: %v\n%s", err, d.Override)
	}
	return c, parse(t, d.Plan)
}

// What the override gives the containers is what the plan has parley listen for.
func TestOverrideMeetsThePlan(t *testing.T) {
	c, p := override(t, "testdata/compose.txtar")
	if c.Name != "salon-parley" {
		t.Errorf("project %q: its volumes would be those of the bot", c.Name)
	}
	for _, name := range []string{"web", "worker"} {
		s := c.Services[name]
		if diff := cmp.Diff([]string{"host.docker.internal:host-gateway"}, s.ExtraHosts); diff != "" {
			t.Error(name, diff)
		}
		want := map[string]string{
			"BOT_GATEWAY_URL": "http://host.docker.internal:18080", "BOT_GATEWAY_KEY": p.Target.Evolution.APIKey.Reveal(), "BOT_GATEWAY_SESSION": p.Target.Evolution.Instance,
			"BOT_LLM_BASE": "http://host.docker.internal:18081/v1", "MODEL_TOKEN": p.Dependencies[0].OpenAI.APIKey.Reveal(), "BOT_STRIPE_KEY": "", "BOT_MAX_HISTORY": "10",
		}
		if diff := cmp.Diff(want, s.Environment); diff != "" {
			t.Error(name, diff)
		}
	}
	if p.Target.Evolution.Listen != "172.17.0.1:18080" || p.Dependencies[0].Listen != "172.17.0.1:18081" {
		t.Errorf("parley listens on %s and %s", p.Target.Evolution.Listen, p.Dependencies[0].Listen)
	}
	if len(p.Target.Command) > 0 || p.Target.Webhook != "http://127.0.0.1:8080/api/v1/evolution/messages" || p.Target.Data != "disposable" {
		t.Errorf("target %+v", p.Target)
	}
	// PostgreSQL publishes no port in the bot's file, Redis does.
	if diff := cmp.Diff([]string{"127.0.0.1:15432:5432"}, c.Services["db"].Ports); diff != "" {
		t.Error(diff)
	}
	if got := p.Dependencies[1].Address.Reveal(); got != "postgres://salon:simulated@127.0.0.1:15432/salon" {
		t.Errorf("database at %s", got)
	}
	if _, there := c.Services["cache"]; there || p.Dependencies[2].Address.Reveal() != "redis://127.0.0.1:6380" {
		t.Errorf("Redis at %s", p.Dependencies[2].Address.Reveal())
	}
}

// A database that outlives the project is not said to be disposable.
func TestKeptDataIsNotDisposable(t *testing.T) {
	c, p := override(t, "testdata/bound.txtar")
	if p.Target.Data != "" || len(p.Dependencies) > 0 {
		t.Errorf("data %q, dependencies %v", p.Target.Data, p.Dependencies)
	}
	if c.Name != "my-bot-parley" {
		t.Errorf("project %q", c.Name)
	}
	if diff := cmp.Diff([]string{"127.0.0.1:18000:8088"}, c.Services["bot"].Ports); diff != "" {
		t.Error(diff)
	}
}

// printed runs the shell of a plan's command up to its last line, and returns what a bot started then would see.
func printed(t *testing.T, archive string, o Options, environ ...string) map[string]string {
	t.Helper()
	d, err := Write(look(t, folder(t, archive)), o)
	if err != nil {
		t.Fatal(err)
	}
	words := parse(t, d.Plan).Target.Command
	if len(words) != 3 || words[0] != "sh" {
		t.Fatalf("command %q is no shell", words)
	}
	lines := regexp.MustCompile(`(?m)^exec .*$`).ReplaceAllString(words[2], "exec env")
	cmd := exec.CommandContext(t.Context(), words[0], words[1], lines)
	cmd.Env = append(environ, "PATH=/usr/bin:/bin")
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, lines)
	}
	seen := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			seen[name] = value
		}
	}
	return seen
}

func TestAddressesInTheFormTheBotWants(t *testing.T) {
	f := func(seen map[string]string, want map[string]string) {
		t.Helper()
		for name, value := range want {
			if seen[name] != value {
				t.Errorf("%s is %q, want %q", name, seen[name], value)
			}
		}
	}
	f(printed(t, "testdata/parts.txtar", Options{},
		"PARLEY_POSTGRES_URL=postgresql://parley:pass-word@127.0.0.1:5433/bot", "PARLEY_REDIS_URL=redis://127.0.0.1:6380/0"),
		map[string]string{
			"DB_HOST": "127.0.0.1", "DB_PORT": "5433", "DB_USER": "parley", "DB_PASSWORD": "pass-word", "DB_NAME": "bot",
			"CACHE_HOST": "127.0.0.1", "CACHE_PORT": "6380",
		})
	f(printed(t, "testdata/compose.txtar", Options{Here: true}, "PARLEY_POSTGRES_URL=postgresql://parley:p@127.0.0.1:5433/bot"),
		map[string]string{"BOT_DB_DSN": "postgresql+asyncpg://parley:p@127.0.0.1:5433/bot"})
	f(printed(t, "testdata/express.txtar", Options{}, "PARLEY_EVOLUTION_URL=http://127.0.0.1:1234"),
		map[string]string{"EVOLUTION_HOST": "127.0.0.1:1234"})
}

// What a bot must have and parley cannot be does not lead to anything real, whatever example files say.
func TestNothingRealIsCalled(t *testing.T) {
	d, err := Write(look(t, fstest.MapFS{
		"app.py": {Data: []byte(`import os
app = FastAPI()
post(os.environ["GATEWAY"] + "/message/sendText/x")
a, b, c, d = os.environ["SMTP_HOST"], os.environ["CRM_CALLBACK_URL"], os.environ["SITE_URL"], os.environ["MAX_TURNS"]
`)},
		".env.example": {Data: []byte("SMTP_HOST=smtp.mail.example\nCRM_CALLBACK_URL=https://crm.example/hook\nSITE_URL=http://localhost:3000\nMAX_TURNS=8\n")},
	}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := parse(t, d.Plan).Target.Env
	for name, want := range map[string]string{"SMTP_HOST": "127.0.0.1", "CRM_CALLBACK_URL": nowhere, "SITE_URL": "http://localhost:3000", "MAX_TURNS": "8"} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

// A path that is put together as the bot runs is guessed, and the plan is one.
func TestPathOfParts(t *testing.T) {
	d, err := Write(look(t, fstest.MapFS{"index.js": {Data: []byte("const app = express()\n" +
		"app.post(`/${prefix}/${instance}/webhook`, f)\napp.get(`/${prefix}/health`, f)\nfetch(`${process.env.EVO}/message/sendText/salon`, {headers: {apikey: process.env.K}})\n")}}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if p := parse(t, d.Plan); !strings.HasSuffix(p.Target.Webhook, "/messages-upsert/salon/webhook") || p.Target.Ready != "" {
		t.Errorf("webhook %s, ready %s", p.Target.Webhook, p.Target.Ready)
	}
}

func TestQuote(t *testing.T) {
	for _, text := range []string{"", "a", "true", "No", "10", "1.5", "-", "--port", "a: b", "a #b", "${X:-y}", "it's", `"`, "a\nb", "<&>", "[a]", "*a", "ü", "~", "-1", ".5", ".inf", ".parley/bot", "0x1F", "."} {
		var back struct{ A []string }
		if err := yaml.Unmarshal([]byte("a: ["+quote(text)+"]\n"), &back); err != nil || len(back.A) != 1 || back.A[0] != text {
			t.Errorf("%q is written as %s and read as %q (%v)", text, quote(text), back.A, err)
		}
		var alone any
		if err := yaml.Unmarshal([]byte(quote(text)), &alone); err != nil || alone != text {
			t.Errorf("%q is written as %s and read as %v (%v)", text, quote(text), alone, err)
		}
	}
}

// FuzzWrite: whatever a bot's files hold, what is written is a plan and a compose file.
func FuzzWrite(f *testing.F) {
	f.Add("WA: x #y", "/web\"hook/{a}", "2", "gpt-4o\\n")
	f.Add("${X}", "/a b#c", "a: [", "'")
	f.Fuzz(func(t *testing.T, name, path, value, more string) {
		literal := func(text string) string {
			quoted, err := json.Marshal(text)
			if err != nil {
				t.Skip()
			}
			return string(quoted)
		}
		source := "import os\napp = FastAPI()\nA = os.getenv('WA_" + regexp.MustCompile(`\W`).ReplaceAllString(name, "") + "_INSTANCE', " + literal(value) + ")\n" +
			"B = os.environ['EVOLUTION_URL']\nrequests.post(B + '/message/sendText/' + A, headers={'apikey': os.environ['K']})\n" +
			"@app.post(" + literal("/webhook"+path) + ")\ndef w(): pass\nM = os.environ['N']\n"
		files := fstest.MapFS{
			"a.py":         {Data: []byte(source)},
			".env.example": {Data: []byte("N=" + more + "\nK=" + value)},
			"Procfile":     {Data: []byte("web: uvicorn a:app --x " + strings.ReplaceAll(value, "\n", " "))},
		}
		for _, contained := range []bool{false, true} {
			if contained {
				files["compose.yaml"] = &fstest.MapFile{Data: []byte("name: " + literal(name) + "\nservices:\n  b: {build: ., environment: {N: " + literal(more) + "}}\n  p: {image: postgres}\n")}
			}
			bot, err := survey.Look(files)
			if err != nil {
				t.Fatal(err)
			}
			d, err := Write(bot, Options{})
			if err != nil {
				return // a refusal
			}
			parse(t, d.Plan)
			var c map[string]any
			if err := yaml.Unmarshal([]byte(d.Override), &c); err != nil {
				t.Fatalf("%v\n%s", err, d.Override)
			}
		}
	})
}
