package scaffold

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"

	"parley/internal/survey"
)

// nowhere is an address at which nobody listens: the port is "discard", and loopback leads to no other machine.
const nowhere = "http://127.0.0.1:9"

// onServer wires a variable of a database.
func (d *draft) onServer(v *survey.Variable, w *wire) {
	if !w.used || v.Part == survey.Options || d.taken[v.Name] || v.Part == survey.Key || !v.Read && v.At.File == "" {
		return
	}
	if d.composed != nil { // the compose file's own database stays
		w.direct = append(w.direct, setting{v.Name, "", why(v)})
		d.taken[v.Name] = true
		return
	}
	if !v.Read && v.Part != survey.URL {
		return // of the compose file's database, not of the bot
	}
	scheme, driver, hasDriver := strings.Cut(v.Shape.Scheme, "+")
	switch {
	case v.Part != survey.URL:
		w.direct = append(w.direct, setting{v.Name, string(v.Part), why(v)})
	case hasDriver && w == &d.postgres:
		d.own(w, postgresOwn)
		d.prelude = append(d.prelude, fmt.Sprintf(`export %s="%s+%s://$${%s#*://}"  # %s`, v.Name, cmp.Or(scheme, "postgresql"), driver, postgresOwn, why(v)))
	default:
		w.carriers = append(w.carriers, setting{v.Name, "", why(v)})
	}
	d.taken[v.Name] = true
}

// databases takes the addresses of databases apart for a bot that wants the parts.
func (d *draft) databases() {
	if d.composed != nil {
		return
	}
	d.takeApart(&d.postgres, postgresOwn)
	d.takeApart(&d.redis, redisOwn)
	for _, w := range []*wire{&d.postgres, &d.redis} {
		if w.used && len(w.carriers) == 0 {
			name := "DATABASE_URL"
			if w == &d.redis {
				name = "REDIS_URL"
			}
			w.carriers = []setting{{name, "", "guess: no variable found that carries it"}}
			d.note("no variable carries the address of %s to the bot (%s): correct env in dependencies, or take the entry out if the bot does not use it", map[bool]string{true: "PostgreSQL", false: "Redis"}[w == &d.postgres], w.at)
		}
	}
}

// takeApart adds the shell that cuts user, password, host, port and database out of an address.
func (d *draft) takeApart(w *wire, own string) {
	parts := w.direct
	w.direct = nil
	if !w.used || len(parts) == 0 || len(w.carriers) > 0 && own == redisOwn {
		return
	}
	d.own(w, own)
	d.prelude = append(d.prelude,
		"place=$${"+own+"##*@} user=$${"+own+"#*://}",
		"user=$${user%%@*} place=$${place#*://}",
		"port=$${place##*:}")
	for _, p := range parts {
		if text, ok := cut(survey.Part(p.value), own == redisOwn); ok {
			d.prelude = append(d.prelude, fmt.Sprintf(`export %s="%s"  # %s`, p.name, text, p.why))
		}
	}
}

// cut is the shell for a part of an address. A private Redis has no password.
func cut(part survey.Part, redis bool) (text string, ok bool) {
	switch part {
	case survey.Host:
		return "$${place%%:*}", true
	case survey.Port:
		return "$${port%%/*}", true
	case survey.User:
		text = "$${user%%:*}"
	case survey.Password:
		text = "$${user#*:}"
	case survey.Database:
		if redis {
			return "0", true
		}
		return "$${place#*/}", true
	default:
		return "", false
	}
	if redis {
		text = ""
	}
	return text, true
}

// isLocal reports whether an address leads to this machine, as examples for developers do.
func isLocal(address string) bool {
	u, err := url.Parse(address)
	if err == nil && u.Host != "" {
		address = u.Hostname()
	}
	host, _, _ := strings.Cut(address, ":")
	return host == "localhost" || host == "127.0.0.1" || host == "0.0.0.0"
}

// rest sets what the bot wants and parley cannot know.
func (d *draft) rest(v *survey.Variable) {
	if d.taken[v.Name] {
		return
	}
	address := strings.HasSuffix(v.Name, "URL") || strings.HasSuffix(v.Name, "URI") || strings.HasSuffix(v.Name, "HOST") || strings.HasSuffix(v.Name, "ENDPOINT")
	switch {
	case v.Required && v.Read && v.SecretLooking():
		d.set(v, reference(v.Name, "simulated"), "simulated")
	case v.Required && v.Read && strings.HasSuffix(v.Name, "CALENDAR_ID"):
		d.set(v, "primary", "primary")
	case v.Required && v.Read && v.Default != "" && (!address || d.composed != nil || isLocal(v.Default)):
		d.set(v, v.Default, v.Default)
	case v.Required && v.Read && address:
		place := nowhere
		if strings.HasSuffix(v.Name, "HOST") {
			place = "127.0.0.1"
		}
		d.set(v, place, place)
		d.env[len(d.env)-1].why += "; nobody listens there"
	case v.Required && v.Read && v.Number:
		d.set(v, "10", "10")
		d.env[len(d.env)-1].why += "; guess: a number"
	case v.Required && v.Read:
		d.set(v, "simulated", "simulated")
		d.env[len(d.env)-1].why += "; guess: any value will do"
	case v.Set.File != "" && v.Read && d.bot.Start.Dotenv && (v.SecretLooking() || address) && v.Service != survey.Listening:
		d.set(v, "", "")
		d.env[len(d.env)-1].why += fmt.Sprintf("; %s sets it: emptied, so that nothing real is called", v.Set.File)
	}
}
