package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // time zones are the same on every machine

	"go.yaml.in/yaml/v4"

	"parley/internal/fault"
)

// relayed returns the keys of a service that parley passes calls on to.
func (d *decoder) relayed(dep *Dependency, r *Relay) []field {
	return []field{
		{"relay", func(v value) {
			var kind string
			scalar(d, &kind, oneOf("relays", "real"))(v)
			if kind != "" {
				dep.Relay = r
			}
		}},
		{"address", scalar(d, &r.To, webURL)},
		{"spend", scalar(d, &r.Spend, dollars)},
		{"calls", scalar(d, &r.Calls, count(1_000_000))},
		{"allow_writes", scalar(d, &r.AllowWrites, truth)},
		{"key", scalar(d, &r.Key, secret)},
		{"keep", func(v value) {
			var what string
			scalar(d, &what, oneOf("things to keep", "exchanges"))(v)
			r.Keep = what != ""
		}},
		{"faults", list(d, &r.Faults, fault.ParseRule)},
	}
}

// checkStandIn makes sure that it is clear how parley stands in for a service, and that a relay has its limits.
func (d *decoder) checkStandIn(v value, dep *Dependency, r *Relay) {
	switch {
	case dep.Simulate && dep.Relay != nil:
		d.fail(v, "keep one", "has both simulate and relay")
	case !dep.Simulate && dep.Relay == nil && r.To != "":
		d.fail(v, "add relay: real, or write simulate: true to need no service", "an address alone does not let parley listen")
	case !dep.Simulate && dep.Relay == nil:
		d.fail(v, "write simulate: true", "says nothing about how parley stands in for it")
	case dep.Relay == nil:
		for _, key := range []string{"address", "spend", "calls", "allow_writes", "key", "keep", "faults"} {
			if d.given(join(v.path, key)) {
				d.failPath(join(v.path, key), "take it out, or write relay: real in place of simulate", "is for a service that is relayed")
			}
		}
	case r.To == "":
		d.fail(v, "add address: the base URL of the real service", "relays to nowhere")
	case dep.Kind == "openai" && r.Spend == 0:
		d.fail(v, "add spend: $0.50, the most the run may cost", "relays to a service that costs money, without a ceiling")
	case dep.Kind != "openai" && r.Calls == 0:
		d.fail(v, "add calls: 500, the most the run may make", "relays to a real service without a ceiling")
	}
}

// calendar reads the model of a calendar service.
func (d *decoder) calendar(v value, c *Calendar) {
	d.object(v,
		field{"latency", scalar(d, &c.Latency, fault.ParseDist)},
		field{"write_latency", scalar(d, &c.WriteLatency, fault.ParseDist)},
		field{"calendars", list(d, &c.Calendars, matching(`[^\s/?#]{1,128}`, "use the calendar's id, such as primary or an e-mail address"))},
		field{"time_zone", scalar(d, &c.TimeZone, timeZone)},
		field{"busy", scalar(d, &c.Busy, share)},
		field{"requests_per_minute", scalar(d, &c.RequestsPerMinute, count(1_000_000_000))},
		field{"user_requests_per_minute", scalar(d, &c.UserRequestsPerMinute, count(1_000_000_000))},
		field{"faults", list(d, &c.Faults, fault.ParseRule)},
		field{"credentials_env", list(d, &c.CredentialsEnv, variable)},
		field{"fitted", d.fitted(&c.Source)},
	)
	d.sourceOf(v, &c.Source, "latency", "write_latency")
}

// http reads the answers of a service of any kind.
func (d *decoder) http(v value, h *HTTP) {
	d.object(v,
		field{"latency", scalar(d, &h.Latency, fault.ParseDist)},
		field{"routes", func(v value) {
			for item := range d.items(v) {
				h.Routes = append(h.Routes, d.route(item))
			}
		}},
		field{"faults", list(d, &h.Faults, fault.ParseRule)},
		field{"replay", scalar(d, &h.Replay, d.located)},
		field{"fitted", d.fitted(&h.Source)},
	)
	d.sourceOf(v, &h.Source, "latency", "routes")
}

// route reads {on: "GET /v1/orders/*", status: 200, json: {...}}.
func (d *decoder) route(v value) Route {
	r := Route{Status: http.StatusOK}
	var body, latency bool
	var wait fault.Dist
	var on string
	give := func(contentType string, read func(value)) func(value) {
		return func(v value) {
			if body {
				d.fail(v, "keep one", "a route has one answer: json or text")
			}
			body = true
			if _, own := r.Header["Content-Type"]; !own {
				r.Header = merged(r.Header, "Content-Type", contentType)
			}
			read(v)
		}
	}
	d.object(v,
		field{"on", scalar(d, &on, func(s string) (string, error) {
			var err error
			r.Method, r.Path, err = routePattern(s)
			return s, err
		})},
		field{"status", scalar(d, &r.Status, func(s string) (int, error) {
			n, err := count(599)(s)
			if err == nil && n < 200 {
				err = flawf("use one from 200 to 599", "%q is not the status of an answer", s)
			}
			return n, err
		})},
		field{"header", func(v value) {
			for name, text := range d.headers(v) {
				r.Header = merged(r.Header, http.CanonicalHeaderKey(name), text.Reveal())
			}
		}},
		field{"json", give("application/json", func(v value) {
			text, err := json.Marshal(d.json(v, 1))
			if err != nil {
				d.fail(v, "", "cannot be written as JSON: %v", err)
			}
			r.Body = string(text)
		})},
		field{"text", give("text/plain; charset=utf-8", scalar(d, &r.Body, anyText))},
		field{"latency", func(v value) { latency = true; scalar(d, &wait, fault.ParseDist)(v) }},
	)
	if latency {
		r.Latency = &wait
	}
	if on == "" && !d.given(join(v.path, "on")) {
		d.fail(v, `add on: "GET /path"`, "does not say which requests it answers")
	}
	return r
}

func merged(header map[string]string, name, value string) map[string]string {
	header = maps.Clone(header)
	if header == nil {
		header = map[string]string{}
	}
	header[name] = value
	return header
}

// routePattern reads "GET /v1/orders/*" or "/v1/**", which is for any method.
func routePattern(s string) (method, path string, err error) {
	method, path, ok := strings.Cut(s, " ")
	if !ok {
		method, path = "*", s
	}
	path = strings.TrimSpace(path)
	methods := []string{"*", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
	switch {
	case !slices.Contains(methods, method):
		return "", "", flawf("use one of "+strings.Join(methods[1:], ", "), "%q is not a method", method)
	case !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?# \t"):
		return "", "", flawf("write GET /path; * stands for one segment, ** at the end for all that follow", "%q is not a path", path)
	case strings.Contains(strings.TrimSuffix(path, "/**"), "**"):
		return "", "", flawf("put ** at the end only", "%q has ** in its middle", path)
	}
	return method, path, nil
}

// money reads the prices of a run.
func (d *decoder) money(v value, m *Money) {
	d.object(v,
		field{"prices", scalar(d, &m.Prices, d.located)},
		field{"infrastructure_per_hour", scalar(d, &m.InfrastructurePerHour, dollars)},
		field{"per_message", scalar(d, &m.PerMessage, dollars)},
	)
}

// goal reads "calendar events.insert" or {reply: "(?i)booked"}.
func (d *decoder) goal(v value) *Goal {
	g := &Goal{}
	if v.node.Kind == yaml.ScalarNode {
		scalar(d, g, func(s string) (Goal, error) {
			wire, operation, ok := strings.Cut(strings.TrimSpace(s), " ")
			if operation = strings.TrimSpace(operation); !ok || operation == "" {
				return Goal{}, flawf(`write the dependency and the call, like "calendar events.insert", or {reply: "..."}`, "%q does not say which call reaches the goal", s)
			}
			return Goal{Wire: wire, Operation: operation}, nil
		})(v)
		return g
	}
	d.object(v, field{"reply", scalar(d, &g.Reply, expression)})
	if g.Reply == nil && !d.given(join(v.path, "reply")) {
		d.fail(v, "", "needs reply: the pattern of the reply that reaches the goal")
	}
	return g
}

// checkGoals makes sure that a goal can be seen to be reached.
func (d *decoder) checkGoals(p *Plan) {
	for i, s := range p.Scenarios {
		if s.Goal == nil || s.Goal.Wire == "" {
			continue
		}
		at := slices.IndexFunc(p.Dependencies, func(dep Dependency) bool { return dep.Name == s.Goal.Wire })
		path := fmt.Sprintf("scenarios[%d].goal", i)
		switch {
		case at < 0:
			d.failPath(path, suggest(s.Goal.Wire, dependencyNames(p), "dependencies"), "there is no dependency %q", s.Goal.Wire)
		}
	}
}

func dependencyNames(p *Plan) []string {
	names := make([]string, len(p.Dependencies))
	for i := range p.Dependencies {
		names[i] = p.Dependencies[i].Name
	}
	return names
}

// sourceOf notes that the plan gives the latency by one of the keys, unless it says that it was fitted.
func (d *decoder) sourceOf(v value, source *string, keys ...string) {
	for _, key := range keys {
		if d.given(join(v.path, key)) && !d.given(join(v.path, "fitted")) {
			*source = "plan"
		}
	}
}

// fitted returns a reader of where fitted latencies come from.
func (d *decoder) fitted(source *string) func(value) {
	return scalar(d, source, func(s string) (string, error) {
		_, err := anyText(s)
		return "fitted " + s, err
	})
}

// located makes a path absolute: relative ones start at the plan's folder.
func (d *decoder) located(s string) (string, error) {
	if _, err := anyText(s); err != nil || filepath.IsAbs(s) {
		return s, err
	}
	return filepath.Join(d.dir, s), nil
}

// timeZone checks a name of the IANA database.
func timeZone(s string) (string, error) {
	if _, err := time.LoadLocation(s); err != nil || s == "" || s == "Local" {
		return "", flawf("use a name such as America/Sao_Paulo or UTC", "%q is not a time zone", s)
	}
	return s, nil
}

// dollars reads an amount: "$0.35" or "0.35".
func dollars(s string) (float64, error) {
	v, err := number(strings.TrimPrefix(strings.TrimSpace(s), "$"))
	switch {
	case err != nil:
		return 0, flawf("write it like $0.35", "%q is not an amount of US dollars", s)
	case v < 0 || v > 1e6:
		return 0, flawf("use an amount from $0 to $1,000,000", "%q is out of range", s)
	}
	return v, nil
}

// defaultCalendar is a calendar service of middling speed under Google's own quotas.
func defaultCalendar() Calendar {
	return Calendar{
		Latency:               mustDist("lognormal(p50=90ms, p95=250ms)"),
		WriteLatency:          mustDist("lognormal(p50=250ms, p95=600ms)"),
		TimeZone:              "UTC",
		Busy:                  0.3,
		RequestsPerMinute:     10_000,
		UserRequestsPerMinute: 600,
		CredentialsEnv:        []string{"GOOGLE_APPLICATION_CREDENTIALS"},
		Source:                "default",
	}
}
