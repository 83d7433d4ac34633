package anatomy

import (
	"cmp"
	"slices"
	"time"

	"parley"
	"parley/internal/stats"
)

// visitCount remembers every conversation but the canary's, in the order in which it meets them, and gathers what
// those that began in the judged phases came to.
type visitCount struct {
	scene     *scene
	index     map[int64]int32 // place by conversation id
	open      []stretch       // from when to when each was open
	visits    []visit
	scenarios map[string]*scenarioVisits
	names     []string // of the scenarios, by place
	goals     map[operation]bool
	missed    map[operation]int // calls that reach a goal and were tied to no turn
}

// visit is one conversation, in 48 bytes: there are millions.
type visit struct {
	begun                time.Duration // when its first turn was due
	models, saved        float64       // US dollars
	messages             int32         // of the bot
	first, last          int32         // ordinals of its turns
	scenario             int32
	judged, final        bool // its first turn began in a judged phase; its last one is the last of its script
	abandoned, goal      bool
	answered, unfinished bool // its last turn was answered; its end was not recorded
}

// ending is what a conversation came to.
type ending uint8

const (
	finished ending = iota
	abandoned
	cut
	open
)

// scenarioVisits are the visits of one scenario, or all of them.
type scenarioVisits struct {
	VisitCount
	place                            int32
	success, conversion, abandonment *stats.Share
	apdex                            *stats.Scores
}

func newVisitCount(s *scene) *visitCount {
	v := &visitCount{
		scene: s, index: map[int64]int32{}, scenarios: map[string]*scenarioVisits{},
		goals: map[operation]bool{}, missed: map[operation]int{},
	}
	for _, g := range s.goals {
		if g.Wire != "" {
			v.goals[operation{g.Wire, g.Operation}] = true
		}
	}
	return v
}

func (v *visitCount) tally(place int32) *scenarioVisits {
	span := v.scene.judged.span()
	share := func() *stats.Share { return stats.NewShare(span.from, span.to) }
	return &scenarioVisits{
		place: place, success: share(), conversion: share(), abandonment: share(),
		apdex: stats.NewScores(span.from, span.to),
	}
}

// add enters a turn that was said and returns the place of its conversation.
func (v *visitCount) add(t *parley.Turn) int32 {
	scenario := v.scenario(t.Scenario)
	v.mark(scenario, t)
	until := end(t, v.scene.run.Elapsed)
	i, known := v.index[t.Conversation]
	if !known {
		i = int32(len(v.visits))
		v.index[t.Conversation] = i
		v.open = append(v.open, stretch{t.Due, until})
		v.visits = append(v.visits, visit{first: t.Ordinal, last: t.Ordinal, scenario: scenario.place})
	}
	o, c := &v.open[i], &v.visits[i]
	o.from, o.to = min(o.from, t.Due), max(o.to, until)
	if t.Ordinal <= c.first {
		c.first, c.begun, c.judged = t.Ordinal, t.Due, v.scene.judged.names[t.Phase]
	}
	if t.Ordinal >= c.last {
		c.last, c.final = t.Ordinal, t.Final
		c.answered, c.unfinished = t.Outcome == parley.Answered, t.Outcome == parley.Open
	}
	c.abandoned = c.abandoned || t.Outcome == parley.Abandoned
	c.goal = c.goal || t.Goal
	return i
}

func (v *visitCount) scenario(name string) *scenarioVisits {
	s := v.scenarios[name]
	if s == nil {
		s = v.tally(int32(len(v.names)))
		v.scenarios[name] = s
		v.names = append(v.names, name)
	}
	return s
}

// mark counts a judged turn for the Apdex: a reply within T counts 1, one within 4 T a half, others 0. Of a wait that
// was cut off before 4 T nothing is known.
func (v *visitCount) mark(s *scenarioVisits, t *parley.Turn) {
	satisfied := v.scene.run.Satisfied
	if satisfied <= 0 || !v.scene.judged.names[t.Phase] {
		return
	}
	wait, censored := replyWait(t, v.scene.run.Elapsed)
	switch {
	case t.Outcome == parley.Abandoned || wait > 4*satisfied:
		s.Frustrated++
		s.apdex.Add(t.Due, 0)
	case censored:
	case wait <= satisfied:
		s.Satisfied++
		s.apdex.Add(t.Due, 1)
	default:
		s.Tolerating++
		s.apdex.Add(t.Due, 0.5)
	}
}

// untied counts a call of the judged phases that was tied to no turn, if it reaches a goal.
func (v *visitCount) untied(c *parley.Call) {
	if len(v.goals) == 0 || !c.Succeeded() {
		return
	}
	if op := (operation{wireName(c.Wire), c.Operation}); v.goals[op] {
		v.missed[op]++
	}
}

// ending is what a visit came to.
func (v *visitCount) ending(c *visit) ending {
	switch {
	case c.abandoned:
		return abandoned
	case c.answered && c.final:
		return finished
	case c.unfinished || c.answered && v.scene.run.State == parley.Running:
		return open // of a record that ends before the run, or lacks rows
	default:
		return cut
	}
}

// count enters a judged visit.
func (s *scenarioVisits) count(c *visit, how ending, hasGoal bool) {
	s.Begun++
	switch how {
	case finished:
		s.Finished++
	case abandoned:
		s.Abandoned++
	case cut:
		s.Cut++
		return
	case open:
		s.Open++
		return
	}
	s.WithGoal += one(hasGoal)
	s.Reached += one(hasGoal && c.goal)
	succeeded := c.succeeded(how, hasGoal)
	s.Succeeded += one(succeeded)
	s.success.Add(c.begun, succeeded)
	s.abandonment.Add(c.begun, how == abandoned)
	if hasGoal {
		s.conversion.Add(c.begun, c.goal)
	}
}

func (c *visit) succeeded(how ending, hasGoal bool) bool {
	if hasGoal {
		return c.goal
	}
	return how == finished
}

// estimate fills in the shares, given how many more goals may have been reached.
func (s *scenarioVisits) estimate(missed int) VisitCount {
	s.Success, s.Conversion, s.Abandonment = s.success.Estimate(), s.conversion.Estimate(), s.abandonment.Estimate()
	if more := min(missed, s.WithGoal-s.Reached); more > 0 {
		s.Success.High, s.Conversion.High = s.success.HighWith(more), s.conversion.HighWith(more)
	}
	s.Apdex = s.apdex.Estimate()
	return s.VisitCount
}

// result is what the conversations came to. It enters them into money, which may be nil, as well.
func (v *visitCount) result(money *moneyCount) Visits {
	all := v.tally(-1)
	tallies := make([]*scenarioVisits, len(v.names))
	hasGoal := make([]bool, len(v.names))
	for i, name := range v.names {
		tallies[i] = v.scenarios[name]
		_, hasGoal[i] = v.scene.goals[name]
	}
	money.begin()
	for i := range v.visits {
		c := &v.visits[i]
		if !c.judged {
			continue
		}
		how, goal := v.ending(c), hasGoal[c.scenario]
		tallies[c.scenario].count(c, how, goal)
		all.count(c, how, goal)
		money.visit(c, how, goal)
	}
	out := Visits{Target: v.scene.run.Satisfied.Seconds()}
	for i, s := range tallies {
		all.merge(s)
		if s.Begun == 0 && s.Satisfied+s.Tolerating+s.Frustrated == 0 {
			continue
		}
		goal := v.scene.goals[v.names[i]]
		out.Scenarios = append(out.Scenarios, ScenarioVisit{
			Name: v.names[i], Goal: goal.What, VisitCount: s.estimate(v.missed[operation{goal.Wire, goal.Operation}]),
			PerConversation: money.scenario(s.place),
		})
	}
	for _, n := range v.missed {
		out.Untied += n
	}
	out.VisitCount = all.estimate(out.Untied)
	slices.SortFunc(out.Scenarios, func(a, b ScenarioVisit) int {
		return cmp.Or(cmp.Compare(b.Begun, a.Begun), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// merge takes over the marks of a scenario's turns.
func (s *scenarioVisits) merge(other *scenarioVisits) {
	s.Satisfied += other.Satisfied
	s.Tolerating += other.Tolerating
	s.Frustrated += other.Frustrated
	s.apdex.Merge(other.apdex)
}
