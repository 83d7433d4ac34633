package archtest

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
)

// rows is the order of packages under internal/, a row of siblings each. A package
// imports packages of earlier rows only. "x/*" stands for every package below
// x; x itself, if there is one, holds what they share and comes right before them.
//
// The bot of the demo needs little, and app and cli start it: it stands before them.
func rows() [][]string {
	return [][]string{
		{"stats"},
		{"fault"},
		{"wire/*"},
		{"fingerprint", "price", "audio", "recording"},
		{"plan"},
		{"survey"},
		{"scaffold"},
		{"platform/*"},
		{"upstream/*"},
		{"tap/*"},
		{"target"},
		{"drive"},
		{"observe/*"},
		{"record"},
		{"anatomy"},
		{"learn"},
		{"experiment"},
		{"engine"},
		{"diagnose/*"},
		{"advise"},
		{"verdict"},
		{"report"},
		{"demo"},
		{"app"},
		{"serve", "agent"},
		{"cli"},
	}
}

// rank returns the place of a package in the order. A family takes two places,
// its parent's and its members'.
func rank(internal string) (place int, ok bool) {
	for i, row := range rows() {
		for _, entry := range row {
			family, isFamily := strings.CutSuffix(entry, "/*")
			switch {
			case internal == family:
				return 2 * i, true
			case isFamily && path.Dir(internal) == family:
				return 2*i + 1, true
			}
		}
	}
	return 0, false
}

// importFault says what is wrong with importer importing imported, both paths
// below the module; "" if nothing is.
func importFault(importer, imported string) string {
	from, isInternal := strings.CutPrefix(importer, "internal/")
	to, toInternal := strings.CutPrefix(imported, "internal/")
	switch {
	case importer == "":
		return "the root package is the vocabulary every other one speaks: it imports none of them"
	case strings.HasPrefix(importer, "cmd/") && imported != "internal/cli":
		return "a command is ten lines around internal/cli"
	case !isInternal || imported == "":
		return "" // commands and benchmarks stand above all
	case !toInternal:
		return "nothing imports a command or a benchmark"
	}
	a, _ := rank(from)
	b, _ := rank(to)
	switch {
	case a == b:
		return "they are siblings: what both need belongs into an earlier package, what joins them into a later one"
	case a < b:
		return fmt.Sprintf("%s comes later in the way of the data (see rows in internal/archtest)", to)
	}
	return ""
}

func TestImportsPointOneWay(t *testing.T) {
	for _, p := range load(t) {
		if internal, ok := strings.CutPrefix(p.path, "internal/"); ok && internal != "archtest" && !strings.HasSuffix(internal, "test") {
			if _, known := rank(internal); !known {
				t.Errorf("%s has no place in the order of packages: add it to rows in internal/archtest, or move its code", p.path)
				continue
			}
		}
		for _, f := range p.files {
			for _, path := range f.imports() {
				imported, ours := strings.CutPrefix(path, module+"/")
				if !ours && path != module {
					continue
				}
				if !ours {
					imported = ""
				}
				if fault := importFault(p.path, imported); fault != "" {
					t.Errorf("%s: %s must not import %s: %s", f.name, p.path, path, fault)
				}
			}
		}
	}
}

// doingIO lists what the vocabulary must not import, packages below them included.
func doingIO() []string {
	return []string{"os", "net", "syscall", "log", "database", "io/ioutil", "plugin", "runtime/pprof", "unsafe"}
}

// rootFault says why the root package must not import a path; "" if it may.
func rootFault(path string) string {
	first, _, _ := strings.Cut(path, "/")
	switch {
	case strings.Contains(first, "."):
		return "it is the record's format and must stay readable with the standard library alone"
	case slices.ContainsFunc(doingIO(), func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") }):
		return "it holds values and does no input or output"
	}
	return ""
}

func TestVocabularyIsPure(t *testing.T) {
	for _, p := range load(t) {
		if p.path != "" {
			continue
		}
		for _, f := range p.files {
			for _, path := range f.imports() {
				if fault := rootFault(path); fault != "" {
					t.Errorf("%s: the root package must not import %s: %s", f.name, path, fault)
				}
			}
		}
	}
}

func TestImportFault(t *testing.T) {
	f := func(importer, imported string, want string) {
		t.Helper()
		if got := importFault(importer, imported); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s importing %s: %q, want %q", importer, imported, got, want)
		}
	}
	f("internal/plan", "internal/fault", "")
	f("internal/plan", "", "")
	f("internal/platform/line", "internal/platform", "")
	f("internal/tap/pgtap", "internal/wire/pgwire", "")
	f("internal/cli", "internal/serve", "")
	f("cmd/parley", "internal/cli", "")
	f("bench/peers", "internal/drive", "")
	f("internal/fault", "internal/plan", "comes later")
	f("internal/platform", "internal/platform/line", "comes later")
	f("internal/platform/line", "internal/platform/evolution", "siblings")
	f("internal/fingerprint", "internal/price", "siblings")
	f("internal/serve", "internal/agent", "siblings")
	f("internal/app", "cmd/parley", "nothing imports a command")
	f("cmd/parley", "internal/app", "ten lines")
	f("", "internal/stats", "vocabulary")
}

func TestRootFault(t *testing.T) {
	f := func(path string, bad bool) {
		t.Helper()
		if got := rootFault(path); bad != (got != "") {
			t.Errorf("%s: %q", path, got)
		}
	}
	f("time", false)
	f("encoding/json", false)
	f("os", true)
	f("os/exec", true)
	f("net/http", true)
	f("log/slog", true)
	f("github.com/google/go-cmp/cmp", true)
}
