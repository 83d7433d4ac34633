package report

import (
	"parley"
)

// definition says what a name in a report means. Key is the name that links use.
type definition struct {
	Key, Name, Means string
	Unit             string // in words, empty if the meaning says it
}

// glossary defines every name that stands beside a figure: the metrics of
// budgets first, then the report's own words.
func glossary() []definition {
	metrics := parley.Metrics()
	out := make([]definition, 0, len(metrics)+60)
	for _, m := range metrics {
		out = append(out, definition{Key: m.Name, Name: m.Name, Means: m.Means, Unit: unitWords(m.Unit)})
	}
	for _, words := range [][]definition{figureWords(), findingWords(), waitWords(), loadWordsDefined(), anatomyWords(), visitWords(), moneyWords(), healthWords()} {
		out = append(out, words...)
	}
	return out
}

// means is the definition of a key, empty if there is none.
func means(key string) string {
	for _, d := range glossary() {
		if d.Key == key {
			return d.Means
		}
	}
	return ""
}

// tip is a definition as a sentence, for whoever points at a figure.
func tip(key string) string {
	if text := means(key); text != "" {
		return capital(text) + "."
	}
	return ""
}

func figureWords() []definition {
	return []definition{
		{Key: "interval", Name: "95 % interval", Means: "were the run repeated, nineteen intervals in twenty would hold the true figure"},
		{Key: "margin", Name: "margin", Means: "how far the measured figure is on the good side of its limit, as a share of the limit; over it, if it is on the other"},
		{Key: "lasted", Name: "lasted", Means: "time from the start of the run to the last thing recorded"},
		{Key: "load", Name: "load", Means: "arrival rate of new conversations, as planned"},
		{Key: "turns", Name: "turns", Means: "what users said until the bot had answered: one message or a burst of them, and the reply"},
		{Key: "failures", Name: "why turns failed", Means: "turns that failed by what went wrong"},
	}
}

func findingWords() []definition {
	return []definition{
		{Key: "finding_saved", Name: "saved", Means: "how much shorter the reply would be without what was found, all else as it was: recorded turns replayed without it; and as a part of the reply"},
		{Key: "finding_money", Name: "saved money", Means: "money that what was found costs, per 1,000 conversations"},
		{Key: "finding_lost", Name: "turns without their answer", Means: "turns that what was found cost their answer"},
		{Key: "confidence", Name: "confidence", Means: "how sure it is that the cause is there and costs what is said, by how plainly the calls show it and by how many of them could be tied to a turn; no experiment is in it unless the finding is confirmed"},
		{Key: "finding_status", Name: "suspected, confirmed, refuted", Means: "suspected: the record shows it; confirmed: an experiment showed it, too; refuted: an experiment spoke against it"},
		{Key: "finding_measured", Name: "figure of a finding", Means: "a figure that the finding rests on, with its 95 % interval if it has one"},
		{Key: "finding_threshold", Name: "threshold", Means: "the least at which the check speaks of a finding; a plan may change it"},
		{Key: "finding_calls", Name: "calls that make a finding", Means: "the calls of the turn in which the check saw the cause"},
		{Key: "example_turn", Name: "a turn that shows it", Means: "of the turns that show the finding the one in the middle by what it would save; others are the worst and a milder one"},
		{Key: "check_unknown", Name: "could not tell", Means: "checks that lacked something to look at, and what"},
		{Key: "check_dismissed", Name: "dismissed by the plan", Means: "checks that the plan says not to report, with its reason"},
		{Key: "check_clean", Name: "looked and found nothing", Means: "checks that had what they need and saw no cause in the turns"},
	}
}

func waitWords() []definition {
	return []definition{
		{Key: "reply_opening", Name: "reply, opening", Means: "replies to first messages, whose moment the schedule set: a slow bot cannot thin them out"},
		{Key: "reply_later", Name: "reply, later", Means: "replies to later messages, said only after the reply before: a slow bot is asked less"},
		{Key: "reply_alone", Name: "reply, alone", Means: "reply with no other user present: the bot's best"},
		{Key: "percentile", Name: "p50, p75, p90, p95, p99, p99.9", Means: "the wait that so many per cent of them do not exceed, those cut off included"},
		{Key: "longest", Name: "max", Means: "the longest wait seen; behind “>” it was cut off there"},
		{Key: "cut_off", Name: "cut off", Means: "waits that ended with the user's patience or the run, not with a reply"},
		{Key: "histogram", Name: "distribution of waits", Means: "turns by how long they waited for the reply, on a logarithmic axis"},
		{Key: "heat", Name: "waits over time", Means: "turns by when they were spoken and how long they waited for the reply, the stronger the colour the more of them; those never answered stand above"},
		{Key: "reply_over_time", Name: "reply over time", Means: "p50 and p95 of the replies to what was said in each stretch of the run"},
		{Key: "split", Name: "mean per answered turn", Means: "time of an answered turn that went there; each instant counts once, for the call that began first of those under way"},
		{Key: "split_share", Name: "share of the reply", Means: "part of the mean reply time of answered turns"},
		{Key: "calls", Name: "calls", Means: "requests of the bot to the service in the judged phases"},
		{Key: "per_turn", Name: "per turn", Means: "calls tied to a judged turn, per judged turn"},
		{Key: "call_wait", Name: "p50, p95 of a call", Means: "how long the bot waited for one call"},
		{Key: "call_failed", Name: "failed calls", Means: "calls without an answer, with a broken one, or with a status of 400 or more"},
		{Key: "retries", Name: "retries", Means: "calls that the client itself declared a repetition"},
		{Key: "at_once", Name: "at once", Means: "most calls under way at once"},
		{Key: "tokens", Name: "tokens", Means: "mean tokens per call: of the prompt, of them cached by the provider, and of the completion"},
		{Key: "assumed", Name: "assumed", Means: "parley stood in for the service: the latency is the plan's model, not a measurement"},
	}
}

// loadWordsDefined defines the words for what was asked of the bot and what became of it.
func loadWordsDefined() []definition {
	return []definition{
		{Key: "planned", Name: "planned", Means: "messages that the same conversations would have said by the end of the load if every answer had been instant"},
		{Key: "sent", Name: "sent", Means: "messages said by parley; later ones wait for the reply before"},
		{Key: "acknowledged", Name: "acknowledged", Means: "messages whose webhook got a 2xx"},
		{Key: "messages_answered", Name: "messages answered", Means: "messages of turns that were answered"},
		{Key: "offered", Name: "offered", Means: "messages due by the schedule, whether or not the bot kept up"},
		{Key: "in_flight", Name: "in flight", Means: "turns waiting for their answer, mean"},
		{Key: "failed", Name: "failed", Means: "turns left unanswered or whose webhook was refused"},
		{Key: "cut", Name: "cut", Means: "turns that were still waiting when the run ended: their wait is censored there"},
		{Key: "unsent", Name: "unsent", Means: "turns that were due but held back by a ceiling of the plan or by parley itself"},
		{Key: "no_end", Name: "no recorded end", Means: "turns whose end was not recorded"},
		{Key: "knee", Name: "knee", Means: "the largest load the bot kept up with, in messages an hour"},
		{Key: "ramp_step", Name: "step", Means: "a level of load within the ramp, counted from 1"},
		{Key: "ramp_offered", Name: "offered per hour", Means: "messages due in the step, an hour"},
		{Key: "ramp_answered", Name: "answered per hour", Means: "messages answered in the step, an hour"},
		{Key: "ramp_failed", Name: "failed in a step", Means: "share of the step's turns left unanswered or whose webhook was refused"},
	}
}

func visitWords() []definition {
	return []definition{
		{Key: "begun", Name: "begun", Means: "conversations that began in the judged phases"},
		{Key: "finished", Name: "finished", Means: "conversations whose last turn was answered"},
		{Key: "gave_up", Name: "abandoned conversations", Means: "conversations whose user gave up waiting"},
		{Key: "cut_conversations", Name: "cut conversations", Means: "conversations that the end of the run cut off: how they would have ended is not known"},
		{Key: "open_conversations", Name: "conversations with no recorded end", Means: "conversations whose end was not recorded"},
		{Key: "reached", Name: "reached", Means: "conversations of scenarios with a goal that reached it"},
		{Key: "satisfied", Name: "satisfied, tolerating, frustrated", Means: "turns by their reply: within T, within 4 T, later or never"},
		{Key: "scenario_turns", Name: "turns of a scenario", Means: "turns said in the scenario's conversations"},
		{Key: "scenario_reply", Name: "reply of a scenario", Means: "reply to the scenario's turns"},
		{Key: "scenario_cost", Name: "cost of a scenario", Means: "money for language models and messages per 1,000 conversations of the scenario; infrastructure is not divided among scenarios"},
	}
}

func moneyWords() []definition {
	return []definition{
		{Key: "cost_1000", Name: "cost per 1,000 conversations", Means: "money spent in the judged phases for each thousand conversations: language models by tokens and price list, messages and infrastructure by the plan's prices"},
		{Key: "cost_part", Name: "part of the cost", Means: "what the money is paid for, per 1,000 conversations"},
		{Key: "cost_share", Name: "share of the cost", Means: "part of the cost of a conversation"},
		{Key: "prompt_tokens", Name: "prompt", Means: "prompt tokens at the full price: neither read from the provider's cache nor written to it"},
		{Key: "cached_tokens", Name: "cached", Means: "prompt tokens read from the provider's cache"},
		{Key: "written_tokens", Name: "written", Means: "prompt tokens written to the provider's cache"},
		{Key: "completion_tokens", Name: "completion", Means: "tokens of the model's answers"},
		{Key: "audio", Name: "audio", Means: "length of the audio that calls were about"},
		{Key: "price", Name: "price", Means: "US dollars per million tokens by the price list"},
		{Key: "saved", Name: "saved by the cache", Means: "what cached prompt tokens would have cost more at the full price, per 1,000 conversations"},
	}
}

func healthWords() []definition {
	return []definition{
		{Key: "lag_p50", Name: "lag p50", Means: "how late a turn's first webhook was written after its due moment, median"},
		{Key: "lag_p99", Name: "lag p99", Means: "how late a turn's first webhook was written after its due moment, exceeded by one turn in a hundred"},
		{Key: "lag_max", Name: "lag max", Means: "how late a turn's first webhook was written after its due moment, the latest of all"},
		{Key: "processor", Name: "processor", Means: "highest share of its cores that parley used over five seconds"},
		{Key: "memory", Name: "memory", Means: "resident memory of parley"},
		{Key: "sockets", Name: "sockets", Means: "sockets that parley held open"},
		{Key: "held_back", Name: "turns held back", Means: "turns not said because of a ceiling of the plan"},
		{Key: "dropped", Name: "records dropped", Means: "rows that could not be written to the record"},
		{Key: "attributed", Name: "tied to a turn", Means: "share of the calls in judged phases whose turn is known"},
	}
}
