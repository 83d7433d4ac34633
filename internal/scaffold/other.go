package scaffold

import (
	"regexp"
	"slices"
	"strings"

	"parley/internal/survey"
)

// other is a service of which only the address is known.
type other struct {
	name string // of the dependency
	setting
}

// onCalendar wires a variable of Google Calendar.
func (d *draft) onCalendar(v *survey.Variable) {
	if !d.calendar.used || !v.Read || d.composed != nil {
		return
	}
	switch {
	case v.Part == survey.URL:
		d.calendar.carriers = append(d.calendar.carriers, setting{v.Name, "", why(v)})
	case v.Part == survey.Key && regexp.MustCompile(`FILE|PATH|CREDENTIALS$`).MatchString(v.Name), strings.HasSuffix(v.Name, "_FILE"), strings.HasSuffix(v.Name, "_PATH"):
		d.credentials = append(d.credentials, setting{v.Name, "", why(v)})
	default:
		return
	}
	d.taken[v.Name] = true
}

// calendars says what keeps the calendar from ending in parley.
func (d *draft) calendars() {
	switch {
	case !d.calendar.used:
	case d.composed != nil:
		d.calendar.used = false
		d.note("Google Calendar (%s) is left as it is: parley makes a key file for the run, which a container cannot read; give the containers a test calendar, or let parley start the bot (--no-compose)", d.calendar.at)
	case len(d.calendar.carriers) == 0:
		d.note("no variable carries the address of Google Calendar to the bot (%s): Google's client has it built in, and would call the real one with a key that opens nothing there; let the bot pass an address on (in Python client_options={\"api_endpoint\": ...}) from GOOGLE_CALENDAR_URL", d.calendar.at)
	}
}

// strange matches the end of names of addresses, homely those that lead back to the bot or to people's browsers.
var (
	strange = regexp.MustCompile(`(?:^|_)(URL|URI|ENDPOINT|BASE_URL|API_BASE|BASE)$`)
	homely  = regexp.MustCompile(`PUBLIC|WEBHOOK|CALLBACK|FRONTEND|ORIGIN|REDIRECT|CORS|SITE|APP_URL|PROXY|SELF|DATABASE|REDIS|BROKER|MONGO|MYSQL|AMQP|RABBIT`)
)

// stranger stands in for a service that nothing is known of but the variable with its address.
func (d *draft) stranger(v *survey.Variable) {
	http := strings.HasPrefix(v.Shape.Scheme, "http")
	known := v.Service != "" && v.Service != survey.Other
	if d.taken[v.Name] || d.composed != nil || known || !v.Read || !strange.MatchString(v.Name) || homely.MatchString(v.Name) ||
		!http && (!v.Required || v.Shape.Scheme != "") || len(d.others) >= 10 {
		return
	}
	name := strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(strange.ReplaceAllString(v.Name, "")), "-"), "-")
	name = strings.TrimSuffix(name, "-api")
	taken := slices.ContainsFunc(d.others, func(o other) bool { return o.name == name })
	if taken || !regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`).MatchString(name) || slices.Contains([]string{"evolution", "bot", "retry", "openai", "calendar", "http", "postgres", "redis"}, name) {
		return
	}
	d.taken[v.Name] = true
	d.others = append(d.others, other{name, setting{v.Name, v.Shape.Path, why(v)}})
}

// simulations writes the calendar and the services of which only the address is known.
func (d *draft) simulations(p *page) {
	if d.calendar.used {
		p.line(1, "calendar:", d.calendar.at)
		names := make([]string, len(d.credentials))
		reasons := make([]string, len(d.credentials))
		for i, c := range d.credentials {
			names[i], reasons[i] = c.name, c.why
		}
		if len(names) > 0 {
			p.line(2, "simulate:", "its key file is made for the run")
			p.line(3, "credentials_env: "+flow(names), strings.Join(reasons, "; "))
		} else {
			p.line(2, "simulate: true", "")
		}
		p.line(2, "canary: optional", "a conversation need not touch it")
		d.carriers(p, d.calendar.carriers)
	}
	for _, o := range d.others {
		p.line(1, o.name+":", o.why)
		p.line(2, "kind: http", "")
		p.line(2, "simulate:", "guess: it says {} to everything; describe what it really answers (docs/plan.md)")
		p.line(3, `routes: [{on: "/**", status: 200, json: {}}]`, "")
		p.line(2, "canary: optional", "a conversation need not touch it")
		p.line(2, "env: "+flow([]string{o.setting.name}), "")
	}
}
