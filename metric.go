package parley

// Metric is something a budget can be set on. The catalogue is [Metrics].
type Metric struct {
	Name string
	Unit Unit
	// Quantiles: the metric is a distribution, so that a budget names a
	// statistic of it (p50 ... p99.9, mean, max).
	Quantiles bool
	// Wire is the kind of dependency that must be listened to for the metric to
	// exist, empty if every run has it.
	Wire string
	// Means is the definition shown to people.
	Means string
}

// Metrics returns the catalogue in the order of reports.
func Metrics() []Metric {
	return []Metric{
		{"reply", Seconds, true, "", "time from the user's last word until the bot's answer has reached the user; unanswered turns count as longer than the user's patience"},
		{"first_reply", Seconds, true, "", "time from the user's last word until the first reply of any kind"},
		{"ack", Seconds, true, "", "time from first writing a webhook until its 2xx response, slowest message of the turn"},
		{"llm", Seconds, true, "llm", "time of one call to the language model, as the bot waited for it"},
		{"llm_per_turn", Seconds, true, "llm", "time during which at least one call of the turn to the language model was going on"},
		{"db", Seconds, true, "postgres", "time of one database statement, as the bot waited for it"},
		{"db_per_turn", Seconds, true, "postgres", "time during which at least one statement of the turn to the database was going on"},
		{"send", Seconds, true, "", "time of one call to the platform's send API, as the bot waited for it"},
		{"calendar", Seconds, true, "calendar", "time of one call to the calendar, as the bot waited for it"},
		{"errors", Ratio, false, "", "share of turns left unanswered or whose webhook was refused"},
		{"answered", Ratio, false, "", "share of turns answered within the user's patience"},
		{"lost", Count, false, "", "turns that never got any reply"},
		{"abandoned", Count, false, "", "turns whose user's patience ended before the answer"},
		{"duplicates", Count, false, "", "replies that repeat another of the same turn word for word"},
		{"late", Count, false, "", "replies that came after the user had gone"},
		{"out_of_order", Count, false, "", "replies that answer an older message than the reply before them"},
		{"strangers", Count, false, "", "replies sent to numbers parley did not play"},
		{"messages", PerHour, false, "", "messages answered per hour of steady load"},
		{"concurrency", Count, false, "", "conversations open at once, mean over the steady phase"},
		{"success", Ratio, false, "", "share of conversations that reached their goal; of a scenario without a goal, that had every turn answered"},
		{"conversion", Ratio, false, "", "share of the conversations of scenarios with a goal that reached it"},
		{"abandonment", Ratio, false, "", "share of conversations whose user gave up waiting"},
		{"apdex", Ratio, false, "", "Apdex: replies within T count 1, within 4 T count a half, later or never 0, divided by all (T is users.satisfied of the plan)"},
		{"cost_per_conversation", Dollars, false, "", "money per conversation: language models by tokens and price list, messages and infrastructure by the plan's prices"},
		{"cost_per_success", Dollars, false, "", "money spent on all conversations for each one that was a success"},
	}
}

// MetricByName looks a metric up in the catalogue.
func MetricByName(name string) (Metric, bool) {
	for _, m := range Metrics() {
		if m.Name == name {
			return m, true
		}
	}
	return Metric{}, false
}
