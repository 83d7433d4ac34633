package plan

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"parley/internal/fault"
)

// target reads the bot under test.
func (d *decoder) target(v value, t *Target, dir string) {
	if v.node.Kind == yaml.ScalarNode {
		d.fail(v, "write target: {webhook: ...}", "must be a mapping, not a single value")
		return
	}
	d.object(v,
		field{"platform", scalar(d, &t.Platform, oneOf("platforms", "evolution"))},
		field{"webhook", scalar(d, &t.Webhook, webURL)},
		field{"ready", scalar(d, &t.Ready, webURL)},
		field{"start_timeout", scalar(d, &t.StartTimeout, span(time.Second, time.Hour))},
		field{"command", d.command(&t.Command)},
		field{"setup", d.command(&t.Setup)},
		field{"dir", scalar(d, &t.Dir, func(s string) (string, error) {
			if _, err := anyText(s); err != nil || filepath.IsAbs(s) {
				return s, err
			}
			return filepath.Join(dir, s), nil
		})},
		field{"env", func(v value) { t.Env = d.variables(v) }},
		field{"allow_remote", scalar(d, &t.AllowRemote, truth)},
		field{"data", scalar(d, &t.Data, oneOf("kinds of data", "disposable"))},
		field{"proxy", func(v value) { d.proxy(v, &t.Proxy) }},
		field{"probe", func(v value) { d.probe(v, &t.Probe) }},
		field{"evolution", func(v value) { d.evolution(v, &t.Evolution) }},
	)
}

func (d *decoder) evolution(v value, e *Evolution) {
	d.object(v,
		field{"version", scalar(d, &e.Version, oneOf("versions", "v2", "v1"))},
		field{"lenient", scalar(d, &e.Lenient, truth)},
		field{"jwt_key", scalar(d, &e.JWTKey, secret)},
		field{"media", scalar(d, &e.Media, oneOf("ways", "api", "base64", "url"))},
		field{"instance", scalar(d, &e.Instance, matching(`[^/?#\s]{1,64}`, "use up to 64 characters that can stand in a URL's path"))},
		field{"api_key", scalar(d, &e.APIKey, secret)},
		field{"number", scalar(d, &e.Number, matching(`[0-9]{8,15}`, "write 8 to 15 digits with the country code, without + or spaces"))},
		field{"by_events", scalar(d, &e.ByEvents, truth)},
		field{"headers", func(v value) { e.Headers = d.headers(v) }},
		field{"echo", scalar(d, &e.Echo, truth)},
		field{"statuses", scalar(d, &e.Statuses, truth)},
		field{"retry", func(v value) { d.retry(v, &e.Retry) }},
		field{"listen", scalar(d, &e.Listen, listenAddress)},
		field{"env", list(d, &e.Env, variable)},
		field{"hosts", list(d, &e.Hosts, hostName)},
		field{"send_latency", scalar(d, &e.SendLatency, fault.ParseDist)},
		field{"faults", list(d, &e.Faults, fault.ParseRule)},
	)
	if d.given(join(v.path, "send_latency")) {
		e.Source = "plan"
	}
}

func (d *decoder) retry(v value, r *Retry) {
	before := len(d.errs)
	d.object(v,
		field{"attempts", scalar(d, &r.Attempts, count(100))},
		field{"initial_delay", scalar(d, &r.InitialDelay, span(time.Millisecond, time.Hour))},
		field{"max_delay", scalar(d, &r.MaxDelay, span(time.Millisecond, time.Hour))},
		field{"timeout", scalar(d, &r.Timeout, span(time.Millisecond, time.Hour))},
	)
	if len(d.errs) == before && r.MaxDelay < r.InitialDelay {
		d.failPath(join(v.path, "max_delay"), "", "%s is shorter than initial_delay, %s", brief(r.MaxDelay), brief(r.InitialDelay))
	}
}

// variables reads environment variables by name. Values may be empty.
func (d *decoder) variables(v value) map[string]string {
	all := map[string]string{}
	for key, c := range d.entries(v, "a mapping of names to values") {
		name := key.node.Value
		if _, err := variable(name); err != nil {
			d.reject(key, err)
		} else if d.visit(c) {
			if text, ok := d.text(c); ok {
				all[name] = text
			}
		}
	}
	return all
}

// headers reads the header fields of webhooks.
func (d *decoder) headers(v value) map[string]Secret {
	all := map[string]Secret{}
	for key, c := range d.entries(v, "a mapping of names to values") {
		name := key.node.Value
		if name == "" || strings.ContainsFunc(name, notToken) {
			d.fail(key, "use letters, digits and dashes", "%q cannot name a header field", name)
			continue
		}
		if !d.visit(c) {
			continue
		}
		text, ok := d.text(c)
		if ok && strings.ContainsAny(text, "\r\n\x00") {
			d.fail(c, "", "a header field cannot hold a line break")
			continue
		}
		all[name] = Secret(text)
	}
	return all
}

// notToken reports whether a character cannot stand in the name of a header
// field (RFC 9110, section 5.6.2).
func notToken(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

// listenAddress checks an address a simulator listens on.
func listenAddress(s string) (string, error) {
	a, err := netip.ParseAddrPort(strings.Replace(s, "localhost:", "127.0.0.1:", 1))
	if err != nil {
		return "", flawf("write 127.0.0.1:0 for a free port", "%q is not an address and a port", s)
	}
	return a.String(), nil
}

// command returns a reader of a command: a list of words, or one text that is
// split into words.
func (d *decoder) command(into *[]string) func(value) {
	return func(v value) {
		if v.node.Kind != yaml.ScalarNode {
			list(d, into, func(s string) (string, error) { return s, nil })(v)
			return
		}
		*into = nil
		words, err := splitWords(v.node.Value)
		if err != nil {
			d.reject(v, err)
			return
		}
		// The environment is filled in after the split: its spaces part no words.
		for _, word := range words {
			text, err := d.env.expand(word.text, v.path)
			if f, ok := errors.AsType[*flaw](err); ok {
				f.offset += word.offset
				d.reject(v, f)
				return
			}
			*into = append(*into, text)
		}
		if name, _, ok := strings.Cut(words[0].text, "="); ok && variableName.MatchString(name) {
			d.reject(v, flawf("put "+name+" in target.env, or write [sh, -c, \"...\"]", "a variable before the command needs a shell, and commands run without one"))
		}
	}
}

// word is one word of a command, and where it begins.
type word struct {
	text   string
	offset int
}

// splitWords splits a command at spaces, except within quotes. There is no
// shell: what only a shell could do is an error rather than an argument.
func splitWords(s string) ([]word, error) {
	var words []word
	var current strings.Builder
	var quote rune
	start, opened := -1, 0
	for i, r := range s {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, opened = r, i
			if start < 0 {
				start = i
			}
		case quote == 0 && strings.ContainsRune(" \t\r\n", r):
			if start >= 0 {
				words = append(words, word{current.String(), start})
				current.Reset()
				start = -1
			}
		case quote == 0 && strings.ContainsRune("|&;<>`", r):
			return nil, &flaw{i, fmt.Sprintf("%q needs a shell, and commands run without one", r), `put it in quotes, or write [sh, -c, "..."]`}
		default:
			if start < 0 {
				start = i
			}
			current.WriteRune(r)
		}
	}
	if quote != 0 {
		return nil, &flaw{opened, fmt.Sprintf("the quote %c is never closed", quote), ""}
	}
	if start >= 0 {
		words = append(words, word{current.String(), start})
	}
	if len(words) == 0 {
		return nil, flawf("", "is empty")
	}
	return words, nil
}
