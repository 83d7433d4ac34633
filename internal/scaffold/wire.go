package scaffold

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"parley/internal/survey"
)

// draft is a plan under way.
type draft struct {
	bot      *survey.Bot
	o        Options
	composed *survey.Composed // the bot's service, nil if parley starts the bot
	notes    []string

	evolution, openai, postgres, redis, calendar wire
	credentials                                  []setting // variables that carry the path of the calendar's key file
	others                                       []other   // services of which only the address is known
	// env are lines of target.env; headers of target.evolution.headers.
	env     []setting
	headers []setting
	// prelude are lines of shell that make of the addresses what the bot wants to have.
	prelude []string
	taken   map[string]bool // variables that something sets
}

// setting is a name, a value and why.
type setting struct{ name, value, why string }

// wire is one service: the variables that carry its address, and the reference to its key.
type wire struct {
	used     bool
	at       string // where the source uses it
	carriers []setting
	key      string // as the plan writes it
	keyWhy   string
	// In containers: what each variable is set to.
	direct []setting
}

func (d *draft) note(format string, args ...any) {
	d.notes = append(d.notes, fmt.Sprintf(format, args...))
}

// Addresses parley gives in variables of its own, where the bot wants another form than the plain one.
const (
	evolutionOwn = "PARLEY_EVOLUTION_URL"
	openaiOwn    = "PARLEY_OPENAI_URL"
	postgresOwn  = "PARLEY_POSTGRES_URL"
	redisOwn     = "PARLEY_REDIS_URL"
)

// Simulated keys. They open nothing but parley's own simulators.
const (
	evolutionKey = "parley-simulated-key"
	openaiKey    = "sk-simulated"
)

// wire decides for every variable who sets it, and to what.
func (d *draft) wire() {
	d.evolution.used = true
	for _, s := range d.bot.Platforms {
		if s.Name == survey.Evolution {
			d.evolution.at = fmt.Sprintf("%s: %s", s.At, s.What)
		}
	}
	for _, s := range d.bot.Services {
		at := fmt.Sprintf("%s: %s", s.At, s.What)
		switch s.Name {
		case survey.OpenAI:
			d.openai.used, d.openai.at = true, at
		case survey.Postgres:
			d.postgres.used, d.postgres.at = true, at
		case survey.Redis:
			d.redis.used, d.redis.at = true, at
		case survey.Calendar:
			d.calendar.used, d.calendar.at = true, at
		case survey.Azure, survey.Anthropic, survey.Gemini, survey.MySQL, survey.MongoDB:
			d.note("%s (%s) is not simulated: the bot's calls to it are not measured, and go where its own settings say", s.Name, at)
		default:
		}
	}
	for i := range d.bot.Variables {
		d.variable(&d.bot.Variables[i])
	}
	d.unwired()
	d.databases()
	d.calendars()
	for i := range d.bot.Variables {
		d.stranger(&d.bot.Variables[i])
	}
	for i := range d.bot.Variables {
		d.rest(&d.bot.Variables[i])
	}
}

// why is the evidence behind a variable.
func why(v *survey.Variable) string {
	text := v.At.String()
	switch {
	case v.Guess:
		return text + "; guess: by " + v.Why
	case v.WhyAt.File == "" || v.WhyAt == v.At:
		return text
	}
	return fmt.Sprintf("%s; %s %s", text, v.WhyAt, v.Why)
}

// reference is a secret as the plan writes it.
func reference(name, fallback string) string { return fmt.Sprintf("${%s:-%s}", name, fallback) }

// variable wires one that carries something known.
func (d *draft) variable(v *survey.Variable) {
	switch v.Service {
	case survey.Evolution:
		d.onEvolution(v)
	case survey.OpenAI:
		d.onOpenAI(v)
	case survey.Postgres:
		d.postgres.used = d.postgres.used || v.Part == survey.URL && v.Shape.Scheme != "" && v.Shape.Scheme != "sqlite"
		d.onServer(v, &d.postgres)
	case survey.Redis:
		d.redis.used = d.redis.used || v.Part == survey.URL && v.Shape.Scheme != ""
		d.onServer(v, &d.redis)
	case survey.Calendar:
		d.onCalendar(v)
	case survey.Listening:
		d.onListening(v)
	case survey.Webhook:
		d.onWebhook(v)
	default: // rest looks at it
	}
}

func (d *draft) onEvolution(v *survey.Variable) {
	w := &d.evolution
	switch v.Part {
	case survey.URL, survey.Host:
		if !v.Read && len(w.carriers) > 0 {
			return
		}
		path := v.Shape.Path
		if !strings.Contains(path, "/message") {
			path = ""
		}
		d.carry(v, w, evolutionOwn, path, v.Shape.Bare)
	case survey.Key:
		if w.key == "" {
			w.key, w.keyWhy = reference(v.Name, evolutionKey), why(v)
		}
		d.set(v, w.key, evolutionKey)
	case survey.Instance:
		d.set(v, d.instance(), d.instance())
	default:
	}
}

// instance is the gateway's instance, as the source has it.
func (d *draft) instance() string {
	for i := range d.bot.Variables {
		if v := &d.bot.Variables[i]; v.Service == survey.Evolution && v.Part == survey.Instance && v.Default != "" && !strings.ContainsAny(v.Default, "/?# ") {
			return v.Default
		}
	}
	return cmp.Or(d.bot.Instance, "parley")
}

func (d *draft) onOpenAI(v *survey.Variable) {
	w := &d.openai
	w.used = w.used || v.Read
	switch v.Part {
	case survey.URL, survey.Host:
		path := "/v1"
		switch {
		case strings.HasSuffix(v.Shape.Path, "/chat/completions"):
			path = "/v1/chat/completions"
		case v.Shape.Known && v.Shape.Path == "":
			path = ""
		}
		d.carry(v, w, openaiOwn, path, v.Shape.Bare)
	case survey.Key:
		if w.key == "" {
			w.key, w.keyWhy = reference(v.Name, openaiKey), why(v)
		}
		d.set(v, w.key, openaiKey)
	case survey.Model:
		if v.Required {
			model := cmp.Or(v.Default, "gpt-4o-mini")
			d.set(v, model, model)
		}
	default:
	}
}

// carry makes a variable carry the address of a simulated service. What the plain address does
// not fit is put together by the shell that starts the bot.
func (d *draft) carry(v *survey.Variable, w *wire, own, path string, bare bool) {
	if d.taken[v.Name] {
		return
	}
	d.taken[v.Name] = true
	plain := ""
	if own == openaiOwn {
		plain = "/v1"
	}
	address := "http://" + containerHost + ":" + containerPort(own)
	if bare {
		address = containerHost + ":" + containerPort(own)
		path = ""
	}
	w.direct = append(w.direct, setting{v.Name, address + path, why(v)})
	if path == plain && !bare || d.composed != nil {
		w.carriers = append(w.carriers, setting{v.Name, "", why(v)})
		return
	}
	d.own(w, own)
	value := "$" + own
	if plain != "" {
		value = "$${" + own + "%" + plain + "}"
	}
	if bare {
		value = `$(echo "` + value + `" | cut -d/ -f3)`
	}
	d.prelude = append(d.prelude, fmt.Sprintf(`export %s="%s%s"  # %s`, v.Name, value, path, why(v)))
}

// own has a service's plain address carried by a variable of parley's own.
func (d *draft) own(w *wire, name string) {
	if !slices.ContainsFunc(w.carriers, func(s setting) bool { return s.name == name }) {
		w.carriers = append(w.carriers, setting{name, "", "the command below makes of it what the bot wants"})
	}
}

// set puts a variable into target.env, or in containers into the override.
func (d *draft) set(v *survey.Variable, value, inContainer string) {
	if d.taken[v.Name] {
		return
	}
	d.taken[v.Name] = true
	if d.composed != nil {
		value = inContainer
	}
	d.env = append(d.env, setting{v.Name, value, why(v)})
}

func (d *draft) onListening(v *survey.Variable) {
	if !v.Read || d.composed != nil {
		return
	}
	switch {
	case v.Part == survey.Port && v.Name == "PORT":
		d.taken[v.Name] = true // parley sets it
	case v.Part == survey.Port:
		d.set(v, "${PORT}", "")
	case v.Part == survey.Host:
		d.set(v, "127.0.0.1", "")
	case v.Part == survey.URL:
		d.set(v, "127.0.0.1:${PORT}", "")
	}
}

// onWebhook gives a webhook its secret, and tells the bot the same.
func (d *draft) onWebhook(v *survey.Variable) {
	switch v.Part {
	case survey.Key, survey.Password:
		if !v.Read || d.bot.Secret.Name == "" && !v.Required {
			return
		}
		const simulated = "parley-simulated-secret"
		secret := reference(v.Name, simulated)
		if d.composed != nil {
			secret = simulated
		}
		d.set(v, secret, simulated)
		if name := d.bot.Secret.Name; name != "" && len(d.headers) == 0 {
			value := secret
			if strings.EqualFold(name, "authorization") {
				value = "Bearer " + secret
			}
			d.headers = append(d.headers, setting{name, value, d.bot.Secret.At.String()})
		} else if name == "" {
			d.note("%s asks for %s, but not in which header a webhook brings it: add it to target.evolution.headers if the bot answers 401", v.At, v.Name)
		}
	case survey.URL:
		if v.Required && d.composed == nil {
			d.set(v, d.webhookURL(), "")
		}
	default:
	}
}

// unwired says what no variable leads to.
func (d *draft) unwired() {
	if len(d.evolution.carriers) == 0 && len(d.evolution.direct) == 0 {
		d.evolution.carriers = []setting{{"EVOLUTION_API_URL", "", "guess: no variable found that carries the gateway's address"}}
		d.evolution.direct = []setting{{"EVOLUTION_API_URL", "http://" + containerHost + ":" + containerPort(evolutionOwn), "guess"}}
		d.note("no variable carries the gateway's address to the bot (%s): if it is fixed in the source, let the bot read it from a variable and name that in target.evolution.env", d.evolution.at)
	}
	if d.openai.used && len(d.openai.carriers) == 0 {
		d.openai.carriers = []setting{{"OPENAI_BASE_URL", "", "OpenAI's own client reads it"}}
		d.openai.direct = []setting{{"OPENAI_BASE_URL", "http://" + containerHost + ":" + containerPort(openaiOwn) + "/v1", "OpenAI's own client reads it"}}
		if d.composed != nil && d.openai.key == "" {
			d.env = append(d.env, setting{"OPENAI_API_KEY", openaiKey, "OpenAI's own client reads it"})
		}
		if strings.Contains(d.openai.at, "/chat/completions") {
			d.openai.carriers[0].why = "guess: no variable found that carries the model's address"
			d.note("no variable carries the address of the language model to the bot (%s): if it is fixed in the source, let the bot read it from a variable and name that in dependencies.openai.env", d.openai.at)
		}
	}
}
