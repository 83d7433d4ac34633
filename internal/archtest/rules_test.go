package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
	"testing"
)

const (
	longestFunction = 80
	longestFile     = 500
)

// tables lists package-level variables which are never written to, each with
// the reason it is a variable. Anything else belongs into a constant, a function or a struct.
func tables() map[string]string {
	return map[string]string{
		"internal/stats.windows": "four lengths; Go has no constant arrays",
	}
}

// TestRules holds every rule on the text of the files.
func TestRules(t *testing.T) {
	pkgs := load(t)
	allowed := tables()
	for _, p := range pkgs {
		for _, fault := range check(p, allowed) {
			t.Error(fault)
		}
	}
	for name := range allowed {
		if !exists(pkgs, name) {
			t.Errorf("%s is listed in tables of internal/archtest but does not exist: take it out", name)
		}
	}
}

// check returns what the package does against the rules.
func check(p pkg, allowed map[string]string) []string {
	faults := append(docFaults(p), nameFaults(p)...)
	for _, f := range p.files {
		if f.generated {
			continue
		}
		faults = append(faults, sizeFaults(f)...)
		faults = append(faults, stateFaults(p, f, allowed)...)
		faults = append(faults, processFaults(p, f)...)
	}
	return faults
}

// docFaults: a package says once what it is.
func docFaults(p pkg) []string {
	var docs []string
	for _, f := range p.files {
		if f.ast.Doc == nil || f.generated {
			continue
		}
		docs = append(docs, f.name)
		start := "Package " + f.ast.Name.Name + " "
		if f.ast.Name.Name == "main" {
			start = "Command "
		}
		if text := f.ast.Doc.Text(); !strings.HasPrefix(text, start) {
			return []string{fmt.Sprintf("%s: the package comment must begin with %q", f.name, start)}
		}
	}
	if len(docs) == 1 {
		return nil
	}
	where := "has no package comment: say in one what it does and what it does not"
	if len(docs) > 1 {
		where = "has package comments in several files, which go doc runs together: " + strings.Join(docs, ", ")
	}
	return []string{fmt.Sprintf("package %s %s", path.Join(module, p.path), where)}
}

// nameFaults: a name that fits everything collects everything.
func nameFaults(p pkg) []string {
	name := path.Base(p.path)
	if slices.Contains([]string{"util", "utils", "helper", "helpers", "common", "types", "misc", "lib", "shared", "base"}, name) {
		return []string{fmt.Sprintf("package %s: the name %q says nothing about its one job", p.path, name)}
	}
	return nil
}

// sizeFaults: what does not fit on two screens is not read.
func sizeFaults(f *file) []string {
	var faults []string
	if n := f.fset.File(f.ast.Pos()).LineCount(); n > longestFile {
		faults = append(faults, fmt.Sprintf("%s has %d lines, the limit is %d: split it by purpose", f.name, n, longestFile))
	}
	for _, decl := range f.ast.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		n := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1
		if n > longestFunction {
			faults = append(faults, fmt.Sprintf("%s: func %s has %d lines, the limit is %d: split it by step", f.line(fn), fn.Name.Name, n, longestFunction))
		}
	}
	return faults
}

// stateFaults: what a package does must follow from its arguments, so that
// tests run in parallel and two runs do not meet.
func stateFaults(p pkg, f *file, allowed map[string]string) []string {
	var faults []string
	for _, decl := range f.ast.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name == "init" {
				faults = append(faults, f.line(d)+": func init runs before anybody can ask for it: call a constructor instead")
			}
		case *ast.GenDecl:
			if d.Tok != token.VAR {
				continue
			}
			for _, spec := range d.Specs {
				for _, name := range variables(d, spec.(*ast.ValueSpec)) {
					if _, ok := allowed[p.path+"."+name]; !ok {
						faults = append(faults, fmt.Sprintf("%s: package-level variable %s: pass it on, make it a constant or return it from a function; "+
							"a table never written to may be listed in tables of internal/archtest", f.line(spec), name))
					}
				}
			}
		}
	}
	return faults
}

// variables returns the names of a declaration which are neither sentinel
// errors nor interface guards nor embedded files nor compiled expressions, none
// of which anybody has a reason to write to.
func variables(d *ast.GenDecl, spec *ast.ValueSpec) []string {
	for _, doc := range []*ast.CommentGroup{d.Doc, spec.Doc} {
		if doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") }) {
			return nil
		}
	}
	var names []string
	for i, name := range spec.Names {
		var value ast.Expr
		if i < len(spec.Values) {
			value = spec.Values[i]
		}
		isError := strings.HasPrefix(strings.ToLower(name.Name), "err") && (calls(value, "errors", "New") || calls(value, "fmt", "Errorf"))
		if name.Name != "_" && !isError && !calls(value, "regexp", "MustCompile") {
			names = append(names, name.Name)
		}
	}
	return names
}

// processFaults: only commands and the command line end the process or write to the terminal.
func processFaults(p pkg, f *file) []string {
	if strings.HasPrefix(p.path, "cmd/") || strings.HasPrefix(p.path, "bench/") || p.path == "internal/cli" {
		return nil
	}
	var faults []string
	ast.Inspect(f.ast, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch {
		case calls(call, "os", "Exit"), calls(call, "log", "Fatal", "Fatalf", "Fatalln"):
			faults = append(faults, f.line(call)+": only cmd/ and internal/cli end the process: return an error")
		case calls(call, "fmt", "Print", "Printf", "Println"), calls(call, "log", "Print", "Printf", "Println"), calls(call, "", "print", "println"):
			faults = append(faults, f.line(call)+": only cmd/ and internal/cli write to the terminal: take an io.Writer")
		}
		return true
	})
	return faults
}

// calls reports whether e calls one of the functions of a standard package,
// which is known by its usual name; package "" stands for built-in functions.
func calls(e ast.Expr, pkg string, functions ...string) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	switch fn := call.Fun.(type) {
	case *ast.Ident:
		return pkg == "" && slices.Contains(functions, fn.Name)
	case *ast.SelectorExpr:
		x, ok := fn.X.(*ast.Ident)
		return ok && x.Name == pkg && slices.Contains(functions, fn.Sel.Name)
	}
	return false
}

// exists reports whether a variable "path.name" is declared.
func exists(pkgs []pkg, full string) bool {
	dot := strings.LastIndexByte(full, '.')
	for _, p := range pkgs {
		for _, f := range p.files {
			if p.path == full[:dot] && slices.ContainsFunc(f.ast.Decls, func(d ast.Decl) bool { return declares(d, full[dot+1:]) }) {
				return true
			}
		}
	}
	return false
}

func declares(d ast.Decl, name string) bool {
	gen, ok := d.(*ast.GenDecl)
	return ok && gen.Tok == token.VAR && slices.ContainsFunc(gen.Specs, func(s ast.Spec) bool {
		return slices.ContainsFunc(s.(*ast.ValueSpec).Names, func(n *ast.Ident) bool { return n.Name == name })
	})
}
