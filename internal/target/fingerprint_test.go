//go:build linux

package target

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

func TestFingerprint(t *testing.T) {
	e := Fingerprint()
	if e.Parley == "" || e.Go == "" || e.OS == "" || e.Arch == "" || e.Kernel == "" || e.CPU == "" || e.Cores < 1 || e.MemoryMB < 1 {
		t.Errorf("Fingerprint() = %+v", e)
	}
}

func TestGitRevision(t *testing.T) {
	dir := t.TempDir()
	if got := GitRevision(t.Context(), dir); got != "" {
		t.Errorf("outside of a work tree: %q", got)
	}
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, said)
		}
	}
	file := filepath.Join(dir, "app.py")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	git("init", "-q")
	git("add", ".")
	git("-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "one")
	git("-c", "user.name=t", "-c", "user.email=t@example.com", "tag", "-a", "v1", "-m", "v1")
	if got := GitRevision(t.Context(), dir); !regexp.MustCompile(`^[0-9a-f]{40}$`).MatchString(got) {
		t.Errorf("clean: %q", got)
	}
	write("two")
	if got := GitRevision(t.Context(), dir); !regexp.MustCompile(`^[0-9a-f]{40}-dirty$`).MatchString(got) {
		t.Errorf("dirty: %q", got)
	}
}

func TestFreePort(t *testing.T) {
	seen := map[int]bool{}
	for range 50 {
		port, err := FreePort()
		if err != nil {
			t.Fatal(err)
		}
		if low, ok := ephemeralStart(); ok && low > lowestPort && (port < lowestPort || port >= low) {
			t.Errorf("port %d is one the kernel hands out", port)
		}
		seen[port] = true
	}
	if len(seen) < 40 {
		t.Errorf("only %d different ports of 50", len(seen))
	}
}
