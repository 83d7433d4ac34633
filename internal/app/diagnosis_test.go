package app

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley"
	"parley/internal/diagnose"
	"parley/internal/plan"
)

// What a plan says of checks reaches the diagnosis by way of the record.
func TestSettingsOf(t *testing.T) {
	const text = "target: {webhook: 'http://127.0.0.1:8000/'}\nscenarios: [turns: [Hi]]\nchecks:\n  n-plus-one: {least: 8, turns: 20%}\n  retries: {dismiss: they are wanted}\n"
	p, err := plan.Parse("parley.yaml", []byte(text), t.TempDir(), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	f := func(resolved json.RawMessage, want map[string]diagnose.Setting) {
		t.Helper()
		got, err := settingsOf(&parley.Run{Plan: resolved})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("settings (-want +got):\n%s", diff)
		}
	}
	f(p.Resolved(), map[string]diagnose.Setting{
		"n-plus-one": {Limits: diagnose.Limits{"least": 8, "turns": .2}},
		"retries":    {Dismiss: "they are wanted"},
	})
	f(json.RawMessage(`{"name":"older than checks"}`), map[string]diagnose.Setting{})
	f(nil, nil)
	if _, err := settingsOf(&parley.Run{Plan: json.RawMessage(`{"checks":[]}`)}); err == nil {
		t.Error("a plan whose checks cannot be read is taken for one without")
	}
}
