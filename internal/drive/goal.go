package drive

import (
	"slices"
	"strings"

	"parley"
	"parley/internal/plan"
)

// pursuit is what a conversation keeps whose goal is a call of the bot: a call may end when the turn it was made in has passed.
type pursuit struct {
	ids     []int64       // of all its turns
	past    []parley.Turn // those before the current one, as recorded; none once the goal is reached
	reached bool
}

// callGoals lists the goals of a plan that calls reach.
func callGoals(p *plan.Plan) (goals []*plan.Goal) {
	for i := range p.Scenarios {
		if g := p.Scenarios[i].Goal; g != nil && g.Wire != "" {
			goals = append(goals, g)
		}
	}
	return goals
}

// reaches reports whether a call is the one that reaches a goal.
func reaches(g *plan.Goal, c *parley.Call) bool {
	wire, _, _ := strings.Cut(c.Wire, "/")
	return g != nil && g.Wire == wire && g.Operation == c.Operation
}

// Called tells the driver of a call that has ended: its turn may make the next one. It also may reach the goal of the conversation it was tied to: the
// turn it was made in is then recorded (again, if it is over) with Goal set. One that failed or was tied to no
// turn reaches none. A goal is reached once.
func (d *Driver) Called(call *parley.Call) {
	d.Over(call)
	if call.Turn == 0 || !slices.ContainsFunc(d.goals, func(g *plan.Goal) bool { return reaches(g, call) }) || !call.Succeeded() {
		return
	}
	if c := d.registry.pursuer(call.Turn); c != nil && reaches(c.script.scenario.Goal, call) {
		c.reach(call.Turn)
	}
}

// pursue notes that calls tied to the current turn may reach the goal. The caller holds mu.
func (c *conversation) pursue() {
	g := c.script.scenario.Goal
	if g == nil || g.Wire == "" {
		return
	}
	if c.pursuit == nil {
		c.pursuit = &pursuit{}
	}
	c.pursuit.ids = append(c.pursuit.ids, c.turn.ID)
	c.d.registry.pursue(c, c.turn.ID)
}

// pass keeps the current turn, which the next one is about to replace. The caller holds mu.
func (c *conversation) pass() {
	if p := c.pursuit; p != nil && !p.reached {
		p.past = append(p.past, c.turn)
	}
}

// reach notes that the goal was reached in a turn.
func (c *conversation) reach(turn int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.pursuit
	if p.reached {
		return
	}
	if c.turn.ID == turn {
		c.turn.Goal = true
		c.touch()
		c.recordChange() // at once: nothing else may happen to a turn that is over
	} else if i := slices.IndexFunc(p.past, func(t parley.Turn) bool { return t.ID == turn }); i >= 0 {
		row := p.past[i]
		row.Goal = true
		c.d.o.Recorder.Turn(row)
	}
	p.reached, p.past = true, nil
}

// weigh notes whether a reply of the bot reaches the goal, which is reached once. The caller holds mu.
func (c *conversation) weigh(text string) {
	if g := c.script.scenario.Goal; g != nil && g.Reply != nil && !c.won && g.Reply.MatchString(text) {
		c.turn.Goal, c.won = true, true
	}
}

// pursue ties a turn to its conversation.
func (r *registry) pursue(c *conversation, turn int64) {
	r.mu.Lock()
	r.byTurn[turn] = c
	r.mu.Unlock()
}

// pursuer is the conversation of a turn, nil if it has no goal that a call reaches or is forgotten.
func (r *registry) pursuer(turn int64) *conversation {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byTurn[turn]
}

// relent undoes pursue for all turns of a conversation.
func (r *registry) relent(p *pursuit) {
	if p == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, turn := range p.ids {
		delete(r.byTurn, turn)
	}
}
