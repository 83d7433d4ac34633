package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// wallClockUses lists functions that reckon with the wall clock because it is their subject, each with the reason.
func wallClockUses() map[string]string {
	return map[string]string{
		"internal/upstream/calendar.timely": "how long an assertion holds is written in it, by the wall clock",
		"internal/upstream/calendar.resume": "a token of synchronisation has its date in it, by the wall clock",
	}
}

// measuring are the packages whose durations are figures, or decide about them, with what is below them.
func measuring() []string {
	return []string{"drive", "record", "engine", "tap", "platform", "upstream"}
}

// TestDurationsAreMonotonic: a duration is the difference of two times that carry the monotonic clock, so that setting the machine's clock
// changes no figure. The type says nothing of it: a time that was rounded, put into a zone, made of a number or read from a text
// has lost that clock, and Sub then takes the wall clock in silence. The test sees such times within a function, by their names and the calls
// they come from; what it does not see, such as one kept in a structure, TestClockStep of internal/engine does, in a run.
func TestDurationsAreMonotonic(t *testing.T) {
	allowed, used := wallClockUses(), map[string]bool{}
	for _, p := range load(t) {
		if !slices.ContainsFunc(measuring(), func(name string) bool { return strings.HasPrefix(p.path+"/", "internal/"+name+"/") }) {
			continue
		}
		for _, f := range p.files {
			for _, fn := range functions(f) {
				for _, fault := range clockFaults(f, fn) {
					name := p.path + "." + fn.Name.Name
					if used[name] = true; allowed[name] == "" {
						t.Error(fault)
					}
				}
			}
		}
	}
	for name := range allowed {
		if !used[name] {
			t.Errorf("%s is listed in wallClockUses of internal/archtest but does no such thing: take it out", name)
		}
	}
}

// functions returns those of a file that have a body.
func functions(f *file) []*ast.FuncDecl {
	var list []*ast.FuncDecl
	for _, decl := range f.ast.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Body != nil {
			list = append(list, fn)
		}
	}
	return list
}

// clockFaults returns where a function makes a duration of times, or of numbers, that are of the wall clock alone.
func clockFaults(f *file, fn *ast.FuncDecl) []string {
	wall := wallNames(fn.Body)
	var faults []string
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		var operands []ast.Expr
		switch n := n.(type) {
		case *ast.BinaryExpr:
			if n.Op == token.SUB {
				operands = []ast.Expr{n.X, n.Y}
			}
		case *ast.CallExpr:
			if method, ok := n.Fun.(*ast.SelectorExpr); ok && method.Sel.Name == "Sub" && len(n.Args) == 1 {
				operands = []ast.Expr{method.X, n.Args[0]}
			} else if calls(n, "time", "Since", "Until") {
				operands = n.Args
			}
		}
		if slices.ContainsFunc(operands, func(e ast.Expr) bool { return isWall(e, wall) }) {
			faults = append(faults, f.line(n)+": a duration of times without the monotonic clock, which changes when the machine's clock is set: "+
				"take the difference of times as time.Now gave them, or list the function in wallClockUses of internal/archtest")
		}
		return true
	})
	return faults
}

// wallNames are the variables of a function that are given such a time or number somewhere, by way of others, too.
func wallNames(body ast.Node) map[string]bool {
	wall := map[string]bool{}
	for before := -1; before != len(wall); {
		before = len(wall)
		ast.Inspect(body, func(n ast.Node) bool {
			var names, values []ast.Expr
			switch n := n.(type) {
			case *ast.AssignStmt:
				names, values = n.Lhs, n.Rhs
			case *ast.ValueSpec:
				for _, name := range n.Names {
					names = append(names, name)
				}
				values = n.Values
			}
			// Of several results of a call the time is the first: t, err := time.Parse(...)
			for i := range min(len(names), len(values)) {
				if name, ok := names[i].(*ast.Ident); ok && name.Name != "_" && isWall(values[i], wall) {
					wall[name.Name] = true
				}
			}
			return true
		})
	}
	return wall
}

// isWall reports whether an expression is such a time or number, as far as it shows. Add and conversions keep what it is.
func isWall(e ast.Expr, wall map[string]bool) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return wall[e.Name]
	case *ast.ParenExpr:
		return isWall(e.X, wall)
	case *ast.SelectorExpr:
		return e.Sel.Name == "Started" // of a manifest, which was read from a file
	case *ast.CallExpr:
		if calls(e, "time", "Unix", "UnixMilli", "UnixMicro", "Date", "Parse", "ParseInLocation") {
			return true
		}
		if calls(e, "", "int64", "uint64", "float64") && len(e.Args) == 1 {
			return isWall(e.Args[0], wall)
		}
		method, ok := e.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		switch method.Sel.Name {
		case "UTC", "Local", "In", "AddDate", "Unix", "UnixMilli", "UnixMicro", "UnixNano":
			return true
		case "Round", "Truncate": // durations have these, too
			return !isDuration(method.X)
		case "Add":
			return isWall(method.X, wall)
		}
	}
	return false
}

// isDuration reports whether an expression shows that it is one: a difference, or of a function that returns one.
func isDuration(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return isDuration(e.X)
	case *ast.BinaryExpr:
		return true
	case *ast.CallExpr:
		method, ok := e.Fun.(*ast.SelectorExpr)
		return ok && slices.Contains([]string{"Since", "Until", "Sub", "Duration", "since"}, method.Sel.Name)
	}
	return false
}

// TestClockFaults: what the rule sees, and what it lets pass.
func TestClockFaults(t *testing.T) {
	for body, want := range map[string]int{
		"_ = time.Since(t)":     0,
		"_ = time.Now().Sub(t)": 0,
		"_ = time.Since(t).Round(time.Second) - time.Since(u)":       0,
		"d := t.Sub(u).Truncate(s); _ = d - s":                       0,
		"_ = t.UTC().Format(layout)":                                 0,
		"_ = t.Unix()":                                               0,
		"_ = t.Add(time.Since(u).Truncate(s) + s)":                   0,
		"_ = t.Round(0).Sub(u)":                                      1,
		"_ = u.Sub(t.Truncate(time.Second))":                         1,
		"_ = time.Since(t.UTC())":                                    1,
		"_ = time.Until(t.Round(0).Add(time.Second))":                1,
		"_ = t.UnixNano() - u.UnixNano()":                            1,
		"_ = float64(t.UnixMilli()) - s":                             1,
		"a := t.UnixNano(); b := int64(a); _ = c - b":                1,
		"a, err := time.Parse(layout, text); _ = t.Sub(a)":           1,
		"var a time.Time; a = time.Unix(n, 0); _ = time.Since(a)":    1,
		"var a = time.UnixMilli(n); _ = time.Since(a)":               1,
		"_ = time.Since(run.Started)":                                1,
		"func() { a := t.In(zone); go func() { _ = u.Sub(a) }() }()": 1,
	} {
		f := parse(t, "x.go", "x.go", fmt.Sprintf("package x\nfunc f() { %s }\n", body))
		if got := clockFaults(f, functions(f)[0]); len(got) != want {
			t.Errorf("%s: %q, want %d", body, got, want)
		}
	}
}
