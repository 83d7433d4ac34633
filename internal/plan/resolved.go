package plan

import (
	"encoding/json"
	"net/url"
	"strings"
)

// Resolved returns the plan as it will be run, defaults filled in, without
// secrets: keys, header values and database addresses read "<secret>", the
// bot's environment is left out, a URL's password and query are hidden, and
// ${NAME} stands where a value of at least four characters came from parley's
// own environment.
func (p *Plan) Resolved() json.RawMessage {
	public := *p
	public.Target.Webhook = publicURL(p.Target.Webhook)
	public.Target.Ready = publicURL(p.Target.Ready)
	text, err := json.Marshal(&public)
	if err != nil {
		// Every value was checked when it was read: numbers are finite, and no type refuses to be written.
		panic("BUG: resolved plan: " + err.Error())
	}
	if p.env == nil {
		return text
	}
	return hideStrings(text, p.env)
}

// Redact puts ${NAME} where a value of at least four characters that the plan
// took from the environment stands in text: a command or an address made from the plan, say.
func (p *Plan) Redact(text string) string {
	if p.env == nil {
		return text
	}
	return p.env.hide(text)
}

// hideStrings hides values of the environment in the strings of compact JSON,
// but not in its keys.
func hideStrings(text []byte, env *environment) []byte {
	hider := env.hider()
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		if text[i] != '"' {
			out = append(out, text[i])
			i++
			continue
		}
		end := i + 1
		for ; text[end] != '"'; end++ {
			if text[end] == '\\' {
				end++
			}
		}
		literal := text[i : end+1]
		i = end + 1
		var content string
		if isKey := i < len(text) && text[i] == ':'; !isKey && json.Unmarshal(literal, &content) == nil {
			if hidden := hider.Replace(content); hidden != content {
				literal, _ = json.Marshal(hidden) // a string can always be written
			}
		}
		out = append(out, literal...)
	}
	return out
}

// publicURL hides what of a URL may be secret: the user, the password and the
// values of the query. ${PORT} stays.
func publicURL(text string) string {
	const port = "1" // stands for ${PORT} while the URL is taken apart
	u, err := url.Parse(strings.ReplaceAll(text, portReference, port))
	if err != nil || text == "" {
		return ""
	}
	before, rest, _ := strings.Cut(text, "://")
	if at := strings.LastIndexByte(authority(rest), '@'); u.User != nil && at >= 0 {
		rest = "<secret>@" + rest[at+1:]
	}
	rest, fragment, hasFragment := strings.Cut(rest, "#")
	if path, query, ok := strings.Cut(rest, "?"); ok {
		rest = path + "?" + publicQuery(query)
	}
	if hasFragment && fragment != "" {
		rest += "#<secret>"
	}
	return before + "://" + rest
}

// authority is the part of a URL between // and the path.
func authority(rest string) string {
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		return rest[:end]
	}
	return rest
}

// publicQuery keeps the names of a query's parameters and hides their values.
func publicQuery(query string) string {
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		if name, _, ok := strings.Cut(pair, "="); ok {
			pairs[i] = name + "=<secret>"
		} else if pair != "" {
			pairs[i] = "<secret>"
		}
	}
	return strings.Join(pairs, "&")
}
