package scaffold

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"parley/internal/survey"
)

// plan writes the whole plan.
func (d *draft) plan() string {
	var p page
	d.head(&p)
	p.line(0, "seed: 1", "the same seed: the same users and words")
	p.WriteByte('\n')
	d.target(&p)
	p.WriteByte('\n')
	d.dependencies(&p)
	p.WriteByte('\n')
	p.WriteString(crowd)
	p.WriteString(d.promises())
	return p.String()
}

func (d *draft) head(p *page) {
	what := strings.TrimSuffix(d.bot.Language+", "+d.bot.Framework, ", ")
	p.comment(0, fmt.Sprintf("The plan for this bot (%s), written by parley init.", what),
		"A comment behind a line says where in the bot's files it comes from; \"guess\" marks the rest. Read it once, correct",
		"what is wrong, and put your users' own words into the scenarios. Every key is in docs/plan.md.", "")
	if d.composed != nil {
		files := fmt.Sprintf("-f %s -f %s", d.bot.Compose.File, OverrideName)
		p.comment(0, "  docker compose "+files+" up --build --detach --wait",
			"  parley doctor     is everything there?",
			"  parley review     talk to the bot, measure, judge",
			"  docker compose "+files+" down --volumes")
	} else {
		p.comment(0, "  parley doctor     is everything there?", "  parley review     talk to the bot, measure, judge")
	}
}

// port is the port in the bot's addresses.
func (d *draft) port() string {
	if d.composed != nil {
		if _, outside := d.inside(); outside != 0 {
			return fmt.Sprint(outside)
		}
		return fmt.Sprint(publishedDefault)
	}
	switch start := d.bot.Start; {
	case len(start.Command) == 0:
		return fmt.Sprint(cmp.Or(start.Port, 8000))
	case start.Port != 0:
		return fmt.Sprint(start.Port)
	}
	return "${PORT}"
}

func (d *draft) webhookURL() string {
	path := "/webhook"
	if len(d.bot.Webhooks) > 0 {
		path = d.parameters(d.bot.Webhooks[0].Path)
	}
	return "http://127.0.0.1:" + d.port() + path
}

// varies reports whether a part of a path is a parameter, or put together as the bot runs.
func varies(part string) bool {
	return part != "" && strings.ContainsRune("{:<*", rune(part[0])) || strings.Contains(part, "${")
}

// parameters fills the parameters of a path in: {instance} and :instance are the gateway's, others the event.
func (d *draft) parameters(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if varies(part) {
			parts[i] = "messages-upsert"
			if strings.Contains(part, "instance") {
				parts[i] = d.instance()
			}
		}
	}
	return strings.Join(parts, "/")
}

func (d *draft) target(p *page) {
	p.line(0, "target:", "")
	platform := "WhatsApp by way of the Evolution API"
	if d.evolution.at != "" {
		platform = d.evolution.at
	}
	p.line(1, "platform: evolution", platform)
	d.webhook(p)
	d.health(p)
	switch {
	case d.composed != nil:
		p.comment(1, "The bot runs in containers, which do not reach this machine's loopback: parley listens on the address of",
			"Docker's bridge, which other machines do not reach (ip -4 address show docker0 tells it; with Docker Desktop",
			"set PARLEY_BRIDGE=127.0.0.1). An address that is not loopback needs this:")
		p.line(1, "allow_remote: true", "")
	case len(d.bot.Start.Command) > 0:
		d.commands(p)
	default:
		p.comment(1, "Nothing tells how the bot is started. Add command, or start it yourself with the addresses below.")
	}
	if d.o.Dir != "" && d.composed == nil {
		p.line(1, "dir: "+quote(d.o.Dir), "the bot's folder")
	}
	if d.composed == nil && len(d.env) > 0 {
		p.line(1, "env:", "")
		for _, s := range d.env {
			p.line(2, s.name+": "+quote(s.value), s.why)
		}
	}
	d.data(p)
	d.gateway(p)
}

func (d *draft) webhook(p *page) {
	comment := "guess: no route for POST found"
	if len(d.bot.Webhooks) > 0 {
		comment = d.bot.Webhooks[0].At.String()
		if slices.ContainsFunc(strings.Split(d.bot.Webhooks[0].Path, "/"), varies) {
			comment += "; guess: what stands for the parameter in the path"
		}
	}
	if d.bot.Start.Port != 0 && d.composed == nil {
		comment += fmt.Sprintf("; the port is fixed in %s", d.bot.Start.PortAt)
	}
	p.line(1, "webhook: "+quote(d.webhookURL()), comment)
	for i, r := range d.bot.Webhooks {
		if i > 0 && i < 6 && !strings.HasPrefix(r.Path, d.bot.Webhooks[0].Path+"/") {
			p.comment(1, fmt.Sprintf("or:    http://127.0.0.1:%s%s  (%s)", d.port(), r.Path, r.At))
		}
	}
}

func (d *draft) health(p *page) {
	if len(d.bot.Health) > 0 && !slices.ContainsFunc(strings.Split(d.bot.Health[0].Path, "/"), varies) {
		p.line(1, "ready: "+quote("http://127.0.0.1:"+d.port()+d.bot.Health[0].Path), d.bot.Health[0].At.String())
	}
}

// commands writes how the bot is set up and started.
func (d *draft) commands(p *page) {
	start := d.bot.Start
	if start.Builds {
		p.line(1, "start_timeout: 5m", "the setup compiles the bot")
	}
	if len(start.Setup) > 0 {
		comments := make([]string, len(start.SetupAt))
		lines := make([]string, len(start.Setup))
		for i := range start.Setup {
			lines[i], comments[i] = shellLine(start.Setup[i]), start.SetupAt[i].String()
		}
		if len(start.Setup) == 1 && len(d.prelude) == 0 {
			p.line(1, "setup: "+flow(start.Setup[0]), comments[0])
		} else {
			d.shell(p, "setup", strings.Join(lines, " && "), strings.Join(comments, ", "))
		}
	}
	comment := start.At.String()
	if start.Why != "" {
		comment += ", " + start.Why
	}
	if len(d.prelude) == 0 {
		p.line(1, "command: "+flow(start.Command), comment)
		return
	}
	d.shell(p, "command", "exec "+shellLine(start.Command), comment)
}

// shell writes a command that puts the addresses into the form the bot wants first. In a plan $${ is a plain ${.
func (d *draft) shell(p *page, key, last, comment string) {
	p.line(1, key+":", comment)
	p.line(2, "- sh", "")
	p.line(2, "- -ec", "")
	p.line(2, "- |", "")
	for _, line := range append(append([]string(nil), d.prelude...), last) {
		p.line(3, plain(line), "")
	}
}

// data says that what the bot stores may be lost, if that is so.
func (d *draft) data(p *page) {
	switch {
	case d.composed != nil && len(d.stores()) > 0 && d.keptData() == "":
		p.line(1, "data: disposable", OverrideName+" gives the project a name of its own, so that its volumes are new")
	case d.composed == nil && (d.postgres.used || d.redis.used):
		p.line(1, "data: disposable", "the databases below are private: parley starts them and throws them away")
	}
}

// keptData names the store of the compose file whose data outlive a project, empty if none does.
func (d *draft) keptData() string {
	for _, s := range d.stores() {
		if s.service.Kept != "" {
			return fmt.Sprintf("%s keeps its data in %s", s.service.Name, s.service.Kept)
		}
	}
	return ""
}

// gateway writes the platform.
func (d *draft) gateway(p *page) {
	p.line(1, "evolution:", "")
	instance := "guess: the bot does not name it"
	for i := range d.bot.Variables {
		if v := &d.bot.Variables[i]; v.Service == survey.Evolution && v.Part == survey.Instance {
			instance = why(v)
		}
	}
	if d.bot.Instance != "" {
		instance = "named in the path of the bot's calls"
	}
	p.line(2, "instance: "+quote(d.instance()), instance)
	if d.composed != nil {
		p.line(2, "api_key: "+evolutionKey, "as in "+OverrideName)
		p.line(2, "listen: "+quote(bridge+":"+containerPort(evolutionOwn)), "")
	} else if d.evolution.key != "" {
		p.line(2, "api_key: "+quote(d.evolution.key), d.evolution.keyWhy)
	}
	d.carriers(p, d.evolution.carriers)
	if len(d.headers) > 0 {
		p.line(2, "headers:", "")
		for _, h := range d.headers {
			p.line(3, h.name+": "+quote(h.value), h.why)
		}
	}
}

// carriers writes env, the variables that carry an address.
func (d *draft) carriers(p *page, list []setting) {
	if len(list) == 0 {
		return
	}
	names, reasons := make([]string, len(list)), make([]string, len(list))
	for i, s := range list {
		names[i], reasons[i] = s.name, s.why
	}
	p.line(2, "env: "+flow(names), strings.Join(reasons, "; "))
}

func (d *draft) dependencies(p *page) {
	stored := d.composed != nil && len(d.stores()) > 0
	if !d.openai.used && !d.calendar.used && len(d.others) == 0 && !stored && (d.composed != nil || !d.postgres.used && !d.redis.used) {
		p.comment(0, "No service was found that the bot calls: parley talks to it through the gateway alone.")
		return
	}
	if !d.openai.used && stored && d.keptData() != "" {
		p.comment(0, "dependencies:") // a key without a value is an error
	} else {
		p.line(0, "dependencies:", "")
	}
	if d.openai.used {
		p.line(1, "openai:", d.openai.at)
		p.line(2, "simulate:", "its latency is an assumption: set first_token and per_token as you know them")
		switch {
		case d.composed != nil:
			p.line(3, "api_key: "+openaiKey, "as in "+OverrideName)
		case d.openai.key != "":
			p.line(3, "api_key: "+quote(d.openai.key), d.openai.keyWhy)
		default:
			p.line(3, "first_token: lognormal(p50=450ms, p95=1.1s)", "")
		}
		if d.composed != nil {
			p.line(2, "listen: "+quote(bridge+":"+containerPort(openaiOwn)), "")
		}
		d.carriers(p, d.openai.carriers)
	}
	d.simulations(p)
	if d.composed == nil {
		d.private(p, "postgres", &d.postgres)
		d.private(p, "redis", &d.redis)
	} else if stored {
		d.composedStores(p)
	}
}

func (d *draft) private(p *page, name string, w *wire) {
	if !w.used {
		return
	}
	p.line(1, name+":", w.at)
	p.line(2, "address: private", "")
	d.carriers(p, w.carriers)
}

// composedStores writes the databases of the compose file. They are left as comments if what they hold would
// outlive the run.
func (d *draft) composedStores(p *page) {
	kept := d.keptData()
	if kept != "" {
		d.note("%s, which a run would write to: say data: disposable in the plan and take the comment signs before the databases away only if all of it may be lost", kept)
		p.comment(1, "In "+d.bot.Compose.File+" "+kept+". What virtual users say would stay there. If all of it may be",
			"lost, add data: disposable to target and take these comment signs away:")
	}
	for _, s := range d.stores() {
		text := fmt.Sprintf("%s: {address: %s, env: %s}", s.kind, quote(s.address), flow(s.env))
		if kept != "" {
			p.comment(1, text+"  # "+s.service.At.String())
			continue
		}
		p.line(1, text, s.service.At.String())
	}
}

// crowd is what users say. It fits no bot in particular, and every bot that answers.
const crowd = `users: {returning: 30%, alike: 20%, number_prefix: "999"}

# Put your users' own words here: what they ask, how they ask it, in their language.
# {name}, {day}, {time}, {email} and {number} are filled in.
scenarios:
  - name: question
    weight: 3
    turns:
      - say: ["Hi", "Hello", "Good morning"]
      - say: ["When are you open {day}?", "What does it cost?", "Where do I find you?"]
      - say: ["Thank you", "Great, thanks!"]

  - name: book
    weight: 4
    turns:
      - say: ["Hello, I would like to come by", "Hi, I am {name} and need an appointment"]
      - say: ["Do you have time {day}?", "Is {day} at {time} still free?"]
      - say: ["{day} at {time} would be perfect", "Then {day} at {time}, please"]
      - say: ["Thank you, see you then", "Thanks!"]

  # People write in bursts. The answer is the last reply before the bot falls silent.
  - name: burst
    weight: 2
    turns:
      - burst: ["Hi", "it is {name}", "something came up and I cannot make it"]
        answered: quiet 3s
      - burst: ["Could I come another day", "{day} for example"]
        answered: quiet 3s

  - name: one line
    weight: 1
    turns:
      - say: ["Are you open {day}?", "How much is it for {number} people?"]

# A modest load: what a busy hour of a small business has. The steady phase must be long enough
# for the budgets; where it is not, the report says how long would be.
load:
  conversations_per_hour: 1800
  phases:
    - solo: 20s
    - warmup: 30s
    - steady: 5m

`

// promises are the budgets that the bot's services allow, and the ceilings.
func (d *draft) promises() string {
	var b strings.Builder
	b.WriteString("# What the bot promises. These are what such bots publish; put yours in their place.\nbudgets:\n")
	for _, text := range []string{"reply.p95 < 5s", "ack.p95 < 200ms", "errors < 1%", "lost = 0"} {
		b.WriteString("  - " + text + "\n")
	}
	if d.openai.used {
		b.WriteString("  - llm.p95 < 3s\n")
	}
	if d.postgres.used {
		b.WriteString("  - db.p95 < 1s\n")
	}
	b.WriteString("\n# No run passes these, whatever else the plan says.\nsafety: {messages_per_hour: 20000, users: 500, duration: 30m}\n")
	return b.String()
}
