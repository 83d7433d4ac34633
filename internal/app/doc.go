// Package app holds the verbs: what review, load, demo, report, runs and doctor do
// with the engine, the record, the judgement and the reports. Command lines,
// servers and agents call it; it parses no flags and never ends the process.
package app

import (
	"io"
	"slices"
	"strings"
)

// App is the process as the verbs see it.
type App struct {
	// Out gets results, Err progress and complaints.
	Out, Err io.Writer
	// Environ is the environment, as "NAME=value".
	Environ []string
	// Live: Err is a terminal on which a line can be redrawn.
	Live bool
	// Width and Color describe Out as a terminal; see report.TerminalOptions.
	Width int
	Color bool
	// Root is the project's folder, under which runs are kept.
	Root string
	// Executable runs parley itself, for child processes.
	Executable string
}

// getenv looks a variable up; the last of several wins, as for a child process.
func (a *App) getenv(name string) (string, bool) {
	for _, entry := range slices.Backward(a.Environ) {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// watchdog is the command that keeps child processes from outliving parley.
func (a *App) watchdog() []string { return []string{a.Executable, WatchdogCommand} }

// Hidden commands of the executable, for child processes of parley itself.
const (
	WatchdogCommand = "__watchdog"
	BotCommand      = "__bot"
)
