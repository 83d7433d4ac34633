package engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"parley"
)

// canary plays conversations until every wire was heard from.
func (r *run) canary(ctx context.Context) error {
	var err error
	r.keep(parley.Phase{Name: string(parley.Canary), Kind: parley.Canary}, func() parley.Phase {
		phase := parley.Phase{Name: string(parley.Canary), Kind: parley.Canary, Start: time.Since(r.epoch)}
		r.wires.proxy.begin()
		var last parley.Turn
		var fine bool
		last, fine = r.driver.Canary(ctx, func() bool { return len(r.wires.silent()) == 0 && len(r.taps.silent()) == 0 })
		if !fine {
			err = r.escape(last)
		} else {
			err = r.wires.proxy.strayed()
		}
		phase.End = time.Since(r.epoch)
		return phase
	})
	return err
}

// silent lists the simulators that must have been called, and were not.
func (w *wires) silent() (list []*simulator) {
	for _, s := range w.sims {
		if !s.dependency.Optional && s.calls.Load() == 0 {
			list = append(list, s)
		}
	}
	return list
}

// pending returns a simulator that was called and has not answered.
func (w *wires) pending() *simulator {
	for _, s := range w.sims {
		if s.heard.Load() > s.calls.Load()+s.refused.Load()+s.tokens.Load() {
			return s
		}
	}
	return nil
}

// escape says which wire of the bot does not end in parley, from the last turn of the canary.
func (r *run) escape(last parley.Turn) error {
	strangers := r.driver.Progress().Strangers
	switch {
	case last.Outcome == parley.Cut:
		return errors.New("the canary was cut short")
	case r.wires.proxy.strayed() != nil:
		return r.wires.proxy.strayed()
	case r.wires.proxy.mistrusted() != nil:
		return r.wires.proxy.mistrusted()
	case last.Refused > 0 && last.Acked == parley.None && last.Replies == 0:
		return unreachableProblem("the bot did not accept the canary's message: "+last.Failure,
			"check target.webhook ("+r.shownWebhook()+") and "+r.logHint())
	case last.Acked == parley.None && last.Replies == 0:
		return unreachableProblem("the bot did not acknowledge the canary's message within the user's patience",
			"check target.webhook ("+r.shownWebhook()+") and "+r.logHint())
	case last.Outcome == parley.Abandoned && r.wires.heard.Load() == 0 && r.wires.pending() != nil:
		return setupProblem("the bot called the simulated "+r.wires.pending().dependency.Name+", whose answer took longer than the user's patience",
			"lower its latency or take the faults out of dependencies."+r.wires.pending().dependency.Name+".simulate, or raise the patience of the scenario")
	case last.Outcome == parley.Abandoned && r.wires.heard.Load() == 0 && r.wires.denying() != nil:
		return r.denialBy(r.wires.denying())
	case last.Outcome == parley.Abandoned && r.wires.heard.Load() == 0:
		return escapeProblem("the bot acknowledged the canary's message, but nothing came to parley's "+r.o.Plan.Target.Platform+" API while its user had patience ("+parley.FormatDuration(last.Ended-last.Spoken)+"): its replies go elsewhere, or it does not reply, or is slower than that",
			r.envHint("target.evolution.env", r.o.Plan.Target.Evolution.Env, r.wires.sendURL())+r.wires.proxy.unused(r.o.Plan.Target.Evolution.Hosts)+
				"; if it is only slow, raise the patience of the scenario; "+r.logHint())
	case last.Outcome == parley.Abandoned && last.Replies == 0 && r.wires.denied.Load() != nil:
		return r.denial(r.wires.denied.Load())
	case last.Outcome == parley.Abandoned && strangers > 0:
		return escapeProblem(fmt.Sprintf("the bot replied to numbers parley does not play (%d so far), and not to the canary", strangers),
			"the bot must answer the number in data.key.remoteJid of the webhook")
	}
	if silent := r.wires.silent(); len(silent) > 0 {
		return r.silence(silent[0])
	}
	if silent := r.taps.silent(); len(silent) > 0 {
		return r.unheard(silent[0])
	}
	return escapeProblem("the bot did not answer the canary: "+last.Failure, r.logHint())
}

// denial says why the platform's API let no reply of the canary through.
func (r *run) denial(c *parley.Call) error {
	hint := r.logHint()
	switch e := r.o.Plan.Target.Evolution; c.Status {
	case http.StatusUnauthorized:
		hint = "the bot must send target.evolution.api_key as apikey; parley gives it as EVOLUTION_API_KEY"
	case http.StatusNotFound:
		hint = "the path ends in target.evolution.instance, here " + e.Instance + "; parley gives it as EVOLUTION_INSTANCE"
	}
	return escapeProblem(fmt.Sprintf("the bot's reply to the canary was refused: %s was answered with status %d", c.Operation, c.Status), hint)
}

// denying returns a simulator that refused a call.
func (w *wires) denying() *simulator {
	for _, s := range w.sims {
		if s.denied.Load() != nil {
			return s
		}
	}
	return nil
}

// denialBy says that the bot did not reply, and which call to a simulator was refused before.
func (r *run) denialBy(s *simulator) error {
	c, name := s.denied.Load(), s.dependency.Name
	if s.dependency.Relay != nil {
		return r.denialByReal(name, c)
	}
	if c.Status == http.StatusUnauthorized {
		return r.silence(s)
	}
	hint := r.logHint()
	if c.Status == http.StatusNotFound && s.dependency.Kind == "openai" {
		hint = "parley simulates the chat completions, embeddings, transcriptions and models of OpenAI, and nothing else of it; " + hint
	}
	return setupProblem(fmt.Sprintf("the bot did not reply, and its call to the simulated %s was refused: %s was answered with status %d",
		name, c.Operation, c.Status), hint)
}

// silence says why a simulator that must be called was not.
func (r *run) silence(s *simulator) error {
	name := s.dependency.Name
	if s.refused.Load() > 0 && s.dependency.Relay != nil {
		return setupProblem("the real "+name+" refuses the bot's credentials (401)",
			"set dependencies."+name+".key, or give the bot the right ones")
	}
	if s.dependency.Kind == "calendar" && s.refused.Load()+s.tokens.Load() > 0 {
		return r.wrongCalendar(s)
	}
	if s.refused.Load() > 0 {
		return escapeProblem("the bot calls the simulated "+name+" with another API key than the plan's (401)",
			"parley gives the bot its key as OPENAI_API_KEY; set dependencies."+name+".simulate.api_key to the one it uses")
	}
	return escapeProblem("the bot answered, but no call came to the simulated "+name+": it may be calling the real one",
		r.envHint("dependencies."+name+".env", s.dependency.Env, s.url)+r.wires.proxy.unused(s.dependency.Hosts)+
			"; if it can answer every scenario without it, set canary: optional there")
}

// unheard says that a database was not used by way of its tap.
func (r *run) unheard(w *tapped) error {
	d := w.dependency
	return escapeProblem("the bot answered, but nothing came through parley to "+d.Name+": it may be using another server",
		r.envHint("dependencies."+d.Name+".env", d.Env, w.shown())+
			"; if it can answer every scenario without it, set canary: optional there")
}

func (r *run) envHint(key string, names []string, url string) string {
	if len(r.o.Plan.Target.Command) == 0 {
		return fmt.Sprintf("start the bot with %s=%s", strings.Join(names, "="), url)
	}
	return fmt.Sprintf("parley set %s=%s for the bot; if the bot reads another variable, name it in %s", strings.Join(names, ", "), url, key)
}

func (r *run) logHint() string {
	if r.bot == nil {
		return "look at the bot's own log"
	}
	return "see bot.log in the run's folder"
}
