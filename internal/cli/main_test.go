package cli_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"parley/internal/cli"
)

// TestMain lets copies of the test binary be parley and the bot under test.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"parley": func() {
			env, err := cli.OS()
			if err != nil {
				panic(err)
			}
			os.Exit(cli.Main(env))
		},
		"bot": func() { os.Exit(runBot()) },
	})
}

// TestScripts runs the command line as people do. Every script finds testdata/parley.yaml, a plan
// for the bot of this package that the environment shapes, in its folder.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			return copyPlan(e.WorkDir)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"run":  runParley,
			"json": checkJSON,
		},
	})
}

func copyPlan(dir string) error {
	text, err := os.ReadFile("testdata/parley.yaml")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "parley.yaml"), text, 0o600)
}

// tooBusy matches the report of a run in which parley itself fell behind.
var tooBusy = regexp.MustCompile(`the run is not valid|"invalid": \[\s*"parley`)

// runParley is the scripts' command "run CODES ARGS...": it runs parley and wants
// one of the exit codes, separated by commas. A run that is not valid because other work took the
// machine's cores is made again.
func runParley(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: run CODE[,CODE] ARGUMENTS")
	}
	const attempts = 5
	code := 0
	for range attempts {
		code = exitCode(ts, ts.Exec("parley", args[1:]...))
		for _, want := range regexp.MustCompile(`\d+`).FindAllString(args[0], -1) {
			if strconv.Itoa(code) == want {
				return
			}
		}
		if code != 3 || !tooBusy.MatchString(ts.ReadFile("stdout")) {
			break
		}
	}
	ts.Fatalf("exit code %d, want %s", code, args[0])
}

func exitCode(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	default:
		ts.Fatalf("run parley: %v", err)
		return -1
	}
}

// checkJSON is the scripts' command "json FILE": the file is one JSON document.
func checkJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: json FILE")
	}
	if text := ts.ReadFile(args[0]); !json.Valid([]byte(text)) {
		ts.Fatalf("not one JSON document:\n%s", text)
	}
}
