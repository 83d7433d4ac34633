package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"parley"
	"parley/internal/plan"
	"parley/internal/record"
	"parley/internal/recording"
	"parley/internal/upstream"
	"parley/internal/upstream/relay"
	"parley/internal/upstream/replay"
)

// realService is what a run has of a real service: a relay to it, with a recording or without, or a recording of it.
type realService struct {
	wire   string
	relay  *relay.Relay
	keep   *recording.Writer
	replay *replay.Replay
}

// ceilingError ends a run that has used up what it may spend at a real service.
type ceilingError struct{ what, hint string }

func (e *ceilingError) Error() string { return e.what }

// stand returns the service on the dependency's wire: a relay, or a simulation, with a recording before it if there is one.
func (w *wires) stand(d *plan.Dependency, o upstream.Options) (s service, path string, err error) {
	if d.Relay != nil {
		return w.relayTo(d, o)
	}
	s, path, err = standIn(d, o)
	recorded := d.OpenAI.Replay
	o.Faults = d.OpenAI.Faults
	if d.Kind == "http" {
		recorded, o.Faults = d.HTTP.Replay, d.HTTP.Faults
	}
	if err != nil || recorded == "" {
		return s, path, err
	}
	again, err := replay.New(replay.Options{Options: o, Kind: d.Kind, Path: recorded, Key: d.OpenAI.APIKey, Next: s})
	if err != nil {
		return nil, "", setupProblem("dependencies."+d.Name+".simulate.replay: "+err.Error(),
			"name the file that a run with keep: exchanges left in its folder "+record.ExchangesDir)
	}
	w.reals = append(w.reals, realService{wire: d.Name, replay: again})
	return again, path, nil
}

// relayTo opens the way to a real service.
func (w *wires) relayTo(d *plan.Dependency, o upstream.Options) (service, string, error) {
	r := w.r
	here := realService{wire: d.Name}
	if d.Relay.Keep {
		dir := filepath.Join(r.o.Dir, record.ExchangesDir)
		err := os.MkdirAll(dir, 0o700)
		if err == nil {
			here.keep, err = recording.Create(filepath.Join(dir, d.Name+".jsonl"))
		}
		if err != nil {
			return nil, "", setupProblem("dependencies."+d.Name+".keep: "+err.Error(), "")
		}
	}
	o.Faults = d.Relay.Faults
	var err error
	here.relay, err = relay.New(relay.Options{
		Options: o, Kind: d.Kind, Config: *d.Relay, Price: r.tariff.Price, Keep: here.keep,
		Notify: func(n relay.Notice) {
			if n.Ceiling {
				r.over(&ceilingError{n.What, n.Hint})
				return
			}
			r.warn(n.What + " (" + n.Hint + ")")
		},
	})
	w.reals = append(w.reals, here)
	if err != nil {
		return nil, "", setupProblem("dependencies."+d.Name+".address: "+err.Error(), "")
	}
	return here.relay, here.relay.BasePath(), nil
}

// closeReals ends what belongs to real services, once nothing is served any more.
func (w *wires) closeReals() {
	for _, s := range w.reals {
		if s.relay != nil {
			s.relay.Close()
		}
		if s.keep != nil {
			if err := s.keep.Close(); err != nil {
				w.r.warn("the exchanges with " + s.wire + " may not be whole: " + err.Error())
			}
		}
		if s.replay != nil {
			w.tell(s.wire, s.replay.Tally())
			if n := s.replay.Damaged(); n > 0 {
				w.r.warn(fmt.Sprintf("%d lines of the recording of %s could not be read, and answered nothing", n, s.wire))
			}
			_ = s.replay.Close() // it was only read
		}
	}
	w.reals = nil
}

// tell says what a recording could not answer as it was.
func (w *wires) tell(wire string, t replay.Tally) {
	all := float64(t.Exact + t.Nearest + t.Left)
	if t.Nearest > 0 {
		w.r.warn(fmt.Sprintf("%s of the calls to %s (%d) were answered by the nearest recorded exchange: the request itself was not in the recording",
			parley.FormatShare(float64(t.Nearest)/all), wire, t.Nearest))
	}
	if t.Left > 0 {
		w.r.warn(fmt.Sprintf("%s of the calls to %s (%d) were answered by the simulation: nothing like them was in the recording",
			parley.FormatShare(float64(t.Left)/all), wire, t.Left))
	}
}

// warn adds a warning to the run, once.
func (r *run) warn(text string) {
	text = r.o.Plan.Redact(text)
	r.writer.Update(func(m *parley.Run) {
		if !slices.Contains(m.Warnings, text) {
			m.Warnings = append(m.Warnings, text)
		}
	})
}

// denialByReal says that the bot did not reply, and which call to a real service failed before.
func (r *run) denialByReal(name string, c *parley.Call) error {
	return setupProblem(fmt.Sprintf("the bot did not reply, and its call to the real %s failed: %s was answered with status %d (%s)",
		name, c.Operation, c.Status, c.Failure), "the warnings of the run say more; "+r.logHint())
}

// replayed is where the latency of a simulated service comes from, which answers from a recording where it can.
func replayed(path, otherwise string) string {
	if path == "" {
		return otherwise
	}
	return "replayed from " + filepath.Base(path) + ", else " + otherwise
}
