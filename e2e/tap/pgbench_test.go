package tap

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// pgbench is the path of PostgreSQL's load generator.
func pgbench(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench")
	if path, err := exec.LookPath("pgbench"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		t.Fatal("pgbench is not installed: make packages installs what the tests need")
	}
	return found[0]
}

// TestPgbench: each mode of speaking to the server, eight connections at once. The names and numbers of calls are those
// of the script, and those that the server itself counted.
func TestPgbench(t *testing.T) {
	run(t, nil, pgbench(t), "-i", "-s", "1", "-q", shared.postgres.URL()+"?sslmode=disable")
	script := filepath.Join(t.TempDir(), "script.sql")
	const text = `\set aid random(1, 100000)
BEGIN;
UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :aid;
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
END;
`
	if err := os.WriteFile(script, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	const clients, each = 8, 100
	statements := []string{
		"BEGIN", "UPDATE pgbench_accounts SET abalance = abalance + ? WHERE aid = ?", "SELECT abalance FROM pgbench_accounts WHERE aid = ?", "END",
	}
	for _, mode := range []string{"simple", "extended", "prepared"} {
		t.Run(mode, func(t *testing.T) {
			w := tapped(t, shared.postgres.URL())
			query(t, shared.postgres.AdminURL(), "SELECT pg_stat_statements_reset()")
			run(t, nil, pgbench(t), "-n", "-M", mode, "-c", fmt.Sprint(clients), "-j", "2", "-t", fmt.Sprint(each), "-f", script, w.url+"?sslmode=disable")
			w.exact()
			asked := map[string]int{"connect": clients + 1} // one to see whether the server is there
			for _, s := range statements {
				asked[s] = clients * each
				if mode == "prepared" {
					asked["PREPARE "+s] = clients
				}
			}
			want(t, w.end(), asked)
			for _, s := range statements[1:3] {
				like := strings.ReplaceAll(s, "?", "$%")
				if n := query(t, shared.postgres.AdminURL(), "SELECT sum(calls) FROM pg_stat_statements WHERE query LIKE '"+like+"'"); n != fmt.Sprint(clients*each) {
					t.Errorf("the server counted %s times %s", n, s)
				}
			}
		})
	}
}
