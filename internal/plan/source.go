package plan

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// maxSize is the largest plan accepted, in bytes.
const maxSize = 1 << 20

// Read reads the plan at path. Relative paths in it start at its folder, and
// ${VAR} is looked up with getenv (os.LookupEnv, say). If the plan is wrong
// the error is of type [Errors].
func Read(path string, getenv func(string) (string, bool)) (*Plan, error) {
	return ReadFor(nil, path, getenv)
}

// ReadFor reads a plan for a bot that the command starts, in place of the plan's own command if it has one. ${PORT} in
// the command stands for the port that parley picks. An empty command changes nothing.
func ReadFor(command []string, path string, getenv func(string) (string, bool)) (*Plan, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("locate plan %s: %w", path, err)
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no plan: %w; name one with -f, or write it: the page plan of the manual has a full example", err)
	}
	if err != nil {
		return nil, fmt.Errorf("open plan: %w", err)
	}
	defer file.Close()
	src, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	p, err := parseFor(command, path, src, filepath.Dir(abs), getenv)
	if err != nil {
		return nil, err
	}
	p.Path = abs
	return p, nil
}

// Parse reads a plan from src. The name stands in errors; dir is the folder
// where relative paths start. The error is of type [Errors].
func Parse(name string, src []byte, dir string, getenv func(string) (string, bool)) (*Plan, error) {
	return parseFor(nil, name, src, dir, getenv)
}

func parseFor(command []string, name string, src []byte, dir string, getenv func(string) (string, bool)) (*Plan, error) {
	src = bytes.TrimPrefix(src, []byte("\uFEFF"))
	src = bytes.ReplaceAll(bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	root, problem := document(name, src)
	if problem != nil {
		return nil, Errors{problem}
	}
	d := newDecoder(name, src, getenv)
	d.instead = command
	p := d.plan(value{node: root, at: positionOf(root)}, dir)
	if len(d.errs) > 0 {
		return nil, d.errs.sorted()
	}
	p.Path, p.Dir, p.env = name, dir, d.env
	return p, nil
}

// document returns the root node of the only document in src.
func document(name string, src []byte) (*yaml.Node, *Error) {
	fail := func(at position, problem, hint string) (*yaml.Node, *Error) {
		return nil, &Error{File: name, Line: max(1, at.line), Column: max(1, at.column), Problem: problem, Hint: hint}
	}
	if len(src) > maxSize {
		return fail(position{}, fmt.Sprintf("the plan is larger than %d MB", maxSize>>20), "")
	}
	if at, problem, hint := unreadable(src); problem != "" {
		return fail(at, problem, hint)
	}
	var documents []yaml.Node
	if err := yaml.Load(src, &documents, yaml.WithAllDocuments()); err != nil {
		var bad *yaml.LoadError
		if !errors.As(err, &bad) {
			return fail(position{}, "not YAML: "+err.Error(), "")
		}
		at := position{bad.Mark.Line, bad.Mark.Column}
		if at.line == 0 {
			at = position{bad.ContextMark.Line, bad.ContextMark.Column}
		}
		at = clamp(at, src)
		return fail(at, "not YAML: "+strings.TrimPrefix(bad.Message, "yaml: "), syntaxHint(src, at))
	}
	if len(documents) == 0 || len(documents[0].Content) == 0 || documents[0].Content[0].ShortTag() == "!!null" {
		return fail(position{}, "the plan is empty", "write at least target.webhook and one scenario")
	}
	if len(documents) > 1 {
		return fail(positionOf(&documents[1]), "a second document begins here", "a plan is one document; remove the line ---")
	}
	return documents[0].Content[0], nil
}

// unreadable finds the first character that cannot stand in a plan.
func unreadable(src []byte) (at position, problem, hint string) {
	at = position{1, 1}
	for len(src) > 0 {
		r, size := utf8.DecodeRune(src)
		switch {
		case r == utf8.RuneError && size == 1:
			return at, "not UTF-8 text", "save the file as UTF-8"
		case r < ' ' && r != '\t' && r != '\n' || r >= 0x7f && r < 0xa0:
			return at, fmt.Sprintf("control character %U", r), "remove it"
		case r == '\u2028' || r == '\u2029' || r == '\uFEFF':
			// YAML would count lines and characters differently from an editor.
			return at, fmt.Sprintf("invisible character %U", r), "remove it"
		case r == '\n':
			at = position{at.line + 1, 0}
		}
		at.column++
		src = src[size:]
	}
	return at, "", ""
}

// clamp moves a position into the file: the YAML reader puts an unexpected end behind it.
func clamp(at position, src []byte) position {
	lines := strings.Split(strings.TrimSuffix(string(src), "\n"), "\n")
	at.line = min(max(1, at.line), len(lines))
	at.column = min(max(1, at.column), 1+utf8.RuneCountInString(lines[at.line-1]))
	return at
}

// syntaxHint explains the two mistakes of YAML people make most in plans.
func syntaxHint(src []byte, at position) string {
	lines := strings.Split(string(src), "\n")
	line := lines[at.line-1]
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	switch {
	case strings.Contains(indent, "\t"):
		return "indent with spaces, not with tabs"
	case strings.ContainsAny(line, "[{"):
		return "close every bracket, and within [ ] and { } put text that holds braces in quotes"
	case strings.Count(line, ": ") > 1:
		return `put text that holds ": " in quotes`
	}
	return ""
}
