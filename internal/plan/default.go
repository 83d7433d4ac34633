package plan

import (
	"path/filepath"
	"regexp"
	"time"

	"parley"
	"parley/internal/fault"
)

// AssumedReply is the reply time that [Plan.Expect] and the help texts reckon
// with before anything has been measured.
const AssumedReply = 2 * time.Second

// defaultPlan holds every default that does not depend on other values. docs/plan.md lists them.
func defaultPlan(dir string) *Plan {
	return &Plan{
		Name: defaultName(dir),
		Seed: 1,
		Target: Target{
			Platform:     "evolution",
			StartTimeout: 30 * time.Second,
			Dir:          dir,
			Proxy:        Proxy{Listen: freeLoopbackPort},
			Probe:        Probe{On: true, Every: 100 * time.Millisecond},
			Evolution: Evolution{
				Version:     "v2",
				Media:       "api",
				Instance:    "parley",
				APIKey:      "parley-simulated-key",
				Number:      "5511999990000",
				Echo:        true,
				Statuses:    true,
				Retry:       Retry{Attempts: 10, InitialDelay: 5 * time.Second, MaxDelay: 5 * time.Minute, Timeout: 30 * time.Second},
				Listen:      freeLoopbackPort,
				Env:         []string{"EVOLUTION_API_URL"},
				SendLatency: mustDist("lognormal(p50=120ms, p95=350ms)"),
				Source:      "default",
			},
		},
		Users: Users{Returning: 0.3, Alike: 0.2, Prefix: "999", Satisfied: 2 * time.Second},
		Load: Load{
			ConversationsPerHour: 1200,
			Concurrency:          500,
			Arrivals:             "poisson",
			Phases:               []Phase{defaultPhase(parley.Solo), defaultPhase(parley.WarmUp), defaultPhase(parley.Steady)},
		},
		Budgets: defaultBudgets(),
		Safety:  Safety{MessagesPerHour: 200_000, Users: 5000, Duration: time.Hour},
	}
}

// freeLoopbackPort lets the system pick a port only this machine can reach.
const freeLoopbackPort = "127.0.0.1:0"

// defaultName makes a run's name of the folder the plan lies in.
func defaultName(dir string) string {
	name := regexp.MustCompile(`[^A-Za-z0-9._-]+`).ReplaceAllString(filepath.Base(dir), "-")
	if name, err := runName(name[:min(len(name), 64)]); err == nil {
		return name
	}
	return "bot"
}

// defaultTurn holds the habits of users whose scenario says nothing about them.
func defaultTurn() Turn {
	return Turn{
		Gap:      mustDist("600ms..1.5s"),
		Think:    mustDist("lognormal(p50=4s, p95=12s)"),
		Patience: 30 * time.Second,
		Answered: AnswerRule{Mode: "first"},
	}
}

// defaultPhase returns a phase of which the plan says nothing but its kind.
func defaultPhase(kind parley.PhaseKind) Phase {
	switch kind {
	case parley.Solo:
		return Phase{Kind: kind, Duration: 20 * time.Second, Rate: 1}
	case parley.WarmUp:
		return Phase{Kind: kind, Duration: 30 * time.Second, Rate: 1}
	case parley.Ramp:
		// Nine steps: 1 · 1.5⁸ is the first beyond 20.
		return Phase{Kind: kind, Duration: 3 * time.Minute, Rate: 1, To: 20, Growth: 1.5, Step: 20 * time.Second}
	default:
		// Long enough for the default budget on errors: below 1 % takes some 380 turns without one.
		return Phase{Kind: kind, Duration: 5 * time.Minute, Rate: 1}
	}
}

// defaultOpenAI is a language model service of middling speed without limits.
func defaultOpenAI() OpenAI {
	return OpenAI{
		APIKey:          "sk-simulated",
		FirstToken:      mustDist("lognormal(p50=450ms, p95=1.1s)"),
		PerToken:        mustDist("lognormal(p50=9ms, p95=18ms)"),
		PerPromptToken:  40 * time.Microsecond,
		PerCallInFlight: 0.002,
		Embedding:       mustDist("lognormal(p50=120ms, p95=300ms)"),
		Transcription:   mustDist("lognormal(p50=700ms, p95=1.5s)"),
		PerAudioSecond:  30 * time.Millisecond,
		Source:          "default",
	}
}

// defaultEnv names the variable that carries a dependency's URL to the bot, as
// the usual client libraries read it.
func defaultEnv(kind string) []string {
	switch kind {
	case "openai":
		return []string{"OPENAI_BASE_URL"}
	case "calendar":
		return []string{"GOOGLE_CALENDAR_URL"}
	case "http":
		return nil // nobody can guess it
	case "postgres":
		return []string{"DATABASE_URL"}
	default:
		return []string{"REDIS_URL"}
	}
}

// defaultBudgets are the promises such bots publish.
func defaultBudgets() []parley.Budget {
	var budgets []parley.Budget
	for _, text := range []string{"reply.p95 < 5s", "ack.p95 < 200ms", "errors < 1%", "lost = 0", "llm.p95 < 3s", "db.p95 < 1s"} {
		b, err := ParseBudget(text)
		if err != nil {
			panic("BUG: default budget: " + err.Error())
		}
		budgets = append(budgets, b)
	}
	return budgets
}

func mustDist(text string) fault.Dist {
	d, err := fault.ParseDist(text)
	if err != nil {
		panic("BUG: default distribution: " + err.Error())
	}
	return d
}
