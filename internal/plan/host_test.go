package plan

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHostsAndTheProxy(t *testing.T) {
	f := func(name, text string, on bool, hosts ...string) {
		t.Helper()
		p := parse(t, text)
		if p.Target.Proxy.On != on {
			t.Errorf("%s: the proxy is on: %v", name, p.Target.Proxy.On)
		}
		if diff := cmp.Diff(strings.Join(hosts, " "), strings.Join(p.Hosts(), " ")); diff != "" {
			t.Errorf("%s: hosts (-want +got):\n%s", name, diff)
		}
	}
	plan := func(target, dependencies string) string {
		return "target: {webhook: 'http://127.0.0.1:8000/'" + target + "}\nscenarios: [{turns: [Hi]}]\n" + dependencies
	}
	const model = "dependencies: {openai: {simulate: true}}"
	f("a bot that parley starts", plan(", command: run", model), true, "api.openai.com")
	f("one that runs", plan("", model), false, "api.openai.com")
	f("one that runs, by the plan's wish", plan(", proxy: true", model), true, "api.openai.com")
	f("by the plan's wish, at an address", plan(", proxy: {listen: 127.0.0.1:3128}", model), true, "api.openai.com")
	f("against the plan's wish", plan(", command: run, proxy: false", model), false, "api.openai.com")
	f("nothing to catch", plan(", command: run", "dependencies: {orders: {kind: http, simulate: true, env: ORDERS_URL}}"), false)
	f("the gateway alone", plan(", command: run, evolution: {hosts: Evo.Example.}", ""), true, "evo.example")
	f("hosts in place of a variable", plan(", command: run", "dependencies: {orders: {kind: http, simulate: true, hosts: orders.example}}"), true, "orders.example")
	f("own hosts", plan(", command: run", "dependencies: {openai: {simulate: true, hosts: [me.openai.azure.com]}}"), true, "me.openai.azure.com")
	f("two models", plan(", command: run", "dependencies: {openai: {simulate: true}, other: {kind: openai, simulate: true, env: OTHER_URL}}"), true, "api.openai.com")
	f("a relay abroad", plan(", command: run, allow_remote: true", "dependencies: {openai: {relay: real, address: 'https://me.openai.azure.com/openai/v1', spend: $1}}"),
		true, "me.openai.azure.com")
	f("a relay here", plan(", command: run", "dependencies: {openai: {relay: real, address: 'http://127.0.0.1:4000/v1', spend: $1}}"), true, "api.openai.com")
	f("a relay to an address", plan(", command: run, allow_remote: true", "dependencies: {openai: {relay: real, address: 'http://10.0.0.7/v1', spend: $1}}"), true, "api.openai.com")
}

// A command in place of the plan's own, or of none.
func TestReadFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "parley.yaml")
	text := "target: {webhook: 'http://127.0.0.1:${PORT}/'}\nscenarios: [{turns: [Hi]}]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path, noEnvironment); err == nil || !strings.Contains(err.Error(), "there is no command") {
		t.Errorf("without a command: %v", err)
	}
	p, err := ReadFor([]string{"uvicorn", "--port", "${PORT}"}, path, noEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"uvicorn", "--port", "${PORT}"}, p.Target.Command); diff != "" {
		t.Error(diff)
	}
	text = strings.Replace(text, "{webhook", "{command: own, webhook", 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err = ReadFor([]string{"other"}, path, noEnvironment); err != nil || p.Target.Command[0] != "other" {
		t.Errorf("%v, %v", p, err)
	}
	if p, err = ReadFor(nil, path, noEnvironment); err != nil || p.Target.Command[0] != "own" {
		t.Errorf("%v, %v", p, err)
	}
}
