package wires

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// connectionPerTurn looks for connections that turns open though others lie idle: a client made in the handler, in place of a pool. A
// pool that grows because all of its connections are in use opens none in vain.
func connectionPerTurn() diagnose.Check {
	return diagnose.Check{
		ID: "connection-per-turn", Title: "a new connection each turn",
		Limits: []diagnose.Limit{
			{Name: "turns", Value: 0.5, Unit: parley.Ratio, Means: "part of the turns that use a wire which open a connection on it in vain"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			using := map[string]int{} // turns, by wire
			for turn := range e.Turns() {
				seen := map[string]bool{}
				for i := range e.Turns()[turn].Calls {
					if c := &e.Turns()[turn].Calls[i]; !seen[c.Wire] {
						seen[c.Wire] = true
						using[c.Wire]++
					}
				}
			}
			wires := map[string]*vain{}
			var order []string
			for _, o := range openingsOf(e) {
				if wires[o.wire] == nil {
					wires[o.wire] = &vain{wire: o.wire, layer: e.Turns()[o.turn].Calls[o.first].Layer, turns: map[int][]fresh{}}
					order = append(order, o.wire)
				}
				wires[o.wire].turns[o.turn] = append(wires[o.wire].turns[o.turn], o)
			}
			slices.Sort(order)
			var out diagnose.Outcome
			var services []*vain // one client is made like the other
			for _, wire := range order {
				v := wires[wire]
				switch {
				case len(v.turns) < fewWaiting || share(len(v.turns), using[wire]) < l["turns"]:
				case v.layer == "postgres" || v.layer == "redis":
					out.Suspects = append(out.Suspects, v.database(e, l))
				default:
					services = append(services, v)
				}
			}
			if len(services) > 0 {
				out.Suspects = append(out.Suspects, clients(e, services, l))
			}
			return out
		},
	}
}

// vain are the connections opened in vain on a wire.
type vain struct {
	wire, layer string
	turns       map[int][]fresh
}

// perTurn is how many a turn opens that does.
func (v *vain) perTurn() (mean parley.Estimate) {
	counts := make([]float64, 0, len(v.turns))
	for _, turn := range sortedTurns(v.turns) {
		counts = append(counts, float64(len(v.turns[turn])))
	}
	return diagnose.MeanOf(counts)
}

func sortedTurns(turns map[int][]fresh) (out []int) {
	for turn := range turns {
		out = append(out, turn)
	}
	slices.Sort(out)
	return out
}

// database is the suspect of a wire to a database, whose handshake is heard.
func (v *vain) database(e *diagnose.Evidence, l diagnose.Limits) diagnose.Suspect {
	s := diagnose.Suspect{Shown: map[int][]int{}, Saved: map[int]float64{}, Certainty: 0.95}
	var costs []float64
	for _, turn := range sortedTurns(v.turns) {
		less := map[int]anatomy.Less{}
		cost := 0.0
		for _, o := range v.turns[turn] {
			cost += v.without(e, o, less).Seconds()
			s.Shown[turn] = append(s.Shown[turn], o.first)
			s.Shown[turn] = append(s.Shown[turn], o.calls...)
		}
		slices.Sort(s.Shown[turn])
		s.Saved[turn] = e.Saved(turn, func(i int) anatomy.Less { return less[i] })
		costs = append(costs, cost)
	}
	mean, cost := v.perTurn(), diagnose.MeanOf(costs)
	label := anatomy.Label(v.wire)
	s.Finding = parley.Finding{
		Layer: v.layer, Wire: v.wire, Operation: "connect",
		What: fmt.Sprintf("A turn opens %s to %s anew, which takes %s, though others that were opened before lie idle", connections(mean.Value), label, lasting(cost.Value)),
		Why:  "the person waits for the handshake, its passwords and its round trips, and for each statement to be prepared again",
		Change: "one pool for the process, made when it starts: asyncpg.create_pool or SQLAlchemy's engine in FastAPI's lifespan (not NullPool), Django CONN_MAX_AGE or its pool option, pg.Pool in Node, " +
			"PDO::ATTR_PERSISTENT or PgBouncer for PHP",
		Measured: []parley.Measure{
			{What: "connections opened in vain, in a turn that does", Value: mean, Unit: parley.Count},
			{What: "their handshakes, in such a turn", Value: cost, Unit: parley.Seconds},
			v.part(e, l),
		},
		Doubt: "between bot and database on one machine a handshake is cheap; over a network, with TLS, it takes several round trips more",
	}
	if v.layer == "redis" {
		s.Finding.Why = "the person waits for the handshake and its round trips"
		s.Finding.Change = "one client for the process, made when it starts: redis.asyncio.Redis (it holds a pool) in FastAPI's lifespan, one ioredis or node-redis client for the module, pconnect in PHP; close it when the process ends, not when the turn does"
	}
	return s
}

// part is the share of turns that open connections in vain.
func (v *vain) part(e *diagnose.Evidence, l diagnose.Limits) parley.Measure {
	return parley.Measure{
		What: "part of all turns that do", Unit: parley.Ratio, Threshold: l["turns"],
		Value: diagnose.Exactly(share(len(v.turns), len(e.Turns())), len(e.Turns())),
	}
}

// connections is a number of them.
func connections(n float64) string {
	if number(n) == "1" {
		return "a connection"
	}
	return number(n) + " connections"
}

// without adds what would go with an opening: the calls of the handshake and what is prepared anew, and where the handshake is tied to no turn,
// that much of the time before the first call. It returns their time.
func (v *vain) without(e *diagnose.Evidence, o fresh, less map[int]anatomy.Less) (cost time.Duration) {
	replay := e.Replay(o.turn)
	for _, i := range o.calls {
		less[i] = anatomy.Less{Call: replay.Whole(i).Call, Gap: gapBetween}
		cost += replay.Whole(i).Call
	}
	if o.unseen > 0 {
		less[o.first] = anatomy.Less{Gap: o.unseen + gapBetween}
		cost += o.unseen
	}
	return cost
}

// mostOfClient is the most that making a client and its connection is taken to cost where nothing tells: loading the certificates of an
// HTTPS client, and a handshake nearby.
const mostOfClient = 50 * time.Millisecond

// clients is the suspect of HTTP services. What is done before the first byte of a request is not heard: it is part of the bot's own time before the
// call. Where calls on open connections can be compared with, the difference is counted; else what is beyond the bot's usual time, as a bound.
func clients(e *diagnose.Evidence, services []*vain, l diagnose.Limits) diagnose.Suspect {
	usually := openGaps(e)
	s := diagnose.Suspect{Shown: map[int][]int{}, Saved: map[int]float64{}, Certainty: 0.85}
	f := &s.Finding
	less := map[int]map[int]anatomy.Less{}
	var names []string
	opened, bounded := []float64{}, false
	for _, v := range services {
		names = append(names, anatomy.Label(v.wire))
		for _, turn := range sortedTurns(v.turns) {
			if less[turn] == nil {
				less[turn] = map[int]anatomy.Less{}
			}
			for _, o := range v.turns[turn] {
				c := &e.Turns()[turn].Calls[o.first]
				usual, known := usually.before(c)
				more := max(0, e.Replay(turn).Gap(o.first)-usual)
				if !known {
					more, bounded = min(more, mostOfClient), true
				}
				less[turn][o.first] = anatomy.Less{Gap: more}
				s.Shown[turn] = append(s.Shown[turn], o.first)
			}
		}
	}
	for turn := range less {
		slices.Sort(s.Shown[turn])
		s.Saved[turn] = e.Saved(turn, func(i int) anatomy.Less { return less[turn][i] })
	}
	for turn := range e.Turns() {
		if n := len(s.Shown[turn]); n > 0 {
			opened = append(opened, float64(n))
		}
	}
	mean := diagnose.MeanOf(opened)
	f.Layer, f.Wire = services[0].layer, services[0].wire
	f.What = fmt.Sprintf("A turn opens %s to %s anew, though others that were opened before lie idle", connections(mean.Value), strings.Join(names, ", "))
	f.Why = "each time a client is made, its certificates are loaded and hands are shaken; to a real service TLS takes two to three round trips more"
	f.Change = "one client for the process, made when it starts, with connections that are kept: httpx.AsyncClient or AsyncOpenAI in FastAPI's lifespan (not async with inside the handler), " +
		"requests.Session, an https.Agent with keepAlive in Node; keep idle connections for longer than turns are apart (httpx keepalive_expiry is 5 s)"
	f.Measured = []parley.Measure{{What: "connections opened in vain, in a turn that does", Value: mean, Unit: parley.Count}, services[0].part(e, l)}
	f.Doubt = "to parley there is no TLS, so that against the real services it takes longer"
	if bounded {
		s.Certainty = 0.6
		f.Doubt = doubts("there are no calls on open connections to compare with: what is counted is the bot's own time before the call beyond its usual time, an upper bound", f.Doubt)
	}
	return s
}

// gapsOpen are the bot's own times before calls on connections that were open: by operation, and all of them.
type gapsOpen struct {
	of  map[string][]float64
	all []float64
}

func openGaps(e *diagnose.Evidence) *gapsOpen {
	g := &gapsOpen{of: map[string][]float64{}}
	for turn := range e.Turns() {
		for i := range e.Turns()[turn].Calls {
			if c := &e.Turns()[turn].Calls[i]; !c.Opened && !c.Blocking {
				gap := e.Replay(turn).Gap(i).Seconds()
				g.of[c.Wire+"\x00"+c.Operation] = append(g.of[c.Wire+"\x00"+c.Operation], gap)
				g.all = append(g.all, gap)
			}
		}
	}
	return g
}

// before is what is usual before a call, and whether that is known of its operation.
func (g *gapsOpen) before(c *anatomy.TurnCall) (usual time.Duration, known bool) {
	const few = 5
	if of := g.of[c.Wire+"\x00"+c.Operation]; len(of) >= few {
		return seconds(median(of)), true
	}
	return seconds(median(g.all)), false
}
