package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"parley/internal/tap/webtap"
)

// proxy is the forward proxy of a run.
type proxy struct {
	r      *run
	at     net.Listener
	tap    *webtap.Proxy
	send   *http.Transport // to the send API
	files  authorityFiles
	before webtap.Tally // when the canary began
}

// openProxy opens the forward proxy, if the plan has one. The other wires are there by then.
func (w *wires) openProxy() error {
	p := w.r.o.Plan
	if !p.Target.Proxy.On {
		return nil
	}
	x := &proxy{r: w.r}
	authority, err := x.authority()
	if err != nil {
		return err
	}
	if x.at, err = listen("target.proxy.listen", p.Target.Proxy.Listen); err != nil {
		x.files.remove()
		return err
	}
	services := make(map[string]*webtap.Service)
	for _, s := range w.sims {
		one := &webtap.Service{Handler: s.server.Handler, ConnContext: s.server.ConnContext}
		for _, host := range s.dependency.Hosts {
			services[host] = one
		}
	}
	const idle = 10 * time.Second // far less than the send API keeps a connection: a message is never sent on one that it closes
	x.send = &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 512, IdleConnTimeout: idle}
	gateway := &webtap.Service{Handler: toSendAPI(w.sendURL(), x.send)}
	for _, host := range p.Target.Evolution.Hosts {
		services[host] = gateway
	}
	x.tap = webtap.New(webtap.Options{Services: services, Authority: authority})
	w.proxy = x
	return nil
}

// authority is the one that the bot trusts: the run's own for a bot that parley starts, and one that is kept for a bot that runs already.
func (x *proxy) authority() (*webtap.Authority, error) {
	p := x.r.o.Plan
	if len(p.Target.Command) == 0 {
		a, err := loadAuthority(p)
		if err == nil {
			return a, nil
		}
		if !errors.Is(err, errNotKept) {
			return nil, setupProblem(err.Error(), "run parley env, and start the bot anew with what it prints")
		}
		x.r.warn("the bot cannot trust the certificates of parley's proxy, which were made for this run: parley env makes some that last, and prints the variables for the bot")
	}
	a, err := webtap.NewAuthority(p.Hosts(), runTime(p))
	if err != nil {
		return nil, err
	}
	x.files, err = writeAuthority(x.r.o.Dir, "proxy-", a, x.r.rootsFile())
	return a, err
}

// rootsFile is the file of certificates that the bot would use without parley, "" for that of the system.
func (r *run) rootsFile() string {
	if own := r.o.Plan.Target.Env["SSL_CERT_FILE"]; own != "" {
		return own
	}
	for _, entry := range slices.Backward(r.o.Environ) {
		if own, ok := strings.CutPrefix(entry, "SSL_CERT_FILE="); ok {
			return own
		}
	}
	return ""
}

// toSendAPI hands requests on to the platform's send API, whose server is of another kind than the services'.
func toSendAPI(address string, transport http.RoundTripper) http.Handler {
	to, err := url.Parse(address)
	if err != nil {
		panic("BUG: address of the send API: " + err.Error())
	}
	return &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport:     transport,
		FlushInterval: -1,
		ErrorLog:      slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // the send API records what became of a call
		// A call that the send API cut off is cut off here.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
}

// close ends the proxy and says what it refused.
func (x *proxy) close(ctx context.Context) {
	x.tap.Close(ctx)
	_ = x.at.Close() // closed already, if it was served
	x.send.CloseIdleConnections()
	x.files.remove()
	seen := x.tap.Tally()
	if len(seen.Strangers) > 0 {
		x.r.warn("the bot called hosts that are not in the plan, which parley's proxy refused: " + counted(seen.Strangers))
	}
	if len(seen.Distrust) > 0 {
		x.r.warn("the bot would not take the certificate of parley's proxy for " + counted(seen.Distrust) + ": " + seen.Distrust[seen.Distrust.Names()[0]].Last)
	}
	if len(seen.Upgrades) > 0 {
		x.r.warn("the bot asked for WebSockets, which parley does not play: " + counted(seen.Upgrades))
	}
}

// counted lists hosts, the most frequent first.
func counted(h webtap.Hosts) string {
	const most = 10
	var list []string
	for i, host := range h.Names() {
		if i == most {
			list = append(list, fmt.Sprintf("and %d more", len(h)-most))
			break
		}
		if host == "" {
			host = "others"
		}
		list = append(list, fmt.Sprintf("%s (%d)", host, h[host].Times))
	}
	return strings.Join(list, ", ")
}

// begin marks the beginning of the canary.
func (x *proxy) begin() {
	if x != nil {
		x.before = x.tap.Tally()
	}
}

// strayed says that the bot called a host during the canary which is not in the plan, nil if it did not.
func (x *proxy) strayed() error {
	if x == nil {
		return nil
	}
	hosts := x.tap.Tally().Strangers.Since(x.before.Strangers)
	if len(hosts) == 0 {
		return nil
	}
	first := hosts.Names()[0]
	return escapeProblem("the bot called "+strings.Join(hosts.Names(), ", ")+" and the plan names no such host: parley's proxy refused it",
		strayHint(first))
}

// strayHint says what to do about a host that is not in the plan.
func strayHint(host string) string {
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return "give the bot a base URL by a dependency's env, or name the address in NO_PROXY of target.env if the bot may call it past parley"
	}
	return "name " + host + " in the hosts of the dependency that it is, or stand in for it: dependencies.NAME: {kind: http, hosts: [" + host + "], simulate: true, canary: optional}"
}

// mistrusted says that the bot came to the proxy during the canary, and would not take its certificate; nil if there was no such thing.
func (x *proxy) mistrusted() error {
	if x == nil {
		return nil
	}
	hosts := x.tap.Tally().Distrust.Since(x.before.Distrust)
	if len(hosts) == 0 {
		return nil
	}
	first := hosts.Names()[0]
	hint := "parley set " + strings.Join(bundleVariables(), ", ") + " and NODE_EXTRA_CA_CERTS for the bot; its client reads none of them, or has certificates of its own (see the page proxy of the manual)"
	if len(x.r.o.Plan.Target.Command) == 0 {
		hint = "start the bot with what parley env prints"
	}
	return escapeProblem("the bot came to parley's proxy for "+strings.Join(hosts.Names(), ", ")+", but would not take its certificate: "+hosts[first].Last, hint)
}

// strays tells, for the end of a hint, what the bot called that is not in the plan.
func (x *proxy) strays() string {
	if x == nil {
		return ""
	}
	if hosts := x.tap.Tally().Strangers; len(hosts) > 0 {
		return "; parley's proxy refused its calls to hosts that are not in the plan: " + counted(hosts)
	}
	return ""
}

// unused tells, for the end of a hint, what became of a wire at the proxy.
func (x *proxy) unused(hosts []string) string {
	if x == nil {
		return ""
	}
	// A bot stops at the first wire on which it does not trust.
	if left := x.tap.Tally().Unused.Since(x.before.Unused); len(left) > 0 {
		return "; it opened a tunnel to " + left.Names()[0] + " in parley's proxy and left without a request, as clients do that do not trust the certificate"
	}
	if len(hosts) == 0 {
		return ""
	}
	return "; nor did it use parley's proxy for " + strings.Join(hosts, ", ")
}

// environment returns the variables that lead a bot which parley starts through the proxy, by those that the plan sets.
func (x *proxy) environment(own map[string]string) map[string]string {
	if x == nil {
		return nil
	}
	return proxyVariables(x.r.o.Plan, "http://"+x.at.Addr().String(), x.files, own["NO_PROXY"]+","+own["no_proxy"])
}
