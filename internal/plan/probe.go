package plan

import (
	"net/url"
	"time"

	"go.yaml.in/yaml/v4"
)

// Probe is the GET that parley sends to an idle route of the bot, at the webhook's host, while it plays the load: what takes long to
// answer it is the bot as a whole, not one conversation.
type Probe struct {
	On   bool   `json:"on"`
	Path string `json:"path,omitempty"`
	// Every is from one probe to the next, unless that one still waits.
	Every time.Duration `json:"every_ns,omitempty"`
}

// Limits of probe.every: the least at which a probe is no load, and the most at which it still tells anything.
const (
	leastProbe = 20 * time.Millisecond
	mostProbe  = time.Minute
)

// probe reads "off", "on" or a mapping.
func (d *decoder) probe(v value, p *Probe) {
	if v.node.Kind == yaml.ScalarNode {
		scalar(d, &p.On, onOff)(v)
		return
	}
	p.On = true
	d.object(v,
		field{"path", scalar(d, &p.Path, probePath)},
		field{"every", scalar(d, &p.Every, span(leastProbe, mostProbe))},
	)
}

func onOff(s string) (bool, error) {
	switch s {
	case "on", "true":
		return true, nil
	case "off", "false":
		return false, nil
	}
	return false, flawf("write off, on, or {path: /health, every: 100ms}", "%q is neither on nor off", s)
}

// probePath checks the path of a URL. A query is refused: it may hold a key, and the path stands in the record.
func probePath(s string) (string, error) {
	const hint = "write a path alone, like /health"
	if _, err := matching(`/([^/\s?#{}][^\s?#{}]*)?`, hint)(s); err != nil {
		return "", err
	}
	if _, err := url.Parse(s); err != nil {
		return "", flawf(hint, "%q is not the path of a URL", s)
	}
	return s, nil
}

// nowhere is a route that no bot has: what answers 404 does no work. That of ready often asks the databases, and those calls would stand
// among the turns' own.
const nowhere = "/.well-known/parley-probe"

// resolve fills in the path.
func (p *Probe) resolve() {
	switch {
	case !p.On:
		*p = Probe{}
	case p.Path == "":
		p.Path = nowhere
	}
}
