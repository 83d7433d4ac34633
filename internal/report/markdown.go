package report

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// MarkdownOptions bound a report in Markdown.
type MarkdownOptions struct {
	// Limit is the most bytes that are written; what does not fit is left out,
	// whole sections from the end, and the report says so. 0: no limit.
	Limit int
}

// Markdown writes the report in GitHub's Markdown: the verdict's sentence first,
// then what limits the bot, the budgets, then the figures, tables throughout. Names that come from
// the plan or the bot are escaped.
func Markdown(w io.Writer, d Document, o MarkdownOptions) error {
	if d.Run == nil {
		return errNoRun
	}
	const cutOff = "\n_The rest of the report did not fit. The run's folder has all of it._\n"
	text := ""
	for _, section := range markdownSections(tellMost(d, mostUpstreams)) {
		if o.Limit > 0 && len(text)+len(section)+len(cutOff) > o.Limit {
			text += cutOff
			break
		}
		text += section
	}
	if o.Limit > 0 && len(text) > o.Limit {
		return fmt.Errorf("report: %d bytes are too few for a report in Markdown", o.Limit)
	}
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("report: write Markdown: %w", err)
	}
	return nil
}

// markdownSections are the parts of the report, empty ones left out.
func markdownSections(s story) []string {
	var out []string
	for _, write := range []func(*markdown, story){
		markdownVerdict, markdownFindings, markdownBudgets, markdownWaits, markdownSplit, markdownAnatomy, markdownVisits, markdownMoney,
		markdownRamp, markdownCounts, markdownTrust,
	} {
		var m markdown
		write(&m, s)
		if m.Len() > 0 {
			out = append(out, m.String())
		}
	}
	return out
}

// markdown collects lines of Markdown.
type markdown struct{ strings.Builder }

func (m *markdown) line(format string, args ...any) {
	_, _ = fmt.Fprintf(&m.Builder, format+"\n", args...) // a builder does not fail
}

// table writes a table; columns whose heading begins with ">" are set flush
// right, and those whose cells are all empty are left out. Cells are escaped.
func (m *markdown) table(heads []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	var kept []int
	for i := range heads {
		for _, row := range rows {
			if row[i] != "" {
				kept = append(kept, i)
				break
			}
		}
	}
	line := func(cell func(i int) string) {
		cells := make([]string, len(kept))
		for k, i := range kept {
			cells[k] = cell(i)
		}
		m.line("| %s |", strings.Join(cells, " | "))
	}
	m.line("")
	line(func(i int) string { return escapeMarkdown(strings.TrimPrefix(heads[i], ">")) })
	line(func(i int) string {
		if strings.HasPrefix(heads[i], ">") {
			return "---:"
		}
		return "---"
	})
	for _, row := range rows {
		line(func(i int) string { return escapeMarkdown(row[i]) })
	}
}

// list writes the texts as a list.
func (m *markdown) list(texts ...string) {
	if len(texts) > 0 {
		m.line("")
	}
	for _, text := range texts {
		m.line("- %s", escapeMarkdown(text))
	}
}

// escapeMarkdown takes from text all that GitHub's Markdown or HTML would read as more than text.
func escapeMarkdown(text string) string {
	var out strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\u2028' || r == '\u2029':
			out.WriteByte(' ')
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
		case r == '<':
			out.WriteString("&lt;")
		case r == '>':
			out.WriteString("&gt;")
		case r == '&':
			out.WriteString("&amp;")
		case strings.ContainsRune("\\`*_[]#+|~$", r):
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '@': // names nobody, wherever the text is pasted
			out.WriteString("@\u200b")
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}
