package engine

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"parley/internal/plan"
	"parley/internal/target"
)

// Variables are those that point a bot at the ends of its wires in parley, and what stands in the way of giving them before a run.
type Variables struct {
	Env map[string]string
	// Unset are keys of the plan without which the addresses are known only while a run goes on.
	Unset []string
	// Notes tell what the variables do not hold.
	Notes []string
}

// VariablesOf returns the variables for a bot that parley does not start. They are whole only if nothing is unset.
func VariablesOf(p *plan.Plan) (Variables, error) {
	v := Variables{}
	e := p.Target.Evolution
	v.fixed("target.evolution.listen", e.Listen)
	v.Env = pointers(p, "http://"+e.Listen, func(d *plan.Dependency) string {
		v.fixed("dependencies."+d.Name+".listen", d.Listen)
		return "http://" + d.Listen + basePath(d)
	})
	for i := range p.Dependencies {
		d := &p.Dependencies[i]
		if d.StandsIn() {
			if names := d.Calendar.CredentialsEnv; d.Simulate && d.Kind == "calendar" && len(names) > 0 {
				v.Notes = append(v.Notes, strings.Join(names, ", ")+" is left out: each run makes the key file of the simulated "+d.Name+" anew, for a bot that it starts")
			}
			continue
		}
		v.fixed("dependencies."+d.Name+".listen", d.Listen)
		server := d.Address.Reveal()
		switch {
		case d.Private && d.Kind == "postgres":
			v.Unset = append(v.Unset, "dependencies."+d.Name+".address") // a private one has a password of the run's
			continue
		case d.Private:
			server = target.PrivateRedisURL(d.Listen)
		}
		address, err := through(server, d.Listen)
		if err != nil {
			return v, setupProblem("dependencies."+d.Name+".address: "+err.Error(), "")
		}
		for _, name := range d.Env {
			v.Env[name] = address
		}
	}
	if !p.Target.Proxy.On {
		return v, nil
	}
	v.fixed("target.proxy.listen", p.Target.Proxy.Listen)
	return v, nil
}

// fixed notes the key of an address that is not known before the run.
func (v *Variables) fixed(key, address string) {
	if a, err := netip.ParseAddrPort(address); err == nil && a.Port() == 0 && !slices.Contains(v.Unset, key) {
		v.Unset = append(v.Unset, key)
	}
}

// pointers are the variables of the platform and of the services parley stands in for, by the URLs of each.
func pointers(p *plan.Plan, send string, url func(*plan.Dependency) string) map[string]string {
	e := p.Target.Evolution
	env := map[string]string{
		"EVOLUTION_API_KEY":  e.APIKey.Reveal(),
		"EVOLUTION_INSTANCE": e.Instance,
	}
	for _, name := range e.Env {
		env[name] = send
	}
	for i := range p.Dependencies {
		d := &p.Dependencies[i]
		if !d.StandsIn() {
			continue
		}
		address := url(d)
		for _, name := range d.Env {
			env[name] = address
		}
		// A bot whose calls pass with its own credentials keeps them.
		if key := d.OpenAI.APIKey.Reveal(); key != "" && (d.Relay == nil || d.Relay.Key != "") {
			env["OPENAI_API_KEY"] = key
		}
	}
	return env
}

// basePath is the path of a service's base URL, as its clients have it.
func basePath(d *plan.Dependency) string {
	switch {
	case d.Relay != nil:
		u, err := url.Parse(d.Relay.To)
		if err != nil {
			return "" // and the relay itself will say so
		}
		return strings.TrimSuffix(u.Path, "/")
	case d.Kind == "openai":
		return "/v1"
	case d.Kind == "calendar":
		return "/calendar/v3"
	default:
		return ""
	}
}

// bundleVariables name a file of certificates that replaces the one a client would use, for OpenSSL and Go and httpx; requests; curl; httplib2.
func bundleVariables() []string {
	return []string{"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPLIB2_CA_CERTS"}
}

// proxyVariables point a client at a forward proxy for all but this machine, parley's own addresses and the hosts in direct (as
// NO_PROXY has them), and make it trust the proxy. docs/proxy.md says which client reads which.
func proxyVariables(p *plan.Plan, proxy string, files authorityFiles, direct string) map[string]string {
	own := []string{"127.0.0.1", "localhost", "::1"}
	listens := []string{p.Target.Evolution.Listen}
	for i := range p.Dependencies {
		listens = append(listens, p.Dependencies[i].Listen)
	}
	for _, address := range listens {
		if host, _, err := net.SplitHostPort(address); err == nil && !slices.Contains(own, host) {
			own = append(own, host)
		}
	}
	for host := range strings.SplitSeq(direct, ",") {
		if host = strings.TrimSpace(host); host != "" && !slices.Contains(own, host) {
			own = append(own, host)
		}
	}
	env := map[string]string{
		"NODE_USE_ENV_PROXY":  "1", // Node 22.21 and 24.5 and later
		"NODE_EXTRA_CA_CERTS": files.certificate,
	}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} {
		env[name], env[strings.ToLower(name)] = proxy, proxy
	}
	env["NO_PROXY"] = strings.Join(own, ",")
	env["no_proxy"] = env["NO_PROXY"]
	for _, name := range bundleVariables() {
		env[name] = files.bundle
	}
	return env
}

// SetUpProxy adds the variables of the forward proxy to those of a bot that parley does not start, if the plan has one. The authority that the
// bot is to trust is kept below the plan's folder until then; it is made if it is not there, or of no use any more.
func (v *Variables) SetUpProxy(p *plan.Plan, roots string) error {
	if !p.Target.Proxy.On {
		return nil
	}
	files, made, err := keepAuthority(p, roots)
	if err != nil {
		return err
	}
	direct := p.Target.Env["NO_PROXY"]
	maps.Copy(v.Env, proxyVariables(p, "http://"+p.Target.Proxy.Listen, files, direct))
	if made {
		v.Notes = append(v.Notes, fmt.Sprintf("made the certificate in %s, good for %s only; its key lies beside it for as long as the bot is to be tested", files.certificate, strings.Join(p.Hosts(), ", ")))
	}
	return nil
}
