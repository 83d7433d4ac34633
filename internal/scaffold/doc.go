// Package scaffold writes a plan for a bot from what package survey found in its folder, and a compose
// override for a bot that runs in containers. A line that rests on evidence names it in a comment; a line
// that rests on a name or a habit says "guess". It reads and writes no file.
package scaffold

import (
	"fmt"
	"strings"

	"parley/internal/survey"
)

// Options say for which folder the plan is.
type Options struct {
	// Folder is the name of the bot's folder.
	Folder string
	// Dir is the bot's folder seen from the plan's, empty if they are the same.
	Dir string
	// Here: parley starts the bot itself, whatever compose files say.
	Here bool
}

// Draft is what is to be written.
type Draft struct {
	Plan string
	// Override is a compose file on top of the bot's own, empty if the bot is no container.
	Override string
	// Notes are what the user should know or do, most important first.
	Notes []string
	// Findings are the summary, one a line: what, and where it shows.
	Findings [][2]string
}

// OverrideName is the override's, beside the compose file it is for.
const OverrideName = "compose.parley.yaml"

// Refusal says why no plan was written: it could not run.
type Refusal struct {
	Problem, Hint string
	Found         [][2]string
}

// Error is the problem, what was found, and what to do.
func (r *Refusal) Error() string {
	var b strings.Builder
	b.WriteString(r.Problem)
	for _, f := range r.Found {
		fmt.Fprintf(&b, "\n  %-12s %s", f[0], f[1])
	}
	if r.Hint != "" {
		b.WriteString("\n" + r.Hint)
	}
	return b.String()
}

// Write makes the plan. The error is a *Refusal.
func Write(bot *survey.Bot, o Options) (*Draft, error) {
	if err := refuse(bot); err != nil {
		return nil, err
	}
	d := &draft{bot: bot, o: o, taken: map[string]bool{}}
	if !o.Here {
		d.composed = servingService(bot.Compose)
	}
	if d.composed == nil && len(bot.Start.Command) == 0 {
		d.note("nothing in the folder tells how the bot is started: add target.command to the plan, or start the bot yourself with the variables named there")
	}
	d.wire()
	out := &Draft{Plan: d.plan(), Findings: findings(bot)}
	if d.composed != nil {
		out.Override = d.override()
	}
	out.Notes = append(d.notes, bot.Warnings...)
	return out, nil
}

// refuse says no to what cannot become a plan that runs.
func refuse(bot *survey.Bot) error {
	if bot.Language == "" {
		return &Refusal{
			Problem: "no bot found: there is no source in Python, JavaScript, TypeScript or Go in this folder",
			Hint:    "call init in the folder of the bot's source, or write the plan by hand (docs/plan.md)",
		}
	}
	if len(bot.Platforms) > 0 {
		for _, p := range bot.Platforms {
			if p.Name == survey.Evolution {
				return nil
			}
		}
		return &Refusal{
			Problem: fmt.Sprintf("this bot speaks %s, which parley does not simulate yet; a plan for it could not run, so none was written", platformName(bot.Platforms[0].Name)),
			Hint:    "parley plays WhatsApp by way of the Evolution API",
			Found:   findings(bot),
		}
	}
	if len(bot.Webhooks) > 0 && addressOf(bot, survey.Evolution) {
		return nil
	}
	return &Refusal{
		Problem: "no bot found: nothing here calls the Evolution API (POST /message/sendText), so there is no platform parley could play",
		Hint:    "call init in the folder of the bot's source, or write the plan by hand (docs/plan.md)",
		Found:   findings(bot),
	}
}

func addressOf(bot *survey.Bot, service survey.Service) bool {
	for i := range bot.Variables {
		if v := &bot.Variables[i]; v.Service == service && v.Part == survey.URL {
			return true
		}
	}
	return false
}

func platformName(s survey.Service) string {
	switch s {
	case survey.LINE:
		return "LINE"
	case survey.Cloud:
		return "the WhatsApp Cloud API"
	case survey.Twilio:
		return "Twilio"
	case survey.Telegram:
		return "Telegram"
	default:
		return "the Evolution API"
	}
}

func servingService(c *survey.Compose) *survey.Composed {
	if c == nil {
		return nil
	}
	for i := range c.Services {
		if c.Services[i].Serves {
			return &c.Services[i]
		}
	}
	return nil
}

// findings is the summary of a survey.
func findings(bot *survey.Bot) (list [][2]string) {
	add := func(what, value string, at survey.Place) {
		if at.File != "" {
			value += "  (" + at.String() + ")"
		}
		list = append(list, [2]string{what, value})
	}
	add("language", strings.Trim(bot.Language+", "+bot.Framework, ", "), bot.FrameworkAt)
	for _, p := range bot.Platforms {
		add("platform", fmt.Sprintf("%s: %s", platformName(p.Name), p.What), p.At)
	}
	if len(bot.Start.Command) > 0 {
		add("start", strings.Join(bot.Start.Command, " "), bot.Start.At)
	}
	for i, step := range bot.Start.Setup {
		add("setup", strings.Join(step, " "), bot.Start.SetupAt[i])
	}
	if len(bot.Webhooks) > 0 {
		add("webhook", "POST "+bot.Webhooks[0].Path, bot.Webhooks[0].At)
	}
	if len(bot.Health) > 0 {
		add("health", "GET "+bot.Health[0].Path, bot.Health[0].At)
	}
	for _, s := range bot.Services {
		add(string(s.Name), s.What, s.At)
	}
	for i := range bot.Variables {
		if v := &bot.Variables[i]; v.Service != "" && v.Part != survey.Options {
			add("variable", fmt.Sprintf("%s: %s of %s", v.Name, v.Part, v.Service), v.At)
		}
	}
	if c := servingService(bot.Compose); c != nil {
		add("compose", "service "+c.Name, c.At)
	}
	return list
}
