package plan

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"parley/internal/fault"
)

func kinds() []string { return []string{"openai", "calendar", "http", "postgres", "redis"} }

// simulable reports whether parley can stand in for services of a kind.
func simulable(kind string) bool { return kind == "openai" || kind == "calendar" || kind == "http" }

// dependencies reads the services the bot calls, in the file's order.
func (d *decoder) dependencies(v value, into *[]Dependency) {
	for key, c := range d.entries(v, "a mapping of names to services") {
		name, err := dependencyName(key.node.Value)
		if err != nil {
			d.reject(key, err)
			continue
		}
		if d.visit(c) {
			*into = append(*into, d.dependency(c, name))
		}
	}
}

// dependencyName checks a name which becomes the name of a wire. Those of the
// platform and of the other parts of a reply's time are taken.
func dependencyName(s string) (string, error) {
	if slices.Contains([]string{"evolution", "bot", "retry"}, s) {
		return "", flawf("choose another name, and give the kind: {kind: openai}", "the name %q is taken by a part of every reply", s)
	}
	return matching(`[a-z][a-z0-9_-]{0,31}`, "use small letters, digits, _ and -, beginning with a letter")(s)
}

// dependency reads one service. Its keys depend on its kind.
func (d *decoder) dependency(v value, name string) Dependency {
	dep := Dependency{Name: name, Kind: d.kind(v, name)}
	if dep.Kind == "" {
		return dep
	}
	dep.Env, dep.Listen = defaultEnv(dep.Kind), freeLoopbackPort
	if v.node.Kind == yaml.ScalarNode {
		hint := "write {address: private}, and parley starts one"
		if simulable(dep.Kind) {
			hint = "write {simulate: true}, and parley stands in for it"
		}
		d.fail(v, hint, "must be a mapping, not a single value")
		return dep
	}
	fields := []field{
		{"kind", func(value) {}}, // read above
		{"env", list(d, &dep.Env, variable)},
		{"listen", scalar(d, &dep.Listen, listenAddress)},
		{"canary", func(v value) {
			var canary string
			scalar(d, &canary, oneOf("values", "required", "optional"))(v)
			dep.Optional = canary == "optional"
		}},
	}
	if !simulable(dep.Kind) {
		dep.Private = true
		imitate := field{"simulate", func(v value) {
			d.fail(v, "write address: private, and parley starts a real one", "%s is not simulated", dep.Kind)
		}}
		d.objectOr(v, []field{imitate}, append(fields, d.served(&dep)...)...)
		return dep
	}
	before := len(d.errs)
	relay := &Relay{}
	fields = append(fields, field{"hosts", list(d, &dep.Hosts, hostName)})
	d.object(v, slices.Concat(fields, d.simulated(&dep), d.relayed(&dep, relay))...)
	if len(d.errs) == before {
		d.checkStandIn(v, &dep, relay)
	}
	return dep
}

// kind returns the kind of a service, which its name may tell; empty if nothing
// does, and then it has said so.
func (d *decoder) kind(v value, name string) string {
	if v.node.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(v.node.Content); i += 2 {
			if v.node.Content[i].Value != "kind" {
				continue
			}
			var kind string
			if c := child(v.node.Content[i+1], join(v.path, "kind")); d.visit(c) {
				scalar(d, &kind, oneOf("kinds", kinds()...))(c)
			}
			return kind
		}
	}
	if !slices.Contains(kinds(), name) {
		if key, ok := misspeltKind(v); ok {
			d.fail(key, suggest(key.node.Value, []string{"kind"}, "keys"), "unknown key")
			return ""
		}
		d.fail(v, suggest(name, kinds(), "kinds")+" (or give it one: {kind: openai})", "%q is not the name of a kind of service", name)
		return ""
	}
	return name
}

// misspeltKind finds the key of a mapping that was meant to be kind.
func misspeltKind(v value) (key value, ok bool) {
	if v.node.Kind != yaml.MappingNode {
		return value{}, false
	}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key = child(v.node.Content[i], join(v.path, v.node.Content[i].Value))
		if len(nearest(key.node.Value, []string{"kind"})) > 0 {
			return key, true
		}
	}
	return value{}, false
}

// simulated returns the keys of a service parley stands in for.
func (d *decoder) simulated(dep *Dependency) []field {
	model := map[string]func(value){
		"openai":   func(v value) { d.openai(v, &dep.OpenAI) },
		"calendar": func(v value) { d.calendar(v, &dep.Calendar) },
		"http":     func(v value) { d.http(v, &dep.HTTP) },
	}[dep.Kind]
	switch dep.Kind {
	case "openai":
		dep.OpenAI = defaultOpenAI()
	case "calendar":
		dep.Calendar = defaultCalendar()
	case "http":
		dep.HTTP = HTTP{Source: "default"}
	}
	return []field{
		{"simulate", func(v value) {
			dep.Simulate = true
			if v.node.Kind == yaml.ScalarNode {
				scalar(d, &dep.Simulate, truth)(v)
				if !dep.Simulate {
					d.fail(v, "write simulate: true, or relay: real", "there is no other way than to simulate it or to relay to the real one")
				}
				return
			}
			model(v)
		}},
	}
}

// served returns the keys of a service that is a real server: one of parley's
// own, or the user's.
func (d *decoder) served(dep *Dependency) []field {
	schemes := []string{"redis", "rediss"}
	if dep.Kind == "postgres" {
		schemes = []string{"postgres", "postgresql"}
	}
	return []field{
		{"address", func(v value) {
			var address Secret
			scalar(d, &address, serverAddress(schemes))(v)
			if dep.Private = address == "private"; !dep.Private {
				dep.Address = address
			}
		}},
		{"faults", list(d, &dep.Faults, wireFault)},
	}
}

// wireFault reads a rule for the wire to a real server, whose answers parley passes on as they are.
func wireFault(s string) (fault.Rule, error) {
	r, err := fault.ParseRule(s)
	if err == nil && !r.Wire() {
		return r, flawf("write delay, hang, cut or reset", "the answers are those of a real server, and cannot be replaced")
	}
	return r, err
}

// serverAddress accepts "private" or a URL. The URL may hold a password, so
// that nothing of it stands in the error.
func serverAddress(schemes []string) func(string) (Secret, error) {
	return func(s string) (Secret, error) {
		if s == "private" {
			return "private", nil
		}
		u, err := url.Parse(s)
		if err != nil || !slices.Contains(schemes, u.Scheme) || u.Hostname() == "" {
			return "", flawf(fmt.Sprintf("write private, or %s://user:password@127.0.0.1/name", schemes[0]), "neither private nor a %s URL", schemes[0])
		}
		return Secret(s), nil
	}
}

// openai reads the model of a language model service.
func (d *decoder) openai(v value, o *OpenAI) {
	d.object(v,
		field{"api_key", scalar(d, &o.APIKey, secret)},
		field{"first_token", scalar(d, &o.FirstToken, fault.ParseDist)},
		field{"per_token", scalar(d, &o.PerToken, fault.ParseDist)},
		field{"per_prompt_token", scalar(d, &o.PerPromptToken, span(0, time.Second))},
		field{"per_call_in_flight", scalar(d, &o.PerCallInFlight, share)},
		field{"requests_per_minute", scalar(d, &o.RequestsPerMinute, count(1_000_000_000))},
		field{"tokens_per_minute", scalar(d, &o.TokensPerMinute, count(1_000_000_000))},
		field{"embedding", scalar(d, &o.Embedding, fault.ParseDist)},
		field{"transcription", scalar(d, &o.Transcription, fault.ParseDist)},
		field{"per_audio_second", scalar(d, &o.PerAudioSecond, span(0, time.Minute))},
		field{"faults", list(d, &o.Faults, fault.ParseRule)},
		field{"replay", scalar(d, &o.Replay, d.located)},
		field{"fitted", d.fitted(&o.Source)},
		field{"script", func(v value) {
			for item := range d.items(v) {
				o.Script = append(o.Script, d.line(item))
			}
		}},
	)
	d.sourceOf(v, &o.Source, "first_token", "per_token", "per_prompt_token", "per_call_in_flight", "embedding", "transcription", "per_audio_second")
}

// line reads a line of the simulated model's script.
func (d *decoder) line(v value) Line {
	var l Line
	before := len(d.errs)
	d.object(v,
		field{"when", scalar(d, &l.When, expression)},
		field{"say", scalar(d, &l.Say, anyText)},
		field{"call", scalar(d, &l.Call, matching(`[A-Za-z0-9_-]{1,64}`, "use up to 64 letters, digits, _ and -, as function names are"))},
		field{"arguments", func(v value) { l.Arguments = d.arguments(v) }},
	)
	switch {
	case len(d.errs) > before:
	case l.When == nil:
		d.fail(v, `write {when: ".*", ...} for a line that always applies`, "does not say when it applies")
	case l.Say == "" && l.Call == "":
		d.fail(v, "add say or call", "says nothing and calls nothing")
	case l.Say != "" && l.Call != "":
		d.fail(v, "split it into two lines", "has both say and call")
	case l.Arguments != nil && l.Call == "":
		d.fail(v, "", "has arguments but no call")
	}
	return l
}

// arguments reads the arguments of a call as JSON would hold them.
func (d *decoder) arguments(v value) map[string]any {
	all := map[string]any{}
	for key, c := range d.entries(v, "a mapping of names to values") {
		all[key.node.Value] = d.json(c, 1)
	}
	return all
}

// json reads a value of any type. Unlike elsewhere null is a value.
func (d *decoder) json(v value, depth int) any {
	const deepest = 16
	null := v.node.ShortTag() == "!!null"
	switch {
	case depth > deepest:
		d.fail(v, "", "is nested deeper than %d levels", deepest)
		return nil
	case null || !d.visit(v):
		return nil
	case v.node.Kind == yaml.MappingNode:
		all := map[string]any{}
		for key, c := range d.entries(v, "a mapping") {
			all[key.node.Value] = d.json(c, depth+1)
		}
		return all
	case v.node.Kind == yaml.SequenceNode:
		all := make([]any, 0, len(v.node.Content))
		for i, n := range v.node.Content {
			all = append(all, d.json(child(n, fmt.Sprintf("%s[%d]", v.path, i)), depth+1))
		}
		return all
	}
	return d.jsonScalar(v)
}

// jsonScalar reads what is written like a number or a truth value as one, and
// the rest as text.
func (d *decoder) jsonScalar(v value) any {
	text, ok := d.text(v)
	if !ok || v.node.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		return text
	}
	if b, err := strconv.ParseBool(text); err == nil && v.node.ShortTag() == "!!bool" {
		return b
	}
	if json.Valid([]byte(text)) && strings.IndexByte("-0123456789", text[0]) >= 0 {
		return json.Number(text)
	}
	return text
}
