package wires

import (
	"fmt"

	"parley"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
)

// workersLimit looks for a limit on the turns that are worked on at once: turns wait before all they do, while a fixed number of others is on its way
// from its first call to its last. A pool of connections that are held meanwhile is pool-limit's; a bot that stands because of one call blocked-loop's.
func workersLimit() diagnose.Check {
	return diagnose.Check{
		ID: "workers-limit", Title: "too few workers for the turns that come",
		Limits: []diagnose.Limit{
			{Name: "turns", Value: 0.05, Unit: parley.Ratio, Means: "part of the turns that wait before they are worked on"},
			{Name: "wait", Value: 0.01, Unit: parley.Seconds, Means: "how much longer than alone the bot takes before a turn's first call for it to count as a wait"},
			{Name: "covered", Value: 0.8, Unit: parley.Ratio, Means: "part of the waits during which all workers are busy"},
		},
		Look: func(e *diagnose.Evidence, l diagnose.Limits) diagnose.Outcome {
			s := newSharing(e, seconds(l["wait"]))
			if needs := s.keptUp(); needs != "" {
				return diagnose.Outcome{Unknown: needs}
			}
			c, found := s.crew(l)
			switch {
			case found && !c.pool && !(c.n == 1 && s.stands()):
				return diagnose.Outcome{Suspects: []diagnose.Suspect{c.suspect(s, l)}}
			case !found && !s.several() && s.waiting() >= diagnose.WorthSaving:
				return diagnose.Outcome{Unknown: "needs more than one level of load (a solo phase before the steady one, or a ramp)"}
			}
			return diagnose.Outcome{}
		},
	}
}

// stands reports whether blocked-loop says that the bot stands.
func (s *sharing) stands() bool {
	standing, _ := s.standing(defaults(blockedLoop()))
	return len(standing) > 0
}

// defaults are a check's thresholds as they are without a plan.
func defaults(c diagnose.Check) diagnose.Limits {
	l := diagnose.Limits{}
	for _, limit := range c.Limits {
		l[limit.Name] = limit.Value
	}
	return l
}

func (c *crew) suspect(s *sharing, l diagnose.Limits) diagnose.Suspect {
	saved, shown := c.saved(s.e)
	mean, n := c.meanWait(), len(s.e.Turns())
	waited, probes := probed(s.e, &c.full)
	certainty, kind, alike := 0.75, "", ""
	switch {
	case probes >= fewProbes && 2*waited > probes:
		certainty, kind = 0.9, fmt.Sprintf(": of %d probes sent meanwhile %s waited, too, so that the workers that answer webhooks are what is short", probes, percent(share(waited, probes)))
	case probes >= fewProbes:
		certainty, kind = 0.85, ": probes are answered meanwhile, so that webhooks are taken in and the workers behind are what is short"
	default:
		alike = "no probe of an idle route tells workers that take webhooks in from those behind them"
	}
	if !s.habit.alone {
		certainty = min(certainty, 0.65)
	}
	pooled := ""
	if c.alike && probes < fewProbes {
		certainty = min(certainty, 0.6)
		pooled = fmt.Sprintf("a pool of %d connections to %s that are held all the while looks the same", c.n, anatomy.Label(c.place.wire))
	}
	measured := []parley.Measure{
		{What: "part of the waits during which all workers were busy", Value: diagnose.Exactly(c.covered, len(c.waits)), Unit: parley.Ratio, Threshold: l["covered"]},
		{What: "turns worked on at once, at most", Value: diagnose.Exactly(float64(c.n), n), Unit: parley.Count},
		{What: "wait of a turn that waits", Value: mean, Unit: parley.Seconds},
		{What: "part of the time with all workers busy", Value: diagnose.Exactly(c.filled, n), Unit: parley.Ratio},
	}
	measured = append(measured, s.processes()...)
	return diagnose.Suspect{
		Shown: shown, Saved: saved, Certainty: certainty,
		Finding: parley.Finding{
			Layer: "waiting",
			What: fmt.Sprintf("No more than %d %s worked on at once, and %s of the turns wait %s before the bot begins with them%s",
				c.n, plural(c.n, "turn is", "turns are"), percent(share(len(shown), n)), lasting(mean.Value), kind),
			Why:      "a message lies in a queue while the workers wait for other people's calls",
			Change:   "run more workers or threads (gunicorn --workers and --threads, uvicorn --workers, Celery --concurrency, php-fpm pm.max_children), or wait for services without holding one (async)",
			Measured: measured,
			Doubt:    doubts(alike, pooled, "that the services take more turns at once as quickly was not seen"),
		},
	}
}

// processes are the numbers of the bot's processes and threads, if they were sampled.
func (s *sharing) processes() (out []parley.Measure) {
	for _, series := range [][2]string{{"bot_processes", "processes of the bot"}, {"bot_threads", "threads of the bot"}} {
		var values []float64
		for _, p := range s.e.Between(series[0], "", s.from, s.to) {
			values = append(values, p.Value)
		}
		if len(values) > 0 {
			out = append(out, parley.Measure{What: series[1], Value: diagnose.MeanOf(values), Unit: parley.Count})
		}
	}
	return out
}
