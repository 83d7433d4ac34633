package webtap

import (
	"cmp"
	"maps"
	"slices"
)

// Tally counts what came to the proxy and was not answered by a service, by host.
type Tally struct {
	// Strangers are hosts that are not in the plan.
	Strangers Hosts
	// Distrust are hosts for which the client refused the proxy's certificate, or spoke no TLS that the proxy can.
	Distrust Hosts
	// Unused are hosts to which a tunnel was opened, and ended before anything was asked in it: by a client that went away, or
	// one that does not trust the certificate and says nothing of it, as Node's.
	Unused Hosts
	// Upgrades are hosts of the plan that were asked for a WebSocket.
	Upgrades Hosts
}

// Hosts counts events by host. A client that makes up hosts is counted under the name "" from the hundredth on.
type Hosts map[string]Count

// Count is how often something happened.
type Count struct {
	Times int
	Last  string // what was said the last time, if anything
}

func newTally() Tally {
	return Tally{Strangers: Hosts{}, Distrust: Hosts{}, Unused: Hosts{}, Upgrades: Hosts{}}
}

// Names are the hosts, those first that came most often.
func (h Hosts) Names() []string {
	return slices.SortedFunc(maps.Keys(h), func(a, b string) int {
		return cmp.Or(cmp.Compare(h[b].Times, h[a].Times), cmp.Compare(a, b))
	})
}

// Since is what was added to an earlier count.
func (h Hosts) Since(earlier Hosts) Hosts {
	more := Hosts{}
	for host, c := range h {
		if c.Times -= earlier[host].Times; c.Times > 0 {
			more[host] = c
		}
	}
	return more
}

// Tally returns the counts so far.
func (p *Proxy) Tally() Tally {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := &p.tally
	return Tally{Strangers: maps.Clone(t.Strangers), Distrust: maps.Clone(t.Distrust), Unused: maps.Clone(t.Unused), Upgrades: maps.Clone(t.Upgrades)}
}

// count adds one to a host of the tally.
func (p *Proxy) count(hosts *Hosts, host, said string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	host = printable(host)
	if _, known := (*hosts)[host]; !known && len(*hosts) >= mostStrangers {
		host = ""
	}
	c := (*hosts)[host]
	(*hosts)[host] = Count{c.Times + 1, said}
}

// printable is a host's name as it may stand in a report: a client chooses it.
func printable(host string) string {
	const longest = 253 // RFC 1035, section 2.3.4, as text
	clean := make([]byte, 0, len(host))
	for i := range min(len(host), longest) {
		if c := host[i]; c > ' ' && c < 0x7f {
			clean = append(clean, c)
		}
	}
	return string(clean)
}
