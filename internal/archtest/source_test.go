package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "parley"

// pkg is one package of the module: its files without tests, whatever system they are for.
type pkg struct {
	path  string // below the module, "" for the root
	files []*file
}

type file struct {
	name string // below the module's folder
	fset *token.FileSet
	ast  *ast.File
	// generated: made by a tool, so that rules on style do not apply.
	generated bool
}

// line returns where a node stands, as "path/file.go:12".
func (f *file) line(n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.name, f.fset.Position(n.Pos()).Line)
}

// imports returns the paths a file imports.
func (f *file) imports() []string {
	var paths []string
	for _, spec := range f.ast.Imports {
		if path, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, path)
		}
	}
	return paths
}

// load parses the whole module.
func load(t *testing.T) []pkg {
	t.Helper()
	root := goTool(t, ".", "list", "-m", "-f", "{{.Dir}}")
	var pkgs []pkg
	for line := range strings.Lines(goTool(t, root, "list", "-e", "-f", "{{.ImportPath}}\t{{.Dir}}", "./...")) {
		path, dir, _ := strings.Cut(strings.TrimSpace(line), "\t")
		p := pkg{path: strings.TrimPrefix(strings.TrimPrefix(path, module), "/")}
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			short, err := filepath.Rel(root, name)
			if err != nil {
				t.Fatal(err)
			}
			p.files = append(p.files, parse(t, short, name, nil))
		}
		if len(p.files) > 0 {
			pkgs = append(pkgs, p)
		}
	}
	return pkgs
}

// parse parses one file, from text if it is not nil.
func parse(t *testing.T, short, name string, text any) *file {
	t.Helper()
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return &file{name: filepath.ToSlash(short), fset: fset, ast: tree, generated: ast.IsGenerated(tree)}
}

func goTool(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	said, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(said))
}
