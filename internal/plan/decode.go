package plan

import (
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"parley"
)

// plan reads the root of the document.
func (d *decoder) plan(root value, dir string) *Plan {
	d.dir = dir
	p := defaultPlan(dir)
	if !d.visit(root) {
		return p
	}
	if root.node.Kind != yaml.MappingNode {
		d.fail(root, "begin with target:", "a plan is a mapping, not %s", kindOf(root.node))
		return p
	}
	d.object(root,
		field{"name", scalar(d, &p.Name, runName)},
		field{"seed", scalar(d, &p.Seed, seed)},
		field{"target", func(v value) { d.target(v, &p.Target, dir) }},
		field{"dependencies", func(v value) { d.dependencies(v, &p.Dependencies) }},
		field{"users", func(v value) { d.users(v, &p.Users) }},
		field{"scenarios", func(v value) { d.scenarios(v, &p.Scenarios) }},
		field{"load", func(v value) { d.load(v, &p.Load) }},
		field{"money", func(v value) { d.money(v, &p.Money) }},
		field{"budgets", func(v value) { d.budgets(v, &p.Budgets) }},
		field{"safety", func(v value) {
			d.object(v,
				field{"messages_per_hour", scalar(d, &p.Safety.MessagesPerHour, rate)},
				field{"users", scalar(d, &p.Safety.Users, count(1_000_000))},
				field{"duration", scalar(d, &p.Safety.Duration, span(time.Second, longest))},
			)
		}},
		field{"checks", func(v value) { d.checks(v, p) }},
	)
	p.Target.Probe.resolve()
	d.check(p)
	return p
}

// runName checks a name that becomes part of a folder's name.
func runName(s string) (string, error) {
	return matching(`[A-Za-z0-9][A-Za-z0-9._-]{0,63}`, "use up to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit")(s)
}

func (d *decoder) users(v value, u *Users) {
	d.object(v,
		field{"returning", scalar(d, &u.Returning, share)},
		field{"alike", scalar(d, &u.Alike, share)},
		field{"number_prefix", scalar(d, &u.Prefix, unassigned)},
		field{"satisfied", scalar(d, &u.Satisfied, span(time.Millisecond, time.Hour))},
	)
}

// unassigned accepts prefixes of telephone numbers that no person can have, so
// that a reply which escapes reaches nobody:
//
//   - 999: a country code the ITU has not assigned (list of E.164 country codes);
//   - 5520, 5523: Brazilian area codes that Anatel has not assigned;
//   - 10, 11: North America, where an area code never begins with 0 or 1 (NANP: NXX with N from 2 to 9);
//   - 3363998: French mobile numbers that ARCEP keeps for films and plays.
func unassigned(s string) (string, error) {
	prefixes := []string{"999", "5520", "5523", "10", "11", "3363998"}
	if strings.Trim(s, "0123456789") != "" || s == "" {
		return "", flawf("write digits only, such as \"999\"", "%q is not the beginning of a number", s)
	}
	if len(s) > 8 {
		return "", flawf("use at most 8 digits", "%s leaves too few digits to tell users apart", s)
	}
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return s, nil
		}
	}
	return "", flawf("begin it with one of "+strings.Join(prefixes, ", "), "numbers that begin with %s may belong to people, who would get what the bot says if a wire escaped", s)
}

func (d *decoder) load(v value, l *Load) {
	d.object(v,
		field{"conversations_per_hour", scalar(d, &l.ConversationsPerHour, rate)},
		field{"concurrency", scalar(d, &l.Concurrency, count(1_000_000))},
		field{"arrivals", scalar(d, &l.Arrivals, oneOf("arrivals", "poisson", "even"))},
		field{"phases", func(v value) {
			l.Phases = nil
			for item := range d.items(v) {
				l.Phases = append(l.Phases, d.phase(item))
			}
		}},
	)
}

// phase reads "steady", "steady: 2m" or "steady: {for: 2m, rate: 2}".
func (d *decoder) phase(v value) Phase {
	kinds := []string{string(parley.Solo), string(parley.WarmUp), string(parley.Steady), string(parley.Ramp)}
	if v.node.Kind == yaml.ScalarNode {
		var kind string
		scalar(d, &kind, oneOf("phases", kinds...))(v)
		return defaultPhase(parley.PhaseKind(kind))
	}
	var p Phase
	fields := make([]field, len(kinds))
	for i, kind := range kinds {
		fields[i] = field{kind, func(v value) {
			p = defaultPhase(parley.PhaseKind(kind))
			d.phaseBody(v, &p)
		}}
	}
	d.object(v, fields...)
	if v.node.Kind == yaml.MappingNode && len(v.node.Content) != 2 {
		d.fail(v, "begin each phase with a dash of its own", "a phase has one kind, not %d", len(v.node.Content)/2)
	}
	return p
}

func (d *decoder) phaseBody(v value, p *Phase) {
	length := scalar(d, &p.Duration, span(time.Second, longest))
	if v.node.Kind == yaml.ScalarNode {
		length(v)
		return
	}
	fields := []field{{"for", length}}
	multiple := factor(0, 10_000)
	switch p.Kind { //nolint:exhaustive // the others have a length and nothing else
	case parley.Ramp:
		fields = append(fields,
			field{"from", scalar(d, &p.Rate, multiple)},
			field{"to", scalar(d, &p.To, multiple)},
			field{"growth", scalar(d, &p.Growth, factor(1, 100))},
			field{"step", scalar(d, &p.Step, span(time.Second, longest))},
		)
	case parley.WarmUp, parley.Steady:
		fields = append(fields, field{"rate", scalar(d, &p.Rate, multiple)})
	}
	d.object(v, fields...)
}

func (d *decoder) budgets(v value, into *[]parley.Budget) {
	*into = nil
	for item := range d.items(v) {
		var b parley.Budget
		scalar(d, &b, ParseBudget)(item)
		if b.Metric == "" {
			continue
		}
		same := func(o parley.Budget) bool { return o.Metric == b.Metric && o.Stat == b.Stat && o.Op == b.Op }
		if i := slices.IndexFunc(*into, same); i >= 0 {
			d.fail(item, "keep one", "sets the same limit as %q", (*into)[i].Text)
			continue
		}
		*into = append(*into, b)
	}
}
