package receptionist

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"parley"
	"parley/e2e/product"
	"parley/internal/record"
)

// TestInit has init look at the example without its plans, under variables of other names in each case, and reviews the
// bot by the plan it wrote, with nothing changed but the length of the load.
func TestInit(t *testing.T) {
	built := product.Build(t)
	f := func(name string, renamed map[string]string) {
		t.Run(name, func(t *testing.T) {
			bot := copyOf(t, built, renamed)
			path := filepath.Join(bot, "parley.yaml")
			if r := built.Run(t, nil, "init", bot); r.Code != parley.ExitPass {
				t.Fatalf("init: exit code %d\n%s%s", r.Code, r.Stdout, r.Stderr)
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			plan := product.Phases(t, string(text), "[solo: 2s, warmup: 2s, steady: 6s]")
			if err := os.WriteFile(path, []byte(plan), 0o600); err != nil {
				t.Fatal(err)
			}
			// The interpreter that has the bot's packages is Debian's.
			env := []string{"PATH=/usr/bin:" + os.Getenv("PATH"), "PYTHONDONTWRITEBYTECODE=1"}
			run := filepath.Join(t.TempDir(), "run")
			r := built.Run(t, env, "review", "-f", path, "--out", run)
			if r.Code != parley.ExitPass && r.Code != parley.ExitCannotTell {
				t.Fatalf("review: exit code %d\n%s%s\n%s", r.Code, r.Stdout, r.Stderr, text)
			}
			judgeAnswered(t, run)
		})
	}
	f("as it is", nil)
	f("other names", map[string]string{
		"EVOLUTION_API_URL": "WHATSAPP_GATEWAY", "EVOLUTION_API_KEY": "WHATSAPP_TOKEN", "EVOLUTION_INSTANCE": "WHATSAPP_SESSION",
		"OPENAI_BASE_URL": "LLM_ENDPOINT", "OPENAI_API_KEY": "LLM_SECRET", "OPENAI_MODEL": "LLM_MODEL",
		"DATABASE_URL": "PG_DSN", "REDIS_URL": "CACHE_SERVER", "WEBHOOK_SECRET": "HOOK_TOKEN",
		"GOOGLE_CALENDAR_URL": "AGENDA_URL", "GOOGLE_APPLICATION_CREDENTIALS": "AGENDA_KEY_FILE",
	})
	// Only what the source does with them tells what these are.
	f("names that say nothing", map[string]string{
		"EVOLUTION_API_URL": "SALON_ALPHA", "EVOLUTION_API_KEY": "SALON_BRAVO", "EVOLUTION_INSTANCE": "SALON_CHARLIE",
		"OPENAI_BASE_URL": "SALON_DELTA", "OPENAI_API_KEY": "SALON_ECHO", "DATABASE_URL": "SALON_FOXTROT", "REDIS_URL": "SALON_GOLF",
	})
}

// copyOf copies the example's source under other names of variables and of the settings that hold them.
func copyOf(t *testing.T, built product.Binary, renamed map[string]string) string {
	t.Helper()
	home, dir := filepath.Join(built.Root, "examples", "receptionist"), filepath.Join(t.TempDir(), "receptionist")
	err := filepath.WalkDir(home, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !slices.Contains([]string{".py", ".sql"}, filepath.Ext(path)) {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for from, to := range renamed {
			for _, pair := range [][2]string{{from, to}, {strings.ToLower(from), strings.ToLower(to)}} {
				text = regexp.MustCompile(`\b`+pair[0]+`\b`).ReplaceAll(text, []byte(pair[1]))
			}
		}
		below, err := filepath.Rel(home, path)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, below)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		return os.WriteFile(to, text, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// judgeAnswered wants every turn answered through parley's model and gateway.
func judgeAnswered(t *testing.T, dir string) {
	t.Helper()
	reader, err := record.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	answered, wires := 0, map[string]int{}
	for turn := range reader.Turns() {
		switch turn.Outcome {
		case parley.Answered:
			answered++
		case parley.Cut: // by the end of the load
		default:
			t.Errorf("turn %d in %s: %s %s", turn.ID, turn.Phase, turn.Outcome, turn.Failure)
		}
	}
	for call := range reader.Calls() {
		wires[call.Wire]++
		if call.Status >= 400 {
			t.Errorf("%s %s was answered with status %d", call.Wire, call.Operation, call.Status)
		}
	}
	if err := reader.Err(); err != nil {
		t.Fatal(err)
	}
	if answered < 3 || wires["evolution"] == 0 || wires["openai"] == 0 {
		t.Errorf("%d turns answered, calls by wire %v", answered, wires)
	}
}
