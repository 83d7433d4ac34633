package plan

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// proxy reads "true", "false" or {listen: 127.0.0.1:3128}, which is on.
func (d *decoder) proxy(v value, p *Proxy) {
	if v.node.Kind == yaml.ScalarNode {
		scalar(d, &p.On, truth)(v)
		return
	}
	p.On = true
	d.object(v, field{"listen", scalar(d, &p.Listen, listenAddress)})
}

// hostLabels is what the name of a host may be. Names of containers hold underscores.
var hostLabels = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$`)

// hostName checks the name of a host that the bot calls by way of a proxy.
func hostName(s string) (string, error) {
	name := strings.TrimSuffix(strings.ToLower(s), ".")
	_, notAddress := netip.ParseAddr(strings.Trim(name, "[]"))
	switch {
	case notAddress == nil:
		return "", flawf("write the name by which the bot calls it", "%q is an address, and the proxy goes by names", s)
	case name == "localhost" || strings.HasSuffix(name, ".localhost"):
		return "", flawf("give the bot the address by env", "%q is this machine, for which no client uses a proxy", s)
	case strings.ContainsAny(name, ":/"):
		return "", flawf("write the name alone, like api.openai.com; every port of it is answered", "%q is not the name of a host", s)
	case len(name) > 253 || !hostLabels.MatchString(name):
		return "", flawf("write a name like api.openai.com", "%q is not the name of a host", s)
	}
	return name, nil
}

// defaultHosts are the names that clients of a kind of service have built in.
func defaultHosts(kind string) []string {
	switch kind {
	case "openai":
		return []string{"api.openai.com"}
	case "calendar":
		// The token endpoint, and the two hosts of the API.
		return []string{"www.googleapis.com", "oauth2.googleapis.com", "calendar-json.googleapis.com"}
	default:
		return nil // nobody can guess them
	}
}

// resolveHosts gives services the hosts of their kind, or of the real service they are relayed to, unless
// the plan names hosts or another service has them. The proxy is on by default if parley starts the bot and a host is known.
func (d *decoder) resolveHosts(p *Plan) {
	taken := slices.Clone(p.Target.Evolution.Hosts)
	for _, dep := range p.Dependencies {
		taken = append(taken, dep.Hosts...)
	}
	for i := range p.Dependencies {
		dep := &p.Dependencies[i]
		if !dep.StandsIn() || d.given(join(join("dependencies", dep.Name), "hosts")) {
			continue
		}
		hosts := defaultHosts(dep.Kind)
		if dep.Relay != nil {
			if u, err := url.Parse(dep.Relay.To); err == nil && !isLoopback(u.Hostname()) {
				if host, err := hostName(u.Hostname()); err == nil {
					hosts = []string{host}
				}
			}
		}
		for _, host := range hosts {
			if !slices.Contains(taken, host) {
				dep.Hosts = append(dep.Hosts, host)
				taken = append(taken, host)
			}
		}
	}
	if !d.given("target.proxy") {
		p.Target.Proxy.On = len(p.Target.Command) > 0 && len(taken) > 0
	}
}

// Hosts are all hosts that the proxy answers.
func (p *Plan) Hosts() []string {
	hosts := slices.Clone(p.Target.Evolution.Hosts)
	for i := range p.Dependencies {
		hosts = append(hosts, p.Dependencies[i].Hosts...)
	}
	return hosts
}

// checkHosts finds hosts that two services would answer for, a proxy that has none, and variables that would lead around the proxy.
func (d *decoder) checkHosts(p *Plan) {
	owner := map[string]string{}
	claim := func(path string, hosts []string) {
		for i, host := range hosts {
			if other, taken := owner[host]; taken {
				d.failPath(fmt.Sprintf("%s[%d]", path, i), "keep one", "%s is answered by %s", host, other)
				continue
			}
			owner[host] = path
		}
	}
	claim("target.evolution.hosts", p.Target.Evolution.Hosts)
	for _, dep := range p.Dependencies {
		claim(join(join("dependencies", dep.Name), "hosts"), dep.Hosts)
	}
	if !p.Target.Proxy.On {
		return
	}
	if len(owner) == 0 && d.given("target.proxy") {
		d.failPath("target.proxy", "add hosts: [api.example.com] to a dependency, or set target.proxy: false", "a proxy that no host is known for")
	}
	for name := range p.Target.Env {
		if slices.Contains([]string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}, strings.ToUpper(name)) {
			d.failPath(join("target.env", name), "remove it, or set target.proxy: false", "would take the place of parley's own proxy")
		}
	}
}
