package survey

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// interpreter is the Python of the bot's own environment, or the system's.
func (s *scene) interpreter() string {
	if dir := s.environmentFolder(); dir != "" {
		return dir + "/bin/python"
	}
	return "python3"
}

var (
	application = regexp.MustCompile(`(?m)^(\w+)\s*(?::\s*\w+\s*)?=\s*(?:\w+\.)*(FastAPI|Flask|Starlette|Quart|Sanic|Litestar|create_app|make_app|build_app|get_app)\(`)
	factory     = regexp.MustCompile(`(?m)^def\s+(create_app|make_app|build_app|get_app|app_factory)\s*\(\s*\)`)
	mainModule  = regexp.MustCompile(`if __name__ == ["']__main__["']`)
)

// startPython starts what files tell, or the application object with the server at hand.
func (s *scene) startPython() {
	start := &s.bot.Start
	s.setupPython()
	for _, c := range s.calls {
		if words, setup := s.pythonCommand(c); words != nil {
			start.Command, start.At, start.Why = words, c.at, "as started there"
			for _, step := range setup {
				s.addSetup(step, c.at)
			}
			return
		}
	}
	for _, pattern := range []*regexp.Regexp{application, factory} {
		for _, f := range s.files {
			m := pattern.FindStringSubmatchIndex(f.code)
			if f.lang != python || m == nil {
				continue
			}
			name := f.code[m[2]:m[3]]
			if words := s.serve(f, name, pattern == factory); words != nil {
				start.Command, start.At, start.Why = words, f.place(m[0]), "the application object"
				return
			}
		}
	}
	for _, f := range s.files {
		if m := mainModule.FindStringIndex(f.code); f.lang == python && m != nil && serves.MatchString(f.code) {
			start.Command, start.At, start.Why = []string{s.interpreter(), f.name}, f.place(m[0]), "the program"
			return
		}
	}
	if _, ok := s.text["manage.py"]; ok {
		start.Command, start.At = []string{s.interpreter(), "manage.py", "runserver", "--noreload", "127.0.0.1:${PORT}"}, Place{"manage.py", 1}
		start.Why = "Django's own server"
	}
}

// serve is the command that serves an application object of a file.
func (s *scene) serve(f *file, name string, isFactory bool) []string {
	root, module := s.module(f)
	object := module + ":" + name
	_, _, gunicorn := s.depends("gunicorn")
	if s.bot.Framework == "Flask" || s.bot.Framework == "Django" {
		if gunicorn {
			if isFactory {
				object += "()"
			}
			words := []string{s.interpreter(), "-m", "gunicorn", "--bind", "127.0.0.1:${PORT}"}
			if root != "." {
				words = append(words, "--chdir", root)
			}
			return append(words, object)
		}
		if root != "." {
			module = root + "/" + module
		}
		return []string{s.interpreter(), "-m", "flask", "--app", module, "run", "--host", "127.0.0.1", "--port", "${PORT}"}
	}
	if s.bot.Framework == "aiohttp" {
		return nil
	}
	words := []string{s.interpreter(), "-m", "uvicorn", object, "--host", "127.0.0.1", "--port", "${PORT}"}
	if _, _, hypercorn := s.depends("hypercorn"); hypercorn {
		if _, _, uvicorn := s.depends("uvicorn"); !uvicorn {
			words = []string{s.interpreter(), "-m", "hypercorn", object, "--bind", "127.0.0.1:${PORT}"}
		}
	}
	if root != "." {
		words = append(words, "--app-dir", root)
	}
	if isFactory {
		words = append(words, "--factory")
	}
	return words
}

// module returns the folder from which a file can be imported, and its name from there.
func (s *scene) module(f *file) (root, module string) {
	dir := path.Dir(f.name)
	parts := []string{strings.TrimSuffix(path.Base(f.name), ".py")}
	for dir != "." {
		_, isPackage := s.text[path.Join(dir, "__init__.py")]
		relative := regexp.MustCompile(`(?m)^\s*from\s+(\.|` + regexp.QuoteMeta(path.Base(dir)) + `\.)`).MatchString(f.code)
		if !isPackage && !relative && (len(parts) > 1 || s.imports(f, dir) || path.Base(dir) == "src") {
			break
		}
		parts = append([]string{path.Base(dir)}, parts...)
		dir = path.Dir(dir)
	}
	if parts[len(parts)-1] == "__init__" && len(parts) > 1 {
		parts = parts[:len(parts)-1]
	}
	return dir, strings.Join(parts, ".")
}

// imports reports whether a file imports its neighbours by their bare names, as it can only if their
// folder is where Python looks.
func (s *scene) imports(f *file, dir string) bool {
	for _, m := range regexp.MustCompile(`(?m)^\s*(?:from|import)\s+(\w+)`).FindAllStringSubmatch(f.code, 100) {
		if _, ok := s.text[path.Join(dir, m[1]+".py")]; ok {
			return true
		}
	}
	return false
}

// pythonCommand makes of a command for a container one for this machine: the interpreter of the bot's
// environment, loopback, and the port parley picks. Nil if it starts no server.
func (s *scene) pythonCommand(c command) (words []string, setup [][]string) {
	words = c.words
	if script, ok := s.script(words); ok {
		words = split(script)
		c.shell = script
	}
	if strings.Contains(c.shell, "&&") || strings.Contains(c.shell, ";") {
		steps := regexp.MustCompile(`&&|;`).Split(c.shell, -1)
		words = split(steps[len(steps)-1])
		for _, step := range steps[:len(steps)-1] {
			if w := split(step); len(w) > 0 && regexp.MustCompile(`alembic|migrat|python|flask`).MatchString(step) {
				setup = append(setup, s.interpreted(w))
			}
		}
	}
	if len(words) > 0 && words[0] == "exec" {
		words = words[1:]
	}
	text := strings.Join(words, " ")
	if len(words) == 0 || !serving(text) || strings.ContainsAny(text, "|<>`") || strings.Contains(text, "$(") {
		return nil, nil
	}
	return local(s.interpreted(words)), setup
}

// script returns the last command of a shell script that a command runs.
func (s *scene) script(words []string) (string, bool) {
	for _, word := range words {
		name := strings.TrimPrefix(strings.TrimPrefix(word, "./"), "/app/")
		text, ok := s.text[name]
		if !ok || !strings.HasSuffix(name, ".sh") {
			continue
		}
		var steps []string
		for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
			line = strings.TrimPrefix(strings.TrimSpace(line), "exec ")
			if line != "" && !strings.HasPrefix(line, "#") && (serving(line) || strings.Contains(line, "alembic") || strings.Contains(line, "migrate")) && !strings.HasPrefix(line, "echo") {
				steps = append(steps, line)
			}
		}
		return strings.Join(steps, " && "), len(steps) > 0
	}
	return "", false
}

// interpreted starts Python programs by the interpreter that has them.
func (s *scene) interpreted(words []string) []string {
	switch program := path.Base(words[0]); {
	case regexp.MustCompile(`^python[\d.]*$`).MatchString(program):
		return append([]string{s.interpreter()}, words[1:]...)
	case slices.Contains([]string{"uvicorn", "gunicorn", "hypercorn", "flask", "alembic", "daphne", "granian"}, program):
		return append([]string{s.interpreter(), "-m", program}, words[1:]...)
	case slices.Contains([]string{"poetry", "pipenv", "uv"}, program) && len(words) > 2 && words[1] == "run" && s.environmentFolder() != "":
		return s.interpreted(words[2:])
	}
	return words
}

var (
	anyPort   = regexp.MustCompile(`^\$\{?\w*PORT\w*(:?-\d+)?\}?$`)
	allPorts  = regexp.MustCompile(`^(\[::\]|0\.0\.0\.0|127\.0\.0\.1|localhost)?:(\d+|\$\{?\w*PORT\w*(:?-\d+)?\}?)$`)
	hasNumber = regexp.MustCompile(`^\d{2,5}$`)
	shellVar  = regexp.MustCompile(`^\$\{(\w+):?-([^}]*)\}$|^\$(\w+)$|^\$\{(\w+)\}$`)
)

// local puts loopback and the picked port into a command.
func local(words []string) []string {
	out := slices.Clone(words)
	for i, word := range out {
		flag := ""
		if i > 0 {
			flag = out[i-1]
		}
		name, value, joined := strings.Cut(word, "=")
		if joined && strings.HasPrefix(name, "-") {
			flag, word = name, value
		}
		switch {
		case slices.Contains([]string{"--port", "-p"}, flag) && (hasNumber.MatchString(word) || anyPort.MatchString(word)):
			word = "${PORT}"
		case slices.Contains([]string{"--host", "-h"}, flag):
			word = "127.0.0.1"
		case slices.Contains([]string{"--bind", "-b"}, flag), allPorts.MatchString(word):
			word = "127.0.0.1:${PORT}"
		case anyPort.MatchString(word):
			word = "${PORT}"
		default:
			if m := shellVar.FindStringSubmatch(word); m != nil {
				word = m[2]
				if word == "" {
					word = "1" // a count of workers, most likely
				}
			}
		}
		if joined && strings.HasPrefix(name, "-") {
			word = name + "=" + word
		}
		out[i] = word
	}
	text := strings.Join(out, " ")
	if !strings.Contains(text, "${PORT}") {
		switch {
		case strings.Contains(text, "-m uvicorn"):
			out = append(out, "--host", "127.0.0.1", "--port", "${PORT}")
		case strings.Contains(text, "-m gunicorn"):
			out = append(out, "--bind", "127.0.0.1:${PORT}")
		}
	}
	return out
}

// setupPython finds migrations and set-up modules.
func (s *scene) setupPython() {
	if _, ok := s.text["alembic.ini"]; ok {
		s.addSetup([]string{s.interpreter(), "-m", "alembic", "upgrade", "head"}, Place{"alembic.ini", 1})
	}
	if _, ok := s.text["manage.py"]; ok && s.bot.Framework == "Django" {
		s.addSetup([]string{s.interpreter(), "manage.py", "migrate"}, Place{"manage.py", 1})
	}
	for _, f := range s.files {
		base := strings.TrimSuffix(path.Base(f.name), ".py")
		m := mainModule.FindStringIndex(f.code)
		if f.lang != python || m == nil || !slices.Contains([]string{"setup", "migrate", "migrations", "init_db", "create_tables", "setup_db", "initdb", "db_init", "seed"}, base) ||
			strings.Contains(f.code, "setuptools") || len(s.bot.Start.Setup) > 0 {
			continue
		}
		root, module := s.module(f)
		words := []string{s.interpreter(), "-m", module}
		if root != "." {
			words = []string{s.interpreter(), f.name}
		}
		s.addSetup(words, f.place(m[0]))
	}
}
