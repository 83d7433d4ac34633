package anatomy

import (
	"encoding/json"
	"strings"
	"time"

	"parley"
)

// PlatformKind is the kind of the messaging platform's own wire.
const PlatformKind = "platform"

// scene is what a run itself says about its rows.
type scene struct {
	run      *parley.Run
	judged   window
	solo     window
	ramp     *parley.Phase
	canary   map[string]bool
	platform string                 // name of the platform's wire
	kinds    map[string]string      // of the wires
	assumed  map[string]bool        // wires
	real     []string               // dependencies parley does not stand in for, in the plan's order
	goals    map[string]parley.Goal // by scenario
}

// window is the phases of one kind.
type window struct {
	names     map[string]bool
	title     string
	stretches []stretch
}

// stretch is a stretch of time, [from, to).
type stretch struct{ from, to time.Duration }

func newScene(run *parley.Run) *scene {
	s := &scene{run: run, canary: map[string]bool{}, kinds: map[string]string{}, assumed: map[string]bool{}, goals: map[string]parley.Goal{}}
	for i, p := range run.Phases {
		if p.Kind == parley.Canary {
			s.canary[p.Name] = true
		}
		if p.Kind == parley.Ramp {
			s.ramp = &run.Phases[i]
		}
	}
	for _, g := range run.Goals {
		s.goals[g.Scenario] = g
	}
	s.solo = s.phases(func(k parley.PhaseKind) bool { return k == parley.Solo })
	for _, kind := range []parley.PhaseKind{parley.Steady, parley.Ramp, parley.WarmUp, parley.Solo} {
		s.judged = s.phases(func(k parley.PhaseKind) bool { return k == kind })
		if len(s.judged.names) > 0 {
			break
		}
	}
	if len(s.judged.names) == 0 {
		s.judged = s.phases(func(k parley.PhaseKind) bool { return k != parley.Canary })
	}
	for _, a := range run.Assumed {
		s.assumed[wireName(a.Wire)] = true
	}
	s.readPlan()
	return s
}

// phases returns the window of the phases whose kind is wanted.
func (s *scene) phases(wanted func(parley.PhaseKind) bool) window {
	w := window{names: map[string]bool{}}
	var titles []string
	for _, p := range s.run.Phases {
		if !wanted(p.Kind) {
			continue
		}
		end := p.End
		if end == parley.None {
			end = s.run.Elapsed
		}
		if !w.names[p.Name] {
			titles = append(titles, p.Name)
		}
		w.names[p.Name] = true
		w.stretches = append(w.stretches, stretch{p.Start, max(p.Start, end)})
	}
	w.title = strings.Join(titles, ", ")
	return w
}

// readPlan takes the wires' kinds from the plan. A run without one still has its wires' names.
func (s *scene) readPlan() {
	var plan struct {
		Target struct {
			Platform string `json:"platform"`
		} `json:"target"`
		Dependencies []struct {
			Name     string `json:"name"`
			Kind     string `json:"kind"`
			Simulate bool   `json:"simulate"`
			Relay    any    `json:"relay"`
		} `json:"dependencies"`
	}
	s.platform = "evolution"
	// A plan of another version may not fit: its wires then have no kinds, which is no error.
	if json.Unmarshal(s.run.Plan, &plan) == nil {
		for _, d := range plan.Dependencies {
			s.kinds[d.Name] = d.Kind
			if !d.Simulate && d.Relay == nil {
				s.real = append(s.real, d.Name)
			}
		}
		if plan.Target.Platform != "" {
			s.platform = plan.Target.Platform
		}
	}
	s.kinds[s.platform] = PlatformKind
}

// toModel reports whether the call was to a language model.
func (s *scene) toModel(c *parley.Call) bool {
	switch kind := s.kinds[wireName(c.Wire)]; kind {
	case "":
		return c.Model != ""
	default:
		return LanguageModel(kind)
	}
}

// LanguageModel reports whether a dependency of this kind is a language model.
func LanguageModel(kind string) bool { return kind == "openai" || kind == "azure" }

// wireName is the dependency's name in a call's wire, its first segment.
func wireName(wire string) string {
	name, _, _ := strings.Cut(wire, "/")
	return name
}

// Label is what people call a wire or a part of the split.
func Label(name string) string {
	switch name {
	case "bot":
		return "the bot itself"
	case "retry":
		return "waiting for a webhook retry"
	case "openai":
		return "OpenAI"
	case "azure":
		return "Azure OpenAI"
	case "evolution":
		return "Evolution API"
	case "postgres":
		return "PostgreSQL"
	case "redis":
		return "Redis"
	default:
		return name
	}
}

// botLabel is what people call the time of a reply in which no recorded call was under way. What the
// bot waits for on wires nobody listened to is part of it, and named.
func botLabel(unheard []string) string {
	switch n := len(unheard); n {
	case 0:
		return Label("bot")
	case 1:
		return "the bot, with " + unheard[0]
	default:
		return "the bot, with " + strings.Join(unheard[:n-1], ", ") + " and " + unheard[n-1]
	}
}

// contains reports whether an instant lies in the window.
func (w *window) contains(at time.Duration) bool {
	for _, s := range w.stretches {
		if at >= s.from && at < s.to {
			return true
		}
	}
	return false
}

// length is that of all stretches together.
func (w *window) length() (d time.Duration) {
	for _, s := range w.stretches {
		d += s.to - s.from
	}
	return d
}

// span is the stretch from the first beginning to the last end.
func (w *window) span() (out stretch) {
	for i, s := range w.stretches {
		if i == 0 {
			out = s
		}
		out = stretch{min(out.from, s.from), max(out.to, s.to)}
	}
	return out
}
