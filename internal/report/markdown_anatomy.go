package report

// markdownAnatomy is the short version: what made the slow turn slow, and the layers.
func markdownAnatomy(m *markdown, s story) {
	a := s.Anatomy
	if a == nil {
		return
	}
	m.line("\n## Anatomy")
	if d := a.Difference; d != nil {
		m.line("\n%s", escapeMarkdown(d.Sentence))
		var rows [][]string
		for _, c := range d.Causes {
			rows = append(rows, []string{c.More, c.What, c.Note, c.Turn, c.Peers})
		}
		m.table([]string{">more", "what", "", ">this turn", ">its peers"}, rows)
	}
	var rows [][]string
	for _, l := range a.Layers {
		rows = append(rows, []string{l.Name, l.Calls, l.Flights, l.Opened, l.Mean.Value, l.Mean.Interval, l.P95.Value, l.Share, assumedWord(l.Assumed)})
	}
	m.table([]string{"the answer waited for", ">calls a turn", ">round trips", ">connections opened", ">mean", "95 % interval", ">p95", ">share", ""}, rows)
	rows = nil
	for _, g := range a.Background {
		rows = append(rows, []string{g.Wire + " " + g.Operation, count(g.Calls), g.Minute, g.Of, g.Took})
	}
	m.table([]string{"background work", ">calls", ">a minute", ">of all calls", ">mean of a call"}, rows)
}
