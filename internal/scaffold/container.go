package scaffold

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"parley/internal/survey"
)

// containerHost is the name under which a container finds the machine it runs on.
const containerHost = "host.docker.internal"

// containerPort is where a simulator listens for a bot in a container: fixed, since both files name it.
func containerPort(own string) string {
	return map[string]string{evolutionOwn: "18080", openaiOwn: "18081"}[own]
}

// bridge is where parley listens for a bot in a container: the address of Docker's default bridge
// on this machine, which other machines do not reach.
const bridge = "${PARLEY_BRIDGE:-172.17.0.1}"

// inside returns the port the bot listens on in its container, and the one of this machine that leads there, 0 if none is published.
func (d *draft) inside() (inside, outside int) {
	for port, published := range d.composed.Published {
		if inside == 0 || port < inside {
			inside, outside = port, published
		}
	}
	if inside != 0 {
		return inside, outside
	}
	for i, word := range d.composed.Command {
		var port int
		if _, err := fmt.Sscanf(word, "%d", &port); err == nil && i > 0 && (d.composed.Command[i-1] == "--port" || d.composed.Command[i-1] == "-p") {
			return port, 0
		}
		if at := strings.LastIndexByte(word, ':'); at >= 0 {
			if _, err := fmt.Sscanf(word[at:], ":%d", &port); err == nil && port > 0 {
				return port, 0
			}
		}
	}
	return cmp.Or(d.bot.Start.Port, 8000), 0
}

// publishedDefault is the port the override publishes where the compose file publishes none.
const publishedDefault = 18000

// override writes the compose file on top of the bot's own.
func (d *draft) override() string {
	c := d.bot.Compose
	var p page
	p.comment(0, fmt.Sprintf("Points the bot's containers at parley. Written by parley init from %s; use it with", c.File),
		"",
		fmt.Sprintf("  docker compose -f %s -f %s up --build --detach --wait", c.File, OverrideName),
		"  parley review",
		fmt.Sprintf("  docker compose -f %s -f %s down --volumes", c.File, OverrideName),
		"",
		"The project has a name of its own, so that its containers and volumes are not those you work with.",
		"Stop those first if they publish the same ports. The keys below open nothing but parley's simulators.")
	if steps := d.bot.Start.Setup; len(steps) > 0 && !d.bot.Start.Builds && len(d.stores()) > 0 {
		p.comment(0, "The databases begin empty. If the containers do not set them up by themselves, do it after up:",
			fmt.Sprintf("  docker compose -f %s -f %s run --rm %s %s", c.File, OverrideName, d.composed.Name, shellLine(inContainer(steps[0]))))
	}
	p.line(0, "name: "+project(cmp.Or(c.Project, d.o.Folder))+"-parley", "")
	p.line(0, "services:", "")
	for i := range c.Services {
		if s := &c.Services[i]; s.Bot {
			d.overrideBot(&p, s)
		}
	}
	for i := range c.Services {
		s := &c.Services[i]
		if port := d.databasePort(s); port != 0 && s.Published[port] == 0 {
			p.line(1, s.Name+":", s.At.String())
			p.line(2, "ports:", "so that parley can reach it")
			p.line(3, fmt.Sprintf("- %q", fmt.Sprintf("127.0.0.1:%d:%d", 10000+port, port)), "")
		}
	}
	return p.String()
}

// project makes a name that compose allows.
func project(name string) string {
	name = strings.Trim(regexp.MustCompile(`[^a-z0-9_-]+`).ReplaceAllString(strings.ToLower(name), "-"), "-_")
	return cmp.Or(name, "bot")
}

// inContainer is a command without the interpreter of an environment that only this machine has.
func inContainer(words []string) []string {
	if strings.HasSuffix(words[0], "/bin/python") {
		return append([]string{"python"}, words[1:]...)
	}
	return words
}

func (d *draft) overrideBot(p *page, s *survey.Composed) {
	p.line(1, s.Name+":", s.At.String())
	p.line(2, "environment:", "")
	for _, w := range []*wire{&d.evolution, &d.openai} {
		if !w.used {
			continue
		}
		for _, v := range w.direct {
			p.line(3, v.name+": "+quote(v.value), v.why)
		}
	}
	for _, v := range d.env {
		p.line(3, v.name+": "+quote(v.value), v.why)
	}
	if s.HostNet {
		p.comment(2, "The service uses the host's network, where this name is not known: write 127.0.0.1 in its place.")
		return
	}
	p.line(2, "extra_hosts:", "")
	p.line(3, `- "`+containerHost+`:host-gateway"`, "the address of the machine, seen from the container")
	if inside, outside := d.inside(); s == d.composed && outside == 0 {
		p.line(2, "ports:", "guess: the port the bot listens on in its container")
		p.line(3, fmt.Sprintf("- %q", fmt.Sprintf("127.0.0.1:%d:%d", publishedDefault, inside)), "")
	}
}

// databasePort is the port of a database that the bot uses, 0 for other services.
func (d *draft) databasePort(s *survey.Composed) int {
	switch {
	case s.Kind == survey.Postgres && d.postgres.used:
		return 5432
	case s.Kind == survey.Redis && d.redis.used:
		return 6379
	}
	return 0
}

// stored is a database of the compose file.
type stored struct {
	kind    string
	service *survey.Composed
	address string
	env     []string
}

// stores lists the databases of the compose file that the bot uses.
func (d *draft) stores() (list []stored) {
	for i := range d.bot.Compose.Services {
		s := &d.bot.Compose.Services[i]
		port := d.databasePort(s)
		if port == 0 || slices.ContainsFunc(list, func(o stored) bool { return o.kind == string(s.Kind) }) {
			continue
		}
		outside := s.Published[port]
		if outside == 0 {
			outside = 10000 + port
		}
		o := stored{kind: string(s.Kind), service: s}
		w, fallback := &d.redis, "REDIS_URL"
		o.address = fmt.Sprintf("redis://127.0.0.1:%d", outside)
		if s.Kind == survey.Postgres {
			w, fallback = &d.postgres, "DATABASE_URL"
			user, database := orDefault(s.Variables["POSTGRES_USER"], "postgres"), s.Variables["POSTGRES_DB"]
			o.address = fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s", user, reference("POSTGRES_PASSWORD", "simulated"), outside, orDefault(database, user))
		}
		for _, v := range w.direct {
			o.env = append(o.env, v.name)
		}
		if len(o.env) == 0 {
			o.env = []string{fallback}
		}
		list = append(list, o)
	}
	return list
}

func orDefault(value, otherwise string) string {
	if value == "" || strings.ContainsAny(value, " :/@$?#") {
		return otherwise
	}
	return value
}
