package proxy_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley"
	"parley/e2e/product"
	"parley/internal/record"
)

// python is Debian's interpreter, with python3-requests, python3-httpx, python3-aiohttp and python3-httplib2.
const python = "/usr/bin/python3"

const plan = `
target:
  webhook: http://127.0.0.1:${PORT}/webhook
  evolution: {send_latency: 1ms, hosts: [evolution.practice.example]}
dependencies:
  openai: {simulate: {first_token: 1ms, per_token: 1ms}}
scenarios: [{name: chat, patience: 5s, think: 50ms, turns: [Hello, How are you?]}]
load: {phases: [{solo: 2s}]}
budgets: [lost = 0]
`

// start runs the bot under parley, and returns how that ended and the record.
func start(t *testing.T, program product.Binary, command ...string) (product.Result, *record.Reader, string) {
	t.Helper()
	dir := t.TempDir()
	path, out := filepath.Join(dir, "parley.yaml"), filepath.Join(dir, "run")
	if err := os.WriteFile(path, []byte(plan), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, word := range command {
		if strings.HasPrefix(word, "bot.") {
			file, err := filepath.Abs(word) // the bot runs in the plan's folder
			if err != nil {
				t.Fatal(err)
			}
			command[i] = file
		}
	}
	result := program.Run(t, nil, append([]string{"load", "-f", path, "--out", out, "--"}, command...)...)
	reader, err := record.Open(out)
	if err != nil {
		t.Fatalf("%v\n%s%s", err, result.Stdout, result.Stderr)
	}
	log, err := os.ReadFile(filepath.Join(out, "bot.log"))
	if err != nil {
		t.Fatal(err)
	}
	return result, reader, string(log)
}

// Bots that call https://api.openai.com, and nothing else, are answered by parley; there is no network in between.
func TestClients(t *testing.T) {
	program := product.Build(t)
	for _, command := range [][]string{
		{python, "-B", "bot.py", "requests"}, {python, "-B", "bot.py", "httpx"}, {python, "-B", "bot.py", "aiohttp"},
		{python, "-B", "bot.py", "httplib2"}, {python, "-B", "bot.py", "urllib"}, {python, "-B", "bot.py", "stream"},
		{"node", "bot.js", "tunnel"}, {"node", "bot.js", "absolute"},
	} {
		t.Run(strings.Join(command[len(command)-2:], " "), func(t *testing.T) {
			result, reader, log := start(t, program, slices.Clone(command)...)
			run := reader.Run()
			if result.Code != 0 || len(run.Problems)+len(run.Warnings) > 0 {
				t.Fatalf("exit code %d, problems %+v, warnings %q\n%s", result.Code, run.Problems, run.Warnings, log)
			}
			wires := map[int64][]string{}
			for c := range reader.Calls() {
				wires[c.Turn] = append(wires[c.Turn], c.Wire)
				if c.Wire == "openai" && (c.Conn == 0 || c.FirstByte == parley.None) {
					t.Errorf("recorded %+v", c)
				}
			}
			turns := 0
			for turn := range reader.Turns() {
				turns++
				slices.Sort(wires[turn.ID])
				if got := strings.Join(wires[turn.ID], " "); got != "evolution openai" {
					t.Errorf("turn %d made the calls %q", turn.ID, got)
				}
			}
			if turns < 2 {
				t.Errorf("%d turns", turns)
			}
		})
	}
}

// Bots that do not trust the certificate are told so; Node's say nothing of it to the proxy.
func TestClientsThatDoNotTrust(t *testing.T) {
	program := product.Build(t)
	f := func(want string, command ...string) {
		t.Helper()
		result, reader, log := start(t, program, command...)
		problems := reader.Run().Problems
		if result.Code != parley.ExitUsage || len(problems) != 1 || !strings.Contains(problems[0].What+problems[0].Hint, want) {
			t.Errorf("%q: exit code %d, problems %+v\n%s", command, result.Code, problems, log)
		}
	}
	f("would not take its certificate", "env", "-u", "REQUESTS_CA_BUNDLE", "-u", "CURL_CA_BUNDLE", python, "-B", "bot.py", "requests")
	f("left without a request", "env", "-u", "NODE_EXTRA_CA_CERTS", "node", "bot.js", "tunnel")
}
