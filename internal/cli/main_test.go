package cli_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"parley"
	"parley/internal/cli"
	"parley/internal/target"
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
			for _, name := range []string{"PORT_A", "PORT_B"} {
				port, err := target.FreePort()
				if err != nil {
					return err
				}
				e.Setenv(name, strconv.Itoa(port))
			}
			return copyPlan(e.WorkDir)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"run":       runParley,
			"json":      checkJSON,
			"listening": awaitListener,
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
var tooBusy = regexp.MustCompile(`(?i)not valid|"invalid": \[`)

// runParley is the scripts' command "run CODES ARGS...": it runs parley and wants one of the exit
// codes, separated by commas. A run that is not valid because other work took the
// machine's cores is made again, unless several codes are right.
func runParley(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: run CODE[,CODE] ARGUMENTS")
	}
	want := strings.Split(args[0], ",")
	for range 5 {
		code := exitCode(ts, ts.Exec("parley", args[1:]...))
		right := slices.Contains(want, strconv.Itoa(code))
		busy := code == parley.ExitCannotTell && tooBusy.MatchString(ts.ReadFile("stdout"))
		switch {
		case right && (!busy || len(want) > 1):
			return
		case !busy:
			ts.Fatalf("exit code %d, want %s", code, args[0])
		}
	}
	ts.Fatalf("the machine is too busy for a valid run")
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

// awaitListener is the scripts' command "listening PORT": it waits until somebody takes connections there.
func awaitListener(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: listening PORT")
	}
	late := time.After(deadline)
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for !listening("127.0.0.1:" + args[0]) {
		select {
		case <-poll.C:
		case <-late:
			ts.Fatalf("nobody listens on port %s", args[0])
		}
	}
}
