package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"parley/internal/plan"
	"parley/internal/scaffold"
	"parley/internal/survey"
)

// InitOptions say for which folder a plan is to be written.
type InitOptions struct {
	Folder string // of the bot
	// Plan is where the plan goes; empty: parley.yaml in Folder.
	Plan  string
	Force bool // replace what is there
	Here  bool // parley starts the bot itself, whatever compose files say
	JSON  bool
}

// initDocument is the answer of Init as JSON.
type initDocument struct {
	Plan     string      `json:"plan"`
	Override string      `json:"override,omitempty"`
	Notes    []string    `json:"notes"`
	Found    *survey.Bot `json:"found"`
}

// Init looks at the folder of a bot and writes a plan for it, and a compose override if it runs in containers.
// It runs nothing of the bot's. No file is touched if any that it would write is there already.
func (a *App) Init(o InitOptions) error {
	folder := a.path(o.Folder)
	path := filepath.Join(folder, "parley.yaml")
	if o.Plan != "" {
		path = a.path(o.Plan)
	}
	bot, draft, err := lookAt(folder, path, o)
	if err != nil {
		return err
	}
	if _, err := plan.Parse(a.shown(path), []byte(draft.Plan), filepath.Dir(path), a.getenv); err != nil {
		return fmt.Errorf("the plan for this bot would not be a valid one, which is a flaw of parley or of a variable in its environment: %w", err)
	}
	files := []written{{path, draft.Plan}}
	document := initDocument{Plan: a.shown(path), Notes: draft.Notes, Found: bot}
	if draft.Override != "" {
		override := filepath.Join(folder, scaffold.OverrideName)
		files = append(files, written{override, draft.Override})
		document.Override = a.shown(override)
	}
	if err := a.writeNew(files, o.Force); err != nil {
		return err
	}
	if o.JSON {
		e := json.NewEncoder(a.Out)
		e.SetIndent("", "  ")
		return e.Encode(document)
	}
	return a.tellInit(document, draft)
}

// lookAt surveys a folder and drafts the plan.
func lookAt(folder, path string, o InitOptions) (*survey.Bot, *scaffold.Draft, error) {
	root, err := os.OpenRoot(folder) // links do not lead out of it
	if err != nil {
		return nil, nil, fmt.Errorf("init needs the folder of a bot: %w", err)
	}
	defer root.Close()
	bot, err := survey.Look(root.FS())
	if err != nil {
		return nil, nil, err
	}
	options := scaffold.Options{Here: o.Here, Folder: filepath.Base(folder)}
	if dir, err := filepath.Rel(filepath.Dir(path), folder); err == nil && dir != "." {
		options.Dir = filepath.ToSlash(dir)
	}
	draft, err := scaffold.Write(bot, options)
	return bot, draft, err
}

// path is one as the user wrote it, from the project's folder.
func (a *App) path(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(a.Root, name)
}

// shown is a path as the user can use it in the project's folder.
func (a *App) shown(path string) string {
	if short, err := filepath.Rel(a.Root, path); err == nil && !strings.HasPrefix(short, "..") {
		return short
	}
	return path
}

// written is a file to be written.
type written struct{ path, text string }

// writeNew writes files that must not be there yet, unless they may be replaced.
func (a *App) writeNew(files []written, force bool) error {
	for _, f := range files {
		info, err := os.Lstat(f.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("write %s: %w", a.shown(f.path), err)
		case info.IsDir():
			return fmt.Errorf("%s is a folder: name a file with --output", a.shown(f.path))
		case !force:
			return fmt.Errorf("%s is there already: give --force to replace it, or --output to write another file", a.shown(f.path))
		}
	}
	for _, f := range files {
		if err := replace(f); err != nil {
			return fmt.Errorf("write %s: %w", a.shown(f.path), err)
		}
	}
	return nil
}

// replace writes a file beside its final name first: a full disk leaves no half of a plan.
func replace(f written) (err error) {
	t, err := os.CreateTemp(filepath.Dir(f.path), ".parley-init-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(t.Name()))
		}
	}()
	_, err = t.WriteString(f.text)
	if err = errors.Join(err, t.Chmod(0o644), t.Close()); err != nil {
		return err
	}
	return os.Rename(t.Name(), f.path)
}

// tellInit says what was found and written, and what to do next.
func (a *App) tellInit(document initDocument, draft *scaffold.Draft) error {
	var b strings.Builder
	for _, f := range draft.Findings {
		fmt.Fprintf(&b, "%-10s %s\n", f[0], f[1])
	}
	for _, note := range document.Notes {
		fmt.Fprintf(&b, "note       %s\n", note)
	}
	fmt.Fprintf(&b, "\nwrote %s", document.Plan)
	next := ""
	if document.Override != "" {
		fmt.Fprintf(&b, " and %s", document.Override)
		next = "start the containers as the head of " + document.Override + " says, then\n  "
	}
	fmt.Fprintf(&b, "\nnext: read it, put your users' words into the scenarios, then\n  %sparley doctor -f %s\n  parley review -f %s\n", next, document.Plan, document.Plan)
	_, err := fmt.Fprint(a.Out, b.String())
	return err
}
