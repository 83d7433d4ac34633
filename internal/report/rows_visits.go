package report

import (
	"fmt"
	"slices"

	"parley"
	"parley/internal/anatomy"
)

// visitStory is what conversations came to; nil if none was recorded.
type visitStory struct {
	Counts []countRow
	Shares []shareRow
	Notes  []string
	Rows   []scenarioRow
	// What the table of scenarios has a column for.
	HasGoals, HasShares, HasApdex, HasCost bool
}

// shareRow is a share of the conversations, or the Apdex.
type shareRow struct {
	Name, Key string
	Figure    figure
	Note      string // what it is a share of
}

// scenarioRow is one scenario: its conversations, and the replies to their turns.
type scenarioRow struct {
	Name, Goal    string
	Conversations string
	Turns         int
	P50, P95      figure
	Max           string
	Success       figure
	Abandonment   figure
	Apdex         figure
	Cost          figure // per 1,000 conversations
	reply         anatomy.Waits
}

// apdex is the unit of the Apdex: a share that is written with two decimals.
const apdex parley.Unit = "apdex"

// thousand is the number of conversations whose cost reports state.
const thousand = 1000

func tellVisits(sum *anatomy.Summary) *visitStory {
	v := sum.Visits
	out := &visitStory{Rows: scenarioRows(sum)}
	if v.Begun == 0 && len(out.Rows) == 0 {
		return nil
	}
	for _, r := range out.Rows {
		out.HasGoals = out.HasGoals || r.Goal != ""
		out.HasShares = out.HasShares || r.Success.Value != nothing
		out.HasApdex = out.HasApdex || r.Apdex.Value != nothing
		out.HasCost = out.HasCost || r.Cost.Value != nothing
	}
	if v.Begun == 0 {
		return out
	}
	out.Counts = visitCounts(v.VisitCount)
	out.Shares = shareRows(v)
	if v.Untied > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("%s to a goal's operation succeeded and could not be tied to a turn: "+
			"up to that many more conversations may have reached their goal, which the upper bounds take into account.", plural(v.Untied, "call")))
	}
	return out
}

// visitCounts leaves out a fate that no conversation had, but for the first three.
func visitCounts(v anatomy.VisitCount) []countRow {
	row := func(name string, n int, key string) countRow {
		return countRow{Name: name, Value: count(n), Key: key, Share: share(n, v.Begun), Of: float64(n) / float64(max(v.Begun, 1))}
	}
	rows := []countRow{
		row("begun", v.Begun, "begun"),
		row("finished", v.Finished, "finished"),
		row("abandoned", v.Abandoned, "gave_up"),
	}
	if v.Cut > 0 {
		rows = append(rows, row("cut", v.Cut, "cut_conversations"))
	}
	if v.Open > 0 {
		rows = append(rows, row("no recorded end", v.Open, "open_conversations"))
	}
	if v.WithGoal > 0 {
		rows = append(rows, row("reached their goal", v.Reached, "reached"))
	}
	return rows
}

func shareRows(v anatomy.Visits) []shareRow {
	ended := plural(v.Finished+v.Abandoned, "conversation") + " seen to the end"
	rows := []shareRow{{"success", "success", estimate(v.Success, parley.Ratio), "of " + ended}}
	if v.WithGoal > 0 {
		rows = append(rows, shareRow{"conversion", "conversion", estimate(v.Conversion, parley.Ratio), "of " + count(v.WithGoal) + " with a goal"})
	}
	rows = append(rows, shareRow{"abandonment", "abandonment", estimate(v.Abandonment, parley.Ratio), "of " + ended})
	if v.Target > 0 {
		rows = append(rows, shareRow{"Apdex, T = " + parley.ShortenFigure(seconds(v.Target)), "apdex", estimate(v.Apdex, apdex),
			fmt.Sprintf("%s satisfied, %s tolerating, %s frustrated", count(v.Satisfied), count(v.Tolerating), count(v.Frustrated))})
	}
	return slices.DeleteFunc(rows, func(r shareRow) bool { return r.Figure.Value == nothing })
}

// scenarioRows joins what a scenario's conversations came to with the replies to its turns.
func scenarioRows(sum *anatomy.Summary) []scenarioRow {
	var rows []scenarioRow
	for _, v := range sum.Visits.Scenarios {
		row := scenarioRow{
			Name: v.Name, Goal: v.Goal, Conversations: count(v.Begun),
			P50: figure{Value: nothing}, P95: figure{Value: nothing}, Max: nothing,
			Success: estimate(v.Success, parley.Ratio), Abandonment: estimate(v.Abandonment, parley.Ratio),
			Apdex: estimate(v.Apdex, apdex), Cost: figure{Value: nothing},
		}
		if sum.Visits.Target == 0 {
			row.Apdex = figure{Value: nothing}
		}
		if v.PerConversation != nil {
			row.Cost = estimate(scaled(*v.PerConversation, thousand), parley.Dollars)
		}
		rows = append(rows, row)
	}
	for _, sc := range sum.Judged.Scenarios {
		i := slices.IndexFunc(rows, func(r scenarioRow) bool { return r.Name == sc.Name })
		if i < 0 {
			unknown := figure{Value: nothing}
			rows = append(rows, scenarioRow{Name: sc.Name, Conversations: nothing, Success: unknown, Abandonment: unknown, Apdex: unknown, Cost: unknown})
			i = len(rows) - 1
		}
		cells := quantileCells(sc.Reply)
		rows[i].Turns, rows[i].P50, rows[i].P95, rows[i].Max = sc.Turns, cells[0], cells[3], longest(sc.Reply)
		rows[i].reply = sc.Reply
	}
	return rows
}

// scaled multiplies an estimate by an exact factor.
func scaled(e parley.Estimate, by float64) parley.Estimate {
	e.Value, e.Low, e.High = e.Value*by, e.Low*by, e.High*by
	return e
}
