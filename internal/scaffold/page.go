package scaffold

import (
	"encoding/json"
	"regexp"
	"strings"
)

// page is a YAML file under way.
type page struct{ strings.Builder }

// line writes one at a depth, with a comment behind it.
func (p *page) line(depth int, text, comment string) {
	p.WriteString(strings.Repeat("  ", depth) + text)
	if comment = plain(comment); comment != "" {
		p.WriteString("  # " + comment)
	}
	p.WriteByte('\n')
}

// comment writes lines that are comments.
func (p *page) comment(depth int, lines ...string) {
	for _, line := range lines {
		p.WriteString(strings.TrimRight(strings.Repeat("  ", depth)+"# "+plain(line), " ") + "\n")
	}
}

// plain keeps what comes from the bot's files from ending a comment.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, text)
}

// bare matches text that YAML reads as itself.
var bare = regexp.MustCompile(`^(-{0,2}[A-Za-z_/]|\.{1,2}/|\.[A-Za-z]+/)[A-Za-z0-9_./@=-]*$`)

// quote writes a text as a YAML scalar. What is a JSON string is one of YAML, too.
func quote(text string) string {
	switch strings.ToLower(text) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
	default:
		if bare.MatchString(text) {
			return text
		}
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		return `""` // a string can always be written
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// flow writes a list on one line.
func flow(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = quote(word)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// shellWord quotes a word for sh, leaving ${PORT} for parley to fill in.
func shellWord(word string) string {
	if regexp.MustCompile(`^[A-Za-z0-9_./:=@%+,{}$-]+$`).MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func shellLine(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = shellWord(word)
	}
	return strings.Join(quoted, " ")
}
