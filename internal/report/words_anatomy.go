package report

// anatomyWords define what single turns are made of.
func anatomyWords() []definition {
	return []definition{
		{Key: "critical_path", Name: "critical path", Means: "what determined the moment of the answer: from the call that sent it back to the call that had ended last before that began, and so on to the user's last word; the time between two of these calls is the bot's own"},
		{Key: "typical_turn", Name: "typical turn", Means: "an answered turn, of a user alone if there was a solo phase: of those with the most frequent numbers of calls, the one nearest their median reply and median times by layer"},
		{Key: "slow_turn", Name: "p99 turn", Means: "the judged turn that 99 in a hundred answered ones are no slower than; in a short run the slowest"},
		{Key: "peers", Name: "peers", Means: "the middle fifth, by reply time, but three at least, of the other answered turns at the same step of the same script; with fewer than five of these, of the same scenario, or of all; the mean of them"},
		{Key: "off_path", Name: "not waited for", Means: "a call under way that the answer did not wait for: another ended later, or it came after the answer"},
		{Key: "fall_from", Name: "from", Means: "when the first of the row's calls began, counted from the user's last word"},
		{Key: "fall_took", Name: "took", Means: "time during which a call of the row was under way"},
		{Key: "cause_more", Name: "more", Means: "time on the critical path of the slow turn beyond that of its peers"},
		{Key: "layer_platform", Name: "the platform", Means: "time until the webhook was sent, pauses before it was repeated, and calls to the platform that send no message"},
		{Key: "layer_waiting", Name: "waiting before the bot", Means: "from the webhook to the bot's first sign of life: its acknowledgement or its first call"},
		{Key: "layer_bot", Name: "the bot itself", Means: "time on the critical path with no call the answer waited for under way: the bot's own work, its locks and queues, its pools of connections, and wires that are not listened to"},
		{Key: "layer_postgres", Name: "PostgreSQL", Means: "time on the critical path in statements to PostgreSQL, connecting included"},
		{Key: "layer_redis", Name: "Redis", Means: "time on the critical path in commands to Redis, those that wait for work left out"},
		{Key: "layer_llm", Name: "language models", Means: "time on the critical path in calls to language models"},
		{Key: "layer_calendar", Name: "calendar", Means: "time on the critical path in calls to the calendar"},
		{Key: "layer_http", Name: "HTTP services", Means: "time on the critical path in calls to all other services"},
		{Key: "layer_sending", Name: "sending", Means: "time on the critical path in calls that send messages, until the answer reached the user"},
		{Key: "layer_calls", Name: "calls of a layer", Means: "calls tied to a judged turn, per judged turn"},
		{Key: "layer_flights", Name: "round trips", Means: "waits for a response, per judged turn: calls sent together share one"},
		{Key: "layer_opened", Name: "connections opened", Means: "connections whose first call was tied to a judged turn, per judged turn"},
		{Key: "layer_time", Name: "mean of a layer", Means: "time on the critical path per answered turn; the layers sum to the mean reply"},
		{Key: "layer_p95", Name: "p95 of a layer", Means: "time on the critical path that 95 in a hundred answered turns do not exceed"},
		{Key: "layer_share", Name: "share of a layer", Means: "part of the mean reply time of answered turns that lies on the layer"},
		{Key: "calls_in_flight", Name: "calls in flight", Means: "calls under way at once on a wire, those that wait for work left out: the mean, and the most"},
		{Key: "background", Name: "background work", Means: "calls of the judged phases that could be tied to no turn, or that wait for work by their nature"},
		{Key: "background_minute", Name: "a minute", Means: "calls for each minute of the judged phases"},
		{Key: "background_mean", Name: "mean of a call", Means: "mean time from a call's first byte to the last of its response"},
		{Key: "background_share", Name: "share of the calls", Means: "part of all calls in the judged phases"},
	}
}
