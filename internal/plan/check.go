package plan

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"parley"
)

// check holds the values of a plan against each other.
func (d *decoder) check(p *Plan) {
	if d.visits > maxVisits {
		return // it was not read to its end
	}
	if len(d.instead) > 0 {
		p.Target.Command = d.instead
	}
	d.resolveHosts(p)
	d.checkTarget(&p.Target)
	if len(p.Scenarios) == 0 && !d.given("scenarios") {
		d.failPath("scenarios", "write scenarios: [{turns: [Hi there]}]", "is missing")
	}
	d.checkDependencies(p)
	d.checkGoals(p)
	d.checkPorts(p)
	d.checkHosts(p)
	d.checkVariables(p)
	d.checkPhases(&p.Load)
	d.checkCeilings(p)
}

func (d *decoder) checkTarget(t *Target) {
	if !d.given("target.webhook") {
		d.failPath("target.webhook", "write the URL where the bot takes webhooks", "is missing")
	}
	d.checkURL("target.webhook", t.Webhook, t.AllowRemote)
	d.checkURL("target.ready", t.Ready, t.AllowRemote)
	d.checkListen("target.evolution.listen", t.Evolution.Listen, t.AllowRemote)
	d.checkListen("target.proxy.listen", t.Proxy.Listen, t.AllowRemote)
	for path, text := range map[string]string{"target.webhook": t.Webhook, "target.ready": t.Ready} {
		if strings.Contains(text, portReference) && !d.given("target.command") && len(d.instead) == 0 {
			d.failPath(path, "write the port of the running bot, or give target.command", "${PORT} is for a bot that parley starts, and there is no command")
		}
	}
}

// checkURL holds a URL's host against allow_remote. In PostgreSQL's URLs
// parameters can name other hosts, which win over the one in its place.
func (d *decoder) checkURL(path, text string, remote bool) {
	u, err := url.Parse(strings.ReplaceAll(text, portReference, "1"))
	if err != nil || text == "" || remote {
		return
	}
	hosts := []string{u.Hostname()}
	if strings.HasPrefix(u.Scheme, "postgres") {
		hosts = slices.Concat(hosts, u.Query()["host"], u.Query()["hostaddr"])
	}
	for _, host := range hosts {
		if !isLoopback(host) {
			d.failPath(path, "use 127.0.0.1, or set target.allow_remote: true if you may load that machine", "%s is not this machine", host)
			return
		}
	}
}

// checkListen keeps simulators off the network.
func (d *decoder) checkListen(path, address string, remote bool) {
	if a, err := netip.ParseAddrPort(address); err != nil || remote || a.Addr().IsLoopback() {
		return
	}
	d.failPath(path, "listen on 127.0.0.1, or set target.allow_remote: true", "other machines could reach %s", address)
}

func (d *decoder) checkDependencies(p *Plan) {
	for _, dep := range p.Dependencies {
		path := join("dependencies", dep.Name)
		d.checkListen(join(path, "listen"), dep.Listen, p.Target.AllowRemote)
		if dep.Relay != nil {
			d.checkURL(join(path, "address"), dep.Relay.To, p.Target.AllowRemote)
		}
		proxied := p.Target.Proxy.On && len(dep.Hosts) > 0
		if dep.Kind == "http" && len(dep.Env) == 0 && !d.given(join(path, "env")) && !proxied {
			d.failPath(path, "add env: [ORDERS_URL], the variables that carry its address to the bot, or hosts: [orders.example], the names by which it is called", "gives its address to nobody")
		}
		if dep.Address == "" {
			continue
		}
		address := join(path, "address")
		d.checkURL(address, dep.Address.Reveal(), p.Target.AllowRemote)
		if p.Target.Data != "disposable" {
			d.failPath(address, "write private, or set target.data: disposable if all that it holds may be lost", "the bot would write to a database that parley did not start")
		}
	}
}

// checkPorts finds addresses of which two would listen on one. A free port is nobody's.
func (d *decoder) checkPorts(p *Plan) {
	taken := map[string]string{}
	if u, err := url.Parse(strings.ReplaceAll(p.Target.Webhook, portReference, "0")); err == nil {
		taken[strings.Replace(u.Host, "localhost:", "127.0.0.1:", 1)] = "target.webhook, where the bot listens"
	}
	claim := func(path, address string) {
		if a, err := netip.ParseAddrPort(address); err != nil || a.Port() == 0 {
			return
		}
		if other, ok := taken[address]; ok {
			d.failPath(path, "choose another port, or 127.0.0.1:0 for a free one", "%s is taken by %s", address, other)
			return
		}
		taken[address] = path
	}
	claim("target.evolution.listen", p.Target.Evolution.Listen)
	claim("target.proxy.listen", p.Target.Proxy.Listen)
	for _, dep := range p.Dependencies {
		claim(join(join("dependencies", dep.Name), "listen"), dep.Listen)
	}
}

// checkVariables finds variables of the bot's environment that two sources would
// set: whichever wins, one wire would not end in parley.
func (d *decoder) checkVariables(p *Plan) {
	carries := map[string]string{}
	claim := func(path string, names []string) {
		for i, name := range names {
			at := fmt.Sprintf("%s[%d]", path, i)
			if !d.given(at) {
				at = path
			}
			if other, taken := carries[name]; taken {
				d.failPath(at, "give each service a variable of its own", "%s is taken by %s", name, other)
				continue
			}
			carries[name] = path
		}
	}
	claim("target.evolution.env", p.Target.Evolution.Env)
	for _, dep := range p.Dependencies {
		claim(join(join("dependencies", dep.Name), "env"), dep.Env)
	}
	if _, own := p.Target.Env["PORT"]; own && strings.Contains(p.Target.Webhook, portReference) {
		d.failPath("target.env.PORT", "remove it", "parley sets PORT itself, since target.webhook holds ${PORT}")
	}
	for name := range p.Target.Env {
		if other, taken := carries[name]; taken {
			d.failPath(join("target.env", name), "remove it", "would take the place of the address that %s gives the bot", other)
		}
	}
}

func (d *decoder) checkPhases(l *Load) {
	for i, p := range l.Phases {
		if p.Kind != parley.Ramp {
			continue
		}
		path := fmt.Sprintf("load.phases[%d].ramp", i)
		if p.To <= p.Rate {
			d.failPath(join(path, "to"), "", "%g is not above from, %g", p.To, p.Rate)
		}
		if p.Step > p.Duration {
			d.failPath(join(path, "step"), "", "%s is longer than the ramp, %s", brief(p.Step), brief(p.Duration))
		}
	}
}

// checkCeilings holds the load against the plan's own ceilings, at its worst: every
// conversation the longest, every ramp at its top.
func (d *decoder) checkCeilings(p *Plan) {
	worst := 0
	for _, s := range p.Scenarios {
		worst = max(worst, s.most())
	}
	for i, phase := range p.Load.Phases {
		top := p.Load.ConversationsPerHour * max(phase.Rate, phase.To)
		perHour := top * float64(worst)
		if perHour <= p.Safety.MessagesPerHour || phase.Kind == parley.Solo { // one user at a time, whatever the rate
			continue
		}
		d.failCeiling(d.cause(i, phase), "safety.messages_per_hour",
			"up to %.0f messages an hour (%.0f conversations of the longest scenario) are above the ceiling of %.0f",
			perHour, top, p.Safety.MessagesPerHour)
	}
	d.checkSize(p)
}

// failCeiling reports a load above a ceiling, at whichever of the two the file holds.
func (d *decoder) failCeiling(path, ceiling, problem string, args ...any) {
	at := path
	if !d.given(path) && d.given(ceiling) {
		at = ceiling
	}
	d.failPath(at, "ask for less, or raise "+ceiling, problem, args...)
}

// cause returns the path of what sets a phase's rate.
func (d *decoder) cause(i int, phase Phase) string {
	path := fmt.Sprintf("load.phases[%d].%s", i, phase.Kind)
	switch {
	case phase.Kind == parley.Ramp:
		return join(path, "to")
	case d.given(join(path, "rate")):
		return join(path, "rate")
	default:
		return "load.conversations_per_hour"
	}
}

// checkSize holds the crowd and the length of the run against their ceilings.
func (d *decoder) checkSize(p *Plan) {
	if p.Load.Concurrency > p.Safety.Users {
		if d.given("load.concurrency") {
			d.failCeiling("load.concurrency", "safety.users", "%d open conversations are above the ceiling of %d users", p.Load.Concurrency, p.Safety.Users)
		}
		p.Load.Concurrency = p.Safety.Users
	}
	var total time.Duration
	for _, phase := range p.Load.Phases {
		total += phase.Duration
	}
	if total > p.Safety.Duration {
		d.failCeiling("load.phases", "safety.duration", "the phases take %s, above the ceiling of %s", brief(total), brief(p.Safety.Duration))
	}
}
