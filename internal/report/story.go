package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"parley"
	"parley/internal/anatomy"
)

// story is the document in words, in the order of every report. The terminal
// and the page differ in how they show it, not in what it says.
type story struct {
	Tone     tone
	Badge    string // "pass", "cannot tell", "not judged"
	Sentence string
	Facts    []fact // which run this is
	Keys     []fact // the few figures a hurried reader wants
	Problems []parley.Problem
	Missing  []string
	Warnings []string
	Found    *findingsStory

	Budgets   []budgetRow
	Judged    string // which turns the figures are of
	Waits     []waitRow
	Visits    *visitStory
	Money     *moneyStory
	Split     []splitRow
	Upstreams []upstreamRow
	Anatomy   *anatomyStory
	More      string // how many operations are left out, empty for none
	Ramp      *rampStory
	Messages  []countRow
	Counts    []countRow
	Failures  []anatomy.Tally
	Validity  string // whether parley itself kept up
	ValidTone tone
	Invalid   []string // the limits it passed
	Health    []healthRow
	Assumed   []parley.Assumption
	Machine   []fact // environment fingerprint
	Glossary  []definition
}

// tone is what a judgement looks like: a mark, a word and a colour.
type tone string

const (
	good   tone = "pass"
	bad    tone = "fail"
	unsure tone = "unsure"
	quiet  tone = "none"
)

// toneOf says how a judgement looks.
func toneOf(j parley.Judgement) tone {
	switch j {
	case parley.Pass:
		return good
	case parley.Fail:
		return bad
	case parley.CannotTell:
		return unsure
	case parley.NotMeasured, parley.AssumedOnly:
		return quiet
	default:
		return quiet
	}
}

// mark is the tone in one character, for those who cannot see its colour.
func (t tone) mark() string {
	switch t {
	case good:
		return "✓"
	case bad:
		return "✗"
	case unsure:
		return "?"
	default:
		return "–"
	}
}

// fact is something named. Key leads to its definition, empty for what needs none.
type fact struct {
	Name, Value, Note, Key string
}

// tell puts a document into words.
func tell(d Document) story {
	sum := d.summary()
	s := story{
		Problems:  d.Run.Problems,
		Missing:   d.Missing,
		Warnings:  d.Run.Warnings,
		Found:     tellFindings(d),
		Facts:     runFacts(d.Run),
		Keys:      keyFigures(sum),
		Budgets:   budgetRows(d.Run),
		Judged:    judged(sum),
		Waits:     waitRows(sum),
		Visits:    tellVisits(sum),
		Money:     tellMoney(d.Run, sum),
		Split:     splitRows(sum.Split),
		Upstreams: upstreamRows(sum.Upstreams),
		Anatomy:   tellAnatomy(sum),
		Ramp:      tellRamp(sum.Ramp),
		Messages:  messageRows(d.Run.Messages),
		Counts:    countRows(sum),
		Failures:  sum.Judged.Failures,
		Invalid:   d.Run.Generator.Invalid,
		Health:    healthRows(d.Run.Generator),
		Assumed:   d.Run.Assumed,
		Machine:   machineFacts(d.Run),
		Glossary:  glossary(),
	}
	s.ValidTone, s.Validity = validity(d.Run, sum)
	s.Tone, s.Badge, s.Sentence = headline(d.Run, sum)
	return s
}

// headline is the verdict, or what stands in its place.
func headline(run *parley.Run, sum *anatomy.Summary) (tone, string, string) {
	const stopped = "interrupted" // by a person, which says more than that nobody can tell
	if v := run.Verdict; v != nil {
		badge := string(v.Result)
		if run.State == parley.Interrupted {
			badge = stopped
		}
		return toneOf(v.Result), badge, v.Sentence
	}
	sentence := crowdSentence(sum)
	switch run.State {
	case parley.Interrupted:
		return unsure, stopped, "The run was interrupted before it could be judged. " + sentence
	case parley.Broken:
		return bad, "broken off", "The run broke off before it could be judged. " + sentence
	case parley.Running:
		return unsure, "no recorded end", "The run is still going on, or its recorder was killed. " + sentence
	case parley.Complete:
		return quiet, "not judged", sentence
	default:
		return quiet, "not judged", sentence
	}
}

// crowdSentence says in one sentence what the users saw.
func crowdSentence(sum *anatomy.Summary) string {
	c := sum.Judged
	if c.Turns == 0 {
		return "No turn was recorded, so there is nothing to measure."
	}
	text := fmt.Sprintf("%s of %s answered", count(c.Answered), plural(c.Turns, "turn"))
	if q, ok := quantileOf(c.Reply, "p95"); ok {
		text += ", 95 % of them within " + estimate(q.Estimate, parley.Seconds).Value
		if q.ValueBeyond {
			text = fmt.Sprintf("%s of %s answered; more than 5 %% waited longer than %s",
				count(c.Answered), plural(c.Turns, "turn"), parley.ShortenFigure(seconds(q.Value)))
		}
	}
	return text + "."
}

// runFacts says which run this is.
func runFacts(run *parley.Run) []fact {
	facts := []fact{{Name: "run", Value: run.Name}}
	if run.Name == "" {
		facts[0].Value = run.ID
	}
	if !run.Started.IsZero() {
		facts = append(facts, fact{Name: "started", Value: run.Started.UTC().Format("2 January 2006, 15:04 UTC")})
	}
	facts = append(facts, fact{Name: "lasted", Value: span(run.Elapsed) + stateWord(run.State), Key: "lasted"})
	if load := loadWords(run.Phases); load != "" {
		facts = append(facts, fact{Name: "load", Value: load, Key: "load"})
	}
	return facts
}

func stateWord(s parley.State) string {
	switch s {
	case parley.Interrupted, parley.Broken:
		return ", " + string(s)
	case parley.Running:
		return ", no recorded end"
	case parley.Complete:
		return ""
	default:
		return ""
	}
}

// loadWords tells the loaded phases, shortest description that is still exact.
func loadWords(phases []parley.Phase) string {
	var parts []string
	for _, p := range phases {
		switch p.Kind {
		case parley.Steady:
			parts = append(parts, number(p.Rate)+" conversations an hour"+lasting(p))
		case parley.Ramp:
			top := p.Rate
			for _, step := range p.Steps {
				top = max(top, step.Rate)
			}
			parts = append(parts, fmt.Sprintf("a ramp from %s to %s conversations an hour", number(p.Rate), number(top)))
		case parley.Canary, parley.Solo, parley.WarmUp, parley.Drain:
		}
	}
	return strings.Join(parts, ", then ")
}

// lasting says how long a phase was, nothing if its end is not recorded.
func lasting(p parley.Phase) string {
	if p.End == parley.None {
		return ""
	}
	return " for " + span(p.End-p.Start)
}

// keyFigures are the figures people quote.
func keyFigures(sum *anatomy.Summary) []fact {
	c := sum.Judged
	if c.Turns == 0 {
		return nil
	}
	var facts []fact
	if q, ok := quantileOf(c.Reply, "p95"); ok {
		f := estimate(q.Estimate, parley.Seconds)
		facts = append(facts, fact{Name: "reply, p95", Value: f.Value, Note: f.Interval, Key: "reply"})
	}
	if f := estimate(c.AnsweredOf, parley.Ratio); f.Value != nothing {
		facts = append(facts, fact{Name: "answered", Value: f.Value, Note: f.Interval, Key: "answered"})
	}
	facts = append(facts, fact{Name: "messages answered", Value: number(c.PerHour), Note: "per hour", Key: "messages"})
	if sum.Ramp != nil && sum.Ramp.Knee != nil {
		f := estimate(sum.Ramp.Knee.Capacity, parley.Count)
		facts = append(facts, fact{Name: "knee", Value: f.Value, Note: strings.Join(nonEmpty("messages an hour", f.Interval), ", "), Key: "knee"})
	} else {
		facts = append(facts, fact{Name: "open at once", Value: number(c.Concurrency),
			Note: "conversations, mean; " + count(c.PeakConcurrency) + " at most", Key: "concurrency"})
	}
	if f := estimate(sum.Visits.Success, parley.Ratio); f.Value != nothing {
		facts = append(facts, fact{Name: "success", Value: f.Value, Note: f.Interval, Key: "success"})
	}
	if sum.Money != nil {
		if f := estimate(scaled(sum.Money.PerConversation, thousand), parley.Dollars); f.Value != nothing {
			facts = append(facts, fact{Name: "cost per 1,000", Value: f.Value, Note: f.Interval, Key: "cost_1000"})
		}
	}
	return facts
}

// judged says which turns the figures are of.
func judged(sum *anatomy.Summary) string {
	c := sum.Judged
	if c.Turns == 0 {
		return ""
	}
	text := fmt.Sprintf("%s of %s", plural(c.Turns, "turn"), plural(c.Conversations, "conversation"))
	if sum.JudgedPhase != "" {
		text += ", phase " + sum.JudgedPhase
	}
	if sum.JudgedFor > 0 {
		text += " (" + span(sum.JudgedFor) + ")"
	}
	return text
}

// validity says whether the load itself can be trusted.
func validity(run *parley.Run, sum *anatomy.Summary) (tone, string) {
	if len(run.Generator.Invalid) > 0 {
		return bad, "Not valid: parley itself fell behind, so a slow figure may be its own."
	}
	if sum.Judged.Turns == 0 {
		return quiet, "No load was measured, so parley's own health was not put to the test."
	}
	return good, "Valid: parley kept to its schedule and within its own limits."
}

// machineFacts is the fingerprint of everything that ran.
func machineFacts(run *parley.Run) []fact {
	e := run.Environment
	facts := []fact{
		{Name: "run id", Value: run.ID},
		{Name: "seed", Value: fmt.Sprint(run.Seed)},
		{Name: "record format", Value: fmt.Sprint(run.Version)},
		{Name: "parley", Value: e.Parley},
		{Name: "Go", Value: e.Go},
		{Name: "system", Value: strings.Trim(e.OS+"/"+e.Arch, "/")},
		{Name: "kernel", Value: e.Kernel},
		{Name: "processor", Value: e.CPU},
	}
	if e.Cores > 0 {
		facts = append(facts, fact{Name: "cores", Value: fmt.Sprint(e.Cores)})
	}
	if e.MemoryMB > 0 {
		facts = append(facts, fact{Name: "memory", Value: count(e.MemoryMB) + " MB"})
	}
	for _, key := range slices.Sorted(maps.Keys(e.Target)) {
		facts = append(facts, fact{Name: "target: " + key, Value: e.Target[key]})
	}
	return slices.DeleteFunc(facts, func(f fact) bool { return f.Value == "" })
}
