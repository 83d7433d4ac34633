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
scenarios: [{name: chat, patience: 10s, think: 50ms, turns: [Hello, How are you?]}]
load: {phases: [{solo: 2s}]}
budgets: [lost = 0]
`

// Bots that call https://api.openai.com, and nothing else, are answered by parley; there is no network in between.
func TestClients(t *testing.T) {
	program := product.Build(t)
	for _, command := range [][]string{
		{python, "-B", "bot.py", "requests"}, {python, "-B", "bot.py", "httpx"}, {python, "-B", "bot.py", "aiohttp"},
		{python, "-B", "bot.py", "httplib2"}, {python, "-B", "bot.py", "urllib"}, {python, "-B", "bot.py", "stream"},
		{"node", "bot.js", "tunnel"}, {"node", "bot.js", "absolute"},
	} {
		t.Run(strings.Join(command[len(command)-2:], " "), func(t *testing.T) {
			dir := t.TempDir()
			file, err := filepath.Abs(command[len(command)-2])
			if err != nil {
				t.Fatal(err)
			}
			here := slices.Clone(command)
			here[len(here)-2] = file
			path, out := filepath.Join(dir, "parley.yaml"), filepath.Join(dir, "run")
			if err := os.WriteFile(path, []byte(plan), 0o600); err != nil {
				t.Fatal(err)
			}
			result := program.Run(t, nil, append([]string{"load", "-f", path, "--out", out, "--"}, here...)...)
			reader, err := record.Open(out)
			if err != nil {
				t.Fatalf("%v\n%s%s", err, result.Stdout, result.Stderr)
			}
			run := reader.Run()
			if result.Code != 0 || len(run.Problems)+len(run.Warnings) > 0 {
				text, _ := os.ReadFile(filepath.Join(out, "bot.log")) // if the bot wrote anything
				t.Fatalf("exit code %d, problems %+v, warnings %q\n%s", result.Code, run.Problems, run.Warnings, text)
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
