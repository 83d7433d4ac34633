package report

import (
	"cmp"
	"fmt"
	"slices"

	"parley"
	"parley/internal/anatomy"
)

// rampStory is the growing load.
type rampStory struct {
	*anatomy.Ramp
	Rows     []rampRow
	Sentence string
}

// rampRow is one step of the ramp, rates in messages per hour.
type rampRow struct {
	Step                        int
	Offered, Answered, InFlight string
	P50, P95                    figure
	Failed                      string
	LastGood                    bool
}

// tellRamp returns nil if there was no ramp.
func tellRamp(r *anatomy.Ramp) *rampStory {
	if r == nil || len(r.Steps) == 0 {
		return nil
	}
	out := &rampStory{Ramp: r, Sentence: rampSentence(r)}
	for _, st := range r.Steps {
		cells := quantileCells(st.Reply)
		out.Rows = append(out.Rows, rampRow{
			Step: st.Step, Offered: number(st.Offered), Answered: number(st.Answered), InFlight: number(st.InFlight),
			P50: cells[0], P95: cells[3], Failed: parley.ShortenFigure(quantity(st.Failed, parley.Ratio)),
			LastGood: r.Knee != nil && r.Knee.LastGood == st.Step,
		})
	}
	return out
}

func rampSentence(r *anatomy.Ramp) string {
	if r.Knee == nil {
		top := slices.MaxFunc(r.Steps, func(a, b anatomy.RampStep) int { return cmp.Compare(a.Offered, b.Offered) })
		text := fmt.Sprintf("No knee was reached: the bot kept up with the highest load offered, %s messages an hour.", number(top.Offered))
		if r.Stopped != "" {
			text = fmt.Sprintf("No knee was found up to %s messages an hour.", number(top.Offered))
		}
		if r.Why != "" {
			text = "No knee was found: " + r.Why + "."
		}
		return text + stopped(r.Stopped)
	}
	f := estimate(r.Knee.Capacity, parley.Count)
	text := "The bot keeps up with " + f.Value + " messages an hour"
	if f.Interval != "" {
		text += " (95 % interval " + f.Interval + ")"
	}
	if why := cmp.Or(r.Knee.Why, r.Why); why != "" {
		text += "; " + why
	}
	return text + "." + stopped(r.Stopped)
}

func stopped(why string) string {
	if why == "" {
		return ""
	}
	return " The ramp ended early: " + why + "."
}
