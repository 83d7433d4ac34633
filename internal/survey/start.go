package survey

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Start is how the bot is started.
type Start struct {
	// Command has ${PORT} where the port goes; empty if nothing tells how.
	Command []string `json:"command,omitempty"`
	At      Place    `json:"at,omitzero"`
	Why     string   `json:"why,omitempty"`
	// Setup runs to its end before: builds, migrations.
	Setup   [][]string `json:"setup,omitempty"`
	SetupAt []Place    `json:"setup_at,omitempty"`
	// Port is the one the bot listens on if nothing can change it, 0 if Command or a variable tells it.
	Port   int   `json:"port,omitempty"`
	PortAt Place `json:"port_at,omitzero"`
	// Builds: Setup compiles, which takes its time.
	Builds bool `json:"builds,omitempty"`
	// Dotenv: the bot reads .env by itself.
	Dotenv bool `json:"dotenv,omitempty"`
	// Docker: the bot has a Dockerfile.
	Docker bool `json:"docker,omitempty"`
}

// start finds how the bot is started.
func (s *scene) start() {
	start := &s.bot.Start
	start.Dotenv, start.Docker = s.dotenv, s.docker
	for _, c := range s.released {
		words := c.words
		if s.bot.Language == "Python" {
			words = s.interpreted(words)
		}
		s.addSetup(words, c.at)
	}
	switch s.bot.Language {
	case "Python":
		s.startPython()
	case "Node.js":
		s.startNode()
	case "Go":
		s.startGo()
	}
	s.port()
}

func (s *scene) addSetup(words []string, at Place) {
	start := &s.bot.Start
	same := func(other []string) bool { return slices.Equal(other, words) }
	if len(words) > 0 && !slices.ContainsFunc(start.Setup, same) {
		start.Setup, start.SetupAt = append(start.Setup, words), append(start.SetupAt, at)
	}
}

// startNode runs the script "start", or the main file.
func (s *scene) startNode() {
	start := &s.bot.Start
	at := func(word string) Place {
		text := s.text["package.json"]
		if i := strings.Index(text, `"`+word+`"`); i >= 0 {
			return Place{"package.json", 1 + strings.Count(text[:i], "\n")}
		}
		return Place{"package.json", 1}
	}
	for _, name := range []string{"db:migrate", "migrate", "migrate:deploy", "migration:run", "prisma:migrate"} {
		if _, ok := s.scripts[name]; ok {
			s.addSetup([]string{"npm", "run", "--silent", name}, at(name))
			break
		}
	}
	if _, ok := s.scripts["build"]; ok && regexp.MustCompile(`\b(dist|build|out)/|\.next|nest start`).MatchString(s.scripts["start"]+s.main) {
		s.addSetup([]string{"npm", "run", "--silent", "build"}, at("build"))
		start.Builds = true
	}
	if text, ok := s.scripts["start"]; ok {
		start.At, start.Why = at("start"), `the script "start"`
		if words := split(text); len(words) > 0 && words[0] == "node" && !strings.ContainsAny(text, "&|;$<>") {
			start.Command = words
		} else {
			start.Command = []string{"npm", "run", "--silent", "start"}
		}
		return
	}
	for _, c := range s.calls {
		if len(c.words) > 0 && regexp.MustCompile(`^(node|npm|npx|yarn|pnpm|bun)$`).MatchString(c.words[0]) && !strings.ContainsAny(c.shell, "&|;<>") {
			start.Command, start.At, start.Why = local(c.words), c.at, "as started there"
			return
		}
	}
	if _, ok := s.text[s.main]; ok && s.main != "" {
		start.Command, start.At, start.Why = []string{"node", s.main}, at("main"), "the main file"
		return
	}
	listening := regexp.MustCompile(`\.listen\(`)
	for _, f := range s.files {
		if m := listening.FindStringIndex(f.code); f.lang == node && m != nil && strings.Contains(path.Ext(f.name), "js") {
			start.Command, start.At, start.Why = []string{"node", f.name}, f.place(m[0]), "listens there"
			return
		}
	}
}

// startGo builds the main package that serves.
func (s *scene) startGo() {
	start := &s.bot.Start
	type program struct {
		dir    string
		at     Place
		serves bool
	}
	var programs []program
	isMain := regexp.MustCompile(`(?m)^func main\(\)`)
	for _, f := range s.files {
		if m := isMain.FindStringIndex(f.code); f.lang == golang && m != nil && regexp.MustCompile(`(?m)^package main\b`).MatchString(f.code) {
			name := path.Base(path.Dir(f.name))
			programs = append(programs, program{path.Dir(f.name), f.place(m[0]), serves.MatchString(f.code) || regexp.MustCompile(`bot|server|api|web|app`).MatchString(name)})
		}
	}
	if len(programs) == 0 {
		return
	}
	best := programs[0]
	for _, p := range programs {
		if p.serves {
			best = p
			break
		}
	}
	dir := "./" + best.dir
	if best.dir == "." {
		dir = "."
	}
	s.addSetup([]string{"go", "build", "-o", ".parley/bot", dir}, best.at)
	start.Builds = true
	start.Command, start.At, start.Why = []string{".parley/bot"}, best.at, "func main, built by the setup"
}

var (
	nodePort   = regexp.MustCompile(`\.listen\(\s*(?:\{\s*port\s*:\s*)?(\d{2,5})\b`)
	goPort     = regexp.MustCompile(`(?:ListenAndServe\w*\(|\.Run\(|\.Start\(|\.Listen\(|Addr:\s*)\s*"[\w.]*:(\d{2,5})"`)
	pythonPort = regexp.MustCompile(`(?:uvicorn\.run|\.run|run_app)\([^)]*?\bport\s*=\s*(\d{2,5})\b`)
)

// port finds the port of a bot that can be told no other.
func (s *scene) port() {
	start := &s.bot.Start
	if len(start.Command) == 0 || strings.Contains(strings.Join(start.Command, " "), "${PORT}") {
		return
	}
	for i := range s.bot.Variables {
		if v := &s.bot.Variables[i]; v.Service == Listening && v.Read {
			return
		}
	}
	for _, f := range s.files {
		pattern := map[language]*regexp.Regexp{python: pythonPort, node: nodePort, golang: goPort}[f.lang]
		if m := pattern.FindStringSubmatchIndex(f.code); m != nil && f.lang.String() == s.bot.Language {
			start.Port, _ = strconv.Atoi(f.code[m[2]:m[3]])
			start.PortAt = f.place(m[0])
			return
		}
	}
	if s.bot.Framework == "Flask" || s.bot.Framework == "Quart" {
		start.Port, start.PortAt = 5000, s.bot.FrameworkAt
	}
}
