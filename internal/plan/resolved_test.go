package plan

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestResolvedHoldsNoSecrets puts a secret into every place a plan may have one.
func TestResolvedHoldsNoSecrets(t *testing.T) {
	getenv := environmentOf(map[string]string{
		"TOKEN": `t0ken"with\quotes`, "LONGER": `t0ken"with\quotes-and-more`, "DB": "postgres://u:passw0rd@127.0.0.1/bot", "TINY": "a",
	})
	p, err := Parse("parley.yaml", []byte(`
target:
  webhook: http://user:passw0rd@127.0.0.1:${PORT}/webhook?key=passw0rd&passw0rd#passw0rd
  ready: http://passw0rd@127.0.0.1:${PORT}/health
  command: run --token ${TOKEN} --other=${LONGER} ${TINY}
  setup: [seed, "${TOKEN}"]
  env: {KEY: passw0rd}
  data: disposable
  evolution: {api_key: passw0rd, headers: {Authorization: passw0rd}}
dependencies:
  openai: {simulate: {api_key: passw0rd, script: [{when: a, call: f, arguments: {token: "${TOKEN}"}}]}}
  postgres: {address: "${DB}"}
scenarios: [{turns: ["My token is ${TOKEN}"]}]
`), "/srv/bot", getenv)
	if err != nil {
		t.Fatal(err)
	}
	text := p.Resolved()
	for _, secret := range []string{"passw0rd", "t0ken", "quotes", "and-more"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("%q stands in the resolved plan: %s", secret, text)
		}
	}
	var got struct {
		Target struct {
			Webhook, Ready string
			Command        []string
		}
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if want := "http://<secret>@127.0.0.1:${PORT}/webhook?key=<secret>&<secret>#<secret>"; got.Target.Webhook != want {
		t.Errorf("webhook %s, want %s", got.Target.Webhook, want)
	}
	if want := "http://<secret>@127.0.0.1:${PORT}/health"; got.Target.Ready != want {
		t.Errorf("ready %s, want %s", got.Target.Ready, want)
	}
	if got, want := strings.Join(got.Target.Command, " "), "run --token ${TOKEN} --other=${LONGER} a"; got != want {
		t.Errorf("command %s, want %s", got, want)
	}
	if got, want := p.Redact(strings.Join(p.Target.Command, " ")), "run --token ${TOKEN} --other=${LONGER} a"; got != want {
		t.Errorf("redacted %s, want %s", got, want)
	}
	if p.Target.Command[2] != `t0ken"with\quotes` {
		t.Errorf("the plan itself lost its token: %q", p.Target.Command)
	}
}
