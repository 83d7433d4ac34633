package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley"
	"parley/internal/plan"
)

// mortal is a private server.
type mortal struct{ err error }

func (m *mortal) PID() int             { return 0 }
func (m *mortal) Err() error           { return m.err }
func (m *mortal) Stop(_ time.Duration) {}

func TestDeathOfAPrivateService(t *testing.T) {
	database, cache := &mortal{}, &mortal{}
	s := &services{private: []private{{"database", "postgres", database}, {"cache", "redis", cache}}}
	if err := s.failure(); err != nil {
		t.Fatalf("all live, yet %v", err)
	}
	cache.err = errors.New("Redis ended: signal: killed")
	p, ok := errors.AsType[*Problem](s.failure())
	if !ok || p.Code != parley.ProblemSetup || !strings.Contains(p.What, "dependencies.cache") || !strings.Contains(p.What, "signal: killed") {
		t.Errorf("problem %+v", p)
	}
}

// secretPlan takes keys from the environment; %s is the rest of the target.
const secretPlan = `
target:
  webhook: http://127.0.0.1:9/hook?key=${HOOK_KEY}&fixed=literal-token
  evolution: {api_key: "${GATEWAY_KEY}", jwt_key: "${SIGNING_KEY}", headers: {Authorization: "Bearer ${HEADER_KEY}"}}
  data: disposable
%s
dependencies:
  openai: {simulate: {api_key: "${MODEL_KEY}"}}
  database: {kind: postgres, address: "postgres://me:${DB_KEY}@127.0.0.1/bot"}
scenarios: [{turns: [Hello]}]
`

func parseSecretPlan(t *testing.T, rest string) *plan.Plan {
	t.Helper()
	p, err := plan.Parse("parley.yaml", fmt.Appendf(nil, secretPlan, rest), t.TempDir(), func(name string) (string, bool) {
		if name == "LEVEL" {
			return "debug", true
		}
		return "value-of-" + name, strings.HasSuffix(name, "_KEY")
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSecretsOfAPlan(t *testing.T) {
	p := parseSecretPlan(t, `  command: bot
  env: {CALENDAR: "${CALENDAR_KEY}", BROKER: "amqp://me:fixed-password@127.0.0.1", LOG_LEVEL: "${LEVEL}", LANGUAGE: portuguese}`)
	got := slices.DeleteFunc(secretsOf(p), func(s string) bool { return s == "" })
	slices.Sort(got)
	want := []string{
		"Bearer value-of-HEADER_KEY", "fixed-password", "value-of-CALENDAR_KEY", "value-of-GATEWAY_KEY", "value-of-HEADER_KEY", "value-of-MODEL_KEY",
		"value-of-SIGNING_KEY",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
}

// What goes wrong is told without keys.
func TestProblemsHoldNoSecrets(t *testing.T) {
	run, _, _, dir := conduct(context.Background(), t, parseSecretPlan(t, ""))
	if len(run.Problems) != 1 || !strings.Contains(run.Problems[0].Hint, "127.0.0.1:9/hook") {
		t.Errorf("problems %+v", run.Problems)
	}
	for _, name := range []string{"run.json", "bot.log"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"value-of-", "literal-token"} {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s holds %q:\n%s", name, secret, text)
			}
		}
	}
}
