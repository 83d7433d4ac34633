package diagnose

import (
	"fmt"
	"time"

	"parley"
	"parley/internal/anatomy"
)

// answer is the sentence that an analysis opens with.
func (e *Evidence) answer(d *parley.Diagnosis) string {
	if len(e.Cases.Turns) == 0 {
		return "Nothing can be said: no turn of a judged phase was recorded."
	}
	mean, p95 := e.reply()
	for i := range d.Findings {
		f := &d.Findings[i]
		if f.SavedP95 != nil && max(f.SavedP95.Value, f.Saved.Value) > 0 {
			return e.limited(f, mean, p95)
		}
	}
	text := e.largest(p95)
	switch {
	case len(d.Findings) > 0:
		return "Nothing that was seen makes this bot slow, but it has a fault: " + lower(d.Findings[0].What) + " " + text
	case len(d.Unknown) > 0:
		return fmt.Sprintf("No cause was found that is this bot's own; %s could not tell. %s", counted(len(d.Unknown), "check"), text)
	default:
		return "No cause was found that is this bot's own. " + text
	}
}

// limited says what limits the bot, by how much, how sure.
func (e *Evidence) limited(f *parley.Finding, mean, p95 float64) string {
	saved, of, which := f.SavedP95, p95, "p95"
	if f.Saved.Value/mean > f.SavedP95.Value/p95 {
		saved, of, which = f.Saved, mean, "mean"
	}
	return fmt.Sprintf("What limits this bot: %s Without it the %s reply of %s would take %s less (%s to %s), %s of it; %s of %s turns show it, confidence %s.",
		sentence(f.What), which, seconds(of), seconds(saved.Value), seconds(max(0, saved.Low)), seconds(saved.High), share(min(1, saved.Value/of)),
		parley.FormatNumber(float64(f.Affected)), parley.FormatNumber(float64(f.Turns)), share(f.Confidence))
}

// largest says where most of a reply goes.
func (e *Evidence) largest(p95 float64) string {
	if len(e.Summary.Split) == 0 {
		return fmt.Sprintf("Replies take %s at p95.", seconds(p95))
	}
	part := e.Summary.Split[0]
	assumed := ""
	if part.Assumed {
		assumed = ", whose latency is assumed by the plan"
	}
	return fmt.Sprintf("Replies take %s at p95, and most of a reply, %s, is %s%s.", seconds(p95), share(part.Share), anatomy.Label(part.Name), assumed)
}

// seconds writes a time the way reports do.
func seconds(s float64) string { return parley.FormatDuration(time.Duration(s * float64(time.Second))) }

// share writes a part of a whole the way reports do.
func share(of float64) string { return parley.ShortenFigure(parley.FormatShare(of)) }

// counted is a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// sentence ends with a full stop.
func sentence(text string) string {
	if text != "" && text[len(text)-1] != '.' {
		return text + "."
	}
	return text
}

// lower has a small first letter, unless the first word is a name in capitals.
func lower(text string) string {
	r := []rune(text)
	if len(r) > 1 && r[0] >= 'A' && r[0] <= 'Z' && r[1] >= 'a' && r[1] <= 'z' {
		r[0] += 'a' - 'A'
	}
	return string(r)
}
