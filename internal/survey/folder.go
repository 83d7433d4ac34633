package survey

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of what is read. A bot's own source is far below; what is above is data, or not the bot's.
const (
	maxFiles     = 2000
	maxFileBytes = 256 << 10
	maxBytes     = 8 << 20
	maxEntries   = 50_000
	maxDepth     = 12
	maxLine      = 4000 // characters; longer ones are made by machines
)

// folder is the text of a folder's files.
type folder struct {
	files    []*file // sources, by path
	text     map[string]string
	dirs     map[string]bool
	warnings []string
	bytes    int
	entries  int
	cut      bool
}

// skipped reports whether a folder holds what others wrote, or what tools made.
func skipped(name string) bool {
	return strings.HasPrefix(name, ".") || slices.Contains([]string{
		"node_modules", "venv", "env", "vendor", "dist", "build", "__pycache__", "site-packages", "coverage", "target",
		"tests", "test", "__tests__", "testdata", "e2e", "docs", "static", "public", "bower_components",
	}, name)
}

// isTest reports whether a source file tests others.
var isTest = regexp.MustCompile(`^test_.*\.py$|_test\.(py|go)$|^conftest\.py$|\.(test|spec)\.[cm]?[jt]sx?$|\.d\.ts$|\.min\.js$`)

// languageOf tells the language of a source file by its name.
func languageOf(name string) language {
	switch path.Ext(name) {
	case ".py":
		return python
	case ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts":
		return node
	case ".go":
		return golang
	}
	return none
}

// manifest matches the other files that are read.
var manifest = regexp.MustCompile(`^(requirements[\w.-]*\.txt|pyproject\.toml|Pipfile|package\.json|go\.mod|Procfile|(.*\.)?Dockerfile(\..*)?|` +
	`(docker-)?compose([.-][\w.-]+)?\.ya?ml|\.env(\.[\w.-]+)?|[\w.-]+\.env|env\.example|alembic\.ini|manage\.py|[\w.-]+\.sh|schema\.prisma)$`)

// gather reads the folder.
func gather(fsys fs.FS) (*folder, error) {
	f := &folder{text: map[string]string{}, dirs: map[string]bool{}}
	info, err := fs.Stat(fsys, ".")
	switch {
	case err != nil:
		return nil, fmt.Errorf("look at the folder: %w", err)
	case !info.IsDir():
		return nil, errors.New("look at the folder: it is a file")
	}
	// Folders reached by a symbolic link are not walked, so that there are no loops.
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			if name == "." {
				return err
			}
			f.warnings = append(f.warnings, fmt.Sprintf("%s cannot be read and is left out: %v", name, reason(err)))
			return nil
		}
		return f.enter(fsys, name, d)
	})
	if err != nil && !errors.Is(err, fs.SkipAll) {
		return nil, fmt.Errorf("look at the folder: %w", err)
	}
	if f.cut {
		f.warnings = append(f.warnings, fmt.Sprintf("the folder is larger than what is read of one (%d files, %d MB): the rest is left out; call init in the folder of the bot itself", maxFiles, maxBytes>>20))
	}
	slices.SortStableFunc(f.files, func(a, b *file) int {
		return strings.Compare(fmt.Sprint(strings.Count(a.name, "/"))+a.name, fmt.Sprint(strings.Count(b.name, "/"))+b.name)
	})
	return f, nil
}

// enter decides about one entry of the folder, and reads it if it may matter.
func (f *folder) enter(fsys fs.FS, name string, d fs.DirEntry) error {
	if f.entries++; f.entries > maxEntries || len(f.files) >= maxFiles || f.bytes >= maxBytes {
		f.cut = true
		return fs.SkipAll
	}
	if d.IsDir() {
		if name == "." {
			return nil
		}
		if isVenv(fsys, name) {
			f.dirs[name] = true
		}
		if skipped(d.Name()) || strings.Count(name, "/") >= maxDepth || f.dirs[name] {
			return fs.SkipDir
		}
		return nil
	}
	lang := languageOf(d.Name())
	if lang != none && isTest.MatchString(d.Name()) {
		return nil
	}
	if lang == none && !manifest.MatchString(d.Name()) {
		return nil
	}
	// A link may lead to a file; a device or a pipe would never end.
	if !isRegular(fsys, name) {
		f.warnings = append(f.warnings, fmt.Sprintf("%s is left out: it is no readable regular file", name))
		return nil
	}
	text, problem := read(fsys, name)
	if problem != "" {
		f.warnings = append(f.warnings, fmt.Sprintf("%s is left out: %s", name, problem))
		return nil
	}
	f.bytes += len(text)
	f.text[name] = text
	if lang != none {
		f.files = append(f.files, scan(name, lang, text))
	}
	return nil
}

func isRegular(fsys fs.FS, name string) bool {
	info, err := fs.Stat(fsys, name)
	return err == nil && info.Mode().IsRegular()
}

func isVenv(fsys fs.FS, name string) bool {
	_, err := fs.Stat(fsys, path.Join(name, "pyvenv.cfg"))
	return err == nil
}

// read returns the text of a file, or why it is none.
func read(fsys fs.FS, name string) (text, problem string) {
	r, err := fsys.Open(name)
	if err != nil {
		return "", reason(err)
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	switch {
	case err != nil:
		return "", reason(err)
	case len(raw) > maxFileBytes:
		return "", fmt.Sprintf("it is larger than %d kB", maxFileBytes>>10)
	case bytes.IndexByte(raw, 0) >= 0 || !utf8.Valid(raw):
		return "", "it is not text in UTF-8"
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	for line := range bytes.Lines(raw) {
		if len(line) > maxLine {
			return "", fmt.Sprintf("it has lines of more than %d characters", maxLine)
		}
	}
	return string(raw), ""
}

// reason is an error without the path, which the warning names already.
func reason(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}

// environmentFolder returns the folder of a Python environment within the folder, empty if there is none.
func (f *folder) environmentFolder() string {
	for _, name := range []string{".venv", "venv", "env"} {
		if f.dirs[name] {
			return name
		}
	}
	return ""
}
