package calendar_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"parley"
	"parley/internal/plan"
	"parley/internal/upstream"
	simulator "parley/internal/upstream/calendar"
)

// python is the interpreter that has Google's client (Debian's python3-googleapi).
const python = "/usr/bin/python3"

// The client for Python signs in, calls and makes batches in ways of its own: see judge.py.
func TestPythonClient(t *testing.T) {
	var calls, failed atomic.Int64
	sim := simulator.New(simulator.Options{
		Config: plan.Calendar{TimeZone: "America/Sao_Paulo", Calendars: []string{"primary"}},
		Options: upstream.Options{Wire: "calendar", Record: func(c parley.Call) {
			calls.Add(1)
			if c.Status == 0 || c.Status == http.StatusUnauthorized {
				failed.Add(1)
			}
		}},
	})
	server := httptest.NewServer(sim)
	defer server.Close()
	key, err := sim.KeyFile(server.URL + "/token")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(path, key, 0o600); err != nil {
		t.Fatal(err)
	}
	judge := exec.CommandContext(t.Context(), python, "-B", "judge.py", path, discovery(t), server.URL)
	if text, err := judge.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if calls.Load() < 18 || failed.Load() > 0 {
		t.Errorf("%d calls, %d of them without an answer or with wrong credentials", calls.Load(), failed.Load())
	}
}

// discovery is the path of Google's own description of the API, which the client for Go brings along.
func discovery(t *testing.T) string {
	t.Helper()
	text, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("%v: %s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	return filepath.Join(strings.TrimSpace(string(text)), "calendar", "v3", "calendar-api.json")
}
