package survey

import (
	"encoding/json"
	"path"
	"regexp"
	"strings"
)

// command is a way to start the bot, as a file tells it.
type command struct {
	words []string
	shell string // the whole, if it needs a shell
	at    Place
}

// containers reads the files that tell how the bot is run: Procfile, compose, Dockerfile.
func (s *scene) containers() {
	s.compose()
	for _, name := range s.names(func(name string) bool { return name == "Procfile" }) {
		n := 0
		for line := range strings.Lines(s.text[name]) {
			n++
			kind, text, _ := strings.Cut(strings.TrimSpace(line), ":")
			c := command{words: split(text), shell: strings.TrimSpace(text), at: Place{name, n}}
			switch {
			case kind == "web":
				s.calls = append(s.calls, c)
			case kind == "release" && len(c.words) > 0 && !strings.ContainsAny(text, "&|;<>$`"):
				s.released = append(s.released, c)
			}
		}
	}
	if c := s.bot.Compose; c != nil {
		for i := range c.Services {
			if b := &c.Services[i]; b.Bot && len(b.Command) > 0 && serving(strings.Join(b.Command, " ")) {
				b.Serves = true
				s.calls = append(s.calls, command{words: b.Command, shell: strings.Join(b.Command, " "), at: b.At})
			}
		}
	}
	for _, name := range s.names(func(name string) bool { return strings.Contains(path.Base(name), "Dockerfile") }) {
		s.docker = true
		s.dockerfile(name)
	}
	s.settle()
}

// settle decides which service of the compose file takes the webhooks.
func (s *scene) settle() {
	if s.bot.Compose == nil {
		return
	}
	services := s.bot.Compose.Services
	for i := range services {
		if services[i].Serves {
			return
		}
	}
	for _, needsPort := range []bool{true, false} {
		for i := range services {
			if services[i].Bot && (!needsPort || len(services[i].Published) > 0) && !regexp.MustCompile(`celery|worker|beat|migrat`).MatchString(services[i].Name+strings.Join(services[i].Command, " ")) {
				services[i].Serves = true
				return
			}
		}
	}
}

// serving reports whether a command starts something that takes requests.
func serving(text string) bool {
	return regexp.MustCompile(`uvicorn|gunicorn|hypercorn|granian|daphne|flask|runserver|fastapi|node |npm |yarn |pnpm |bun |python3? |go run|/app`).MatchString(text) &&
		!regexp.MustCompile(`celery|\bworker\b|\brq\b|dramatiq|arq `).MatchString(regexp.MustCompile(`-k \S+|--worker\S+ \S+|uvicorn\.workers\S*`).ReplaceAllString(text, ""))
}

// dockerfile reads the last CMD and ENTRYPOINT.
func (s *scene) dockerfile(name string) {
	var entrypoint, cmd command
	n, begun := 0, ""
	for line := range strings.Lines(s.text[name]) {
		n++
		if part, more := strings.CutSuffix(strings.TrimRight(line, " \t\r\n"), "\\"); more && len(begun) < maxLine {
			begun += part + " "
			continue
		}
		line, begun = begun+line, ""
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		rest := strings.TrimSpace(strings.TrimSpace(line)[len(fields[0]):])
		switch strings.ToUpper(fields[0]) {
		case "FROM": // of several stages the last one is the image
			entrypoint, cmd = command{}, command{}
		case "CMD":
			cmd = dockerCommand(rest, Place{name, n})
		case "ENTRYPOINT":
			entrypoint = dockerCommand(rest, Place{name, n})
		case "ENV":
			if m := assignment.FindStringSubmatch(rest); m != nil {
				s.variable(m[1], Place{name, n})
			}
		}
	}
	switch {
	case len(entrypoint.words) > 0 && serving(strings.Join(entrypoint.words, " ")):
		entrypoint.words = append(entrypoint.words, cmd.words...)
		entrypoint.shell = strings.Join(entrypoint.words, " ")
		s.calls = append(s.calls, entrypoint)
	case len(cmd.words) > 0:
		s.calls = append(s.calls, cmd)
	case len(entrypoint.words) > 0:
		s.calls = append(s.calls, entrypoint)
	}
}

func dockerCommand(text string, at Place) command {
	c := command{at: at}
	if json.Unmarshal([]byte(text), &c.words) == nil {
		c.shell = strings.Join(c.words, " ")
		if len(c.words) == 3 && strings.HasSuffix(c.words[0], "sh") && c.words[1] == "-c" {
			c.shell = c.words[2]
			c.words = split(c.shell)
		}
		return c
	}
	c.shell, c.words = text, split(text)
	return c
}

// split cuts a command at spaces outside of quotes.
func split(text string) (list []string) {
	var word strings.Builder
	var quote rune
	open := false
	for _, r := range text {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, open = r, true
		case quote == 0 && (r == ' ' || r == '\t' || r == '\n' || r == '\r'):
			if open {
				list = append(list, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteRune(r)
			open = true
		}
	}
	if open {
		list = append(list, word.String())
	}
	return list
}
