package report

import (
	"fmt"
	"strings"
)

// markdownFindings is the answer, the findings and what the other checks came to.
func markdownFindings(m *markdown, s story) {
	found := s.Found
	if found == nil {
		return
	}
	m.line("\n## What limits this bot")
	m.line("\n%s", escapeMarkdown(found.Sentence))
	for i, f := range found.Findings {
		m.line("\n### %d. %s", i+1, escapeMarkdown(f.title(found)))
		lines := []string{strings.Join(nonEmpty(f.words(true), f.Seen+" show it", string(f.Status), "confidence "+f.Sure), "; ")}
		for _, part := range [][2]string{{"why", f.Why}, {"change", f.Change}, {"verify", f.Verify}, {"doubt", f.Doubt}, {"measured", f.measured()}} {
			if part[1] != "" {
				lines = append(lines, part[0]+": "+part[1])
			}
		}
		m.list(lines...)
	}
	if found.More > 0 {
		m.line("\n%s left out here; the JSON report has them.", plural(found.More, "finding"))
	}
	var rest [][]string
	for _, f := range found.Notes {
		rest = append(rest, []string{f.Check, "note", strings.Join(nonEmpty(f.What, f.words(false)), " ")})
	}
	for _, u := range found.Unknown {
		rest = append(rest, []string{u.Check, "could not tell", u.Needs})
	}
	for _, u := range found.Dismissed {
		rest = append(rest, []string{u.Check, "dismissed", u.Reason})
	}
	m.table([]string{"check", "result", ""}, rest)
	if looked := found.looked(); looked != "" {
		m.line("\n%s", escapeMarkdown(fmt.Sprintf("Looked and found nothing: %s.", looked)))
	}
}
