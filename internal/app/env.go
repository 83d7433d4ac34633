package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"parley"
	"parley/internal/engine"
)

// Formats of [App.Env].
const (
	EnvShell  = "shell"  // lines for a shell to read: export NAME='value'
	EnvJSON   = "json"   // one object
	EnvDocker = "docker" // lines NAME=value, for --env-file
)

// EnvOptions say for which plan, and how.
type EnvOptions struct {
	Plan   string // path of parley.yaml
	Format string // EnvShell if empty
}

// Env prints the variables that point a bot at parley which parley does not start. The code is one of parley.Exit....
func (a *App) Env(o EnvOptions) (code int, err error) {
	p, err := a.plan(o.Plan)
	if err != nil {
		return parley.ExitUsage, err
	}
	v, err := engine.VariablesOf(p)
	if err == nil && len(v.Unset) > 0 {
		err = unsetError(o.Plan, v.Unset)
	}
	if err != nil {
		return parley.ExitUsage, err
	}
	roots := p.Target.Env["SSL_CERT_FILE"]
	if roots == "" {
		roots, _ = a.getenv("SSL_CERT_FILE")
	}
	if err := v.SetUpProxy(p, roots); err != nil {
		return parley.ExitUsage, err
	}
	text, err := exported(v.Env, o.Format)
	if err != nil {
		return parley.ExitUsage, err
	}
	if len(p.Target.Command) > 0 {
		v.Notes = append(v.Notes, "the plan has target.command: parley starts that bot itself, and gives it these variables")
	}
	for _, note := range v.Notes {
		_, _ = fmt.Fprintf(a.Err, "parley: %s\n", note)
	}
	_, err = fmt.Fprint(a.Out, text)
	return parley.ExitPass, err
}

// unsetError says which keys of a plan must be set before the variables are known.
func unsetError(path string, keys []string) error {
	const firstPort = 9101
	var lines []string
	for i, key := range keys {
		if strings.HasSuffix(key, ".address") {
			lines = append(lines, "  "+key+": the URL of a disposable database; a private one has another password in each run")
			continue
		}
		lines = append(lines, fmt.Sprintf("  %s: 127.0.0.1:%d, or another address that stays", key, firstPort+i))
	}
	return fmt.Errorf("the bot can be pointed at parley only if the addresses are known before the run; set in %s:\n%s", path, strings.Join(lines, "\n"))
}

// exported is the variables in a format, sorted by name.
func exported(env map[string]string, format string) (string, error) {
	var b strings.Builder
	switch format {
	case EnvJSON:
		text, err := json.MarshalIndent(env, "", "  ") // sorted by name
		return string(text) + "\n", err
	case EnvDocker:
		for _, name := range slices.Sorted(maps.Keys(env)) {
			if strings.ContainsAny(env[name], "\r\n") {
				return "", fmt.Errorf("%s holds a line break, which an env-file cannot; use --json", name)
			}
			fmt.Fprintf(&b, "%s=%s\n", name, env[name])
		}
	case EnvShell, "":
		for _, name := range slices.Sorted(maps.Keys(env)) {
			fmt.Fprintf(&b, "export %s='%s'\n", name, strings.ReplaceAll(env[name], "'", `'\''`))
		}
	default:
		return "", errors.New("BUG: there is no format " + format)
	}
	return b.String(), nil
}
