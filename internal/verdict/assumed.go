package verdict

import (
	"slices"
	"strings"

	"parley"
	"parley/internal/anatomy"
)

// simulated reports whether parley stood in for a service of such a kind that was called.
func (j *judge) simulated(kind func(string) bool) bool { return j.assumption(kind) != "" }

// assumption says why the latency of such services proves nothing about the real ones, and where it comes
// from if that is more than somebody's word; empty if none of them was simulated.
func (j *judge) assumption(kind func(string) bool) string {
	var sources []string
	for _, u := range j.s.Upstreams {
		if !u.Assumed || !kind(u.Kind) {
			continue
		}
		source := j.learnt(u.Wire)
		if source == "" {
			return "the latency is the plan's own assumption, and proves nothing about the real service"
		}
		if !slices.Contains(sources, source) {
			sources = append(sources, source)
		}
	}
	if len(sources) == 0 {
		return ""
	}
	return "the latency is simulated, " + list(sources) + ", and proves nothing about the real service of today"
}

// learnt is where the model of a wire comes from if it was made from calls to the real service; empty otherwise.
func (j *judge) learnt(wire string) string {
	name, _, _ := strings.Cut(wire, "/")
	i := slices.IndexFunc(j.run.Assumed, func(a parley.Assumption) bool { return a.Wire == name })
	if i < 0 {
		return ""
	}
	source := j.run.Assumed[i].Source
	if !strings.HasPrefix(source, "fitted ") && !strings.HasPrefix(source, "replayed ") {
		return ""
	}
	return source
}

// assuming names the services whose latency was assumed and matters to the reply.
func (j *judge) assuming() string {
	var names []string
	add := func(wire, label string) {
		name := label + "'s"
		if source := j.learnt(wire); source != "" {
			name += " (" + source + ")"
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, p := range j.s.Split {
		if p.Assumed && p.Share >= material {
			add(p.Name, p.Label)
		}
	}
	if len(j.s.Split) == 0 {
		for _, a := range j.run.Assumed {
			add(a.Wire, anatomy.Label(a.Wire))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return ", with " + list(names) + " latency assumed"
}
