package openai

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// plausible is the affinity from which on a tool is called.
const plausible = 3

// affinity says how strongly words ask for a tool, and which of them do: a word of the
// tool's name counts 3, one of its parameters' names 2, one of its description 1.
func affinity(words []string, f *function) (score int, shared []string) {
	var parameters struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	_ = json.Unmarshal(f.Parameters, &parameters) // without readable parameters the name and description speak
	name := significant(f.Name)
	keys := significant(strings.Join(sortedKeys(parameters.Properties), " "))
	about := significant(f.Description)
	for _, w := range words {
		switch {
		case slices.Contains(name, w):
			score += 3
		case slices.Contains(keys, w):
			score += 2
		case slices.Contains(about, w):
			score++
		default:
			continue
		}
		shared = append(shared, w)
	}
	return score, shared
}

// significant splits text into lower-case stems, each once, without words too short or too common to mean anything.
func significant(text string) []string {
	var b strings.Builder // camelCase apart
	for i, r := range text {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	var words []string
	for _, w := range strings.FieldsFunc(b.String(), notInWord) {
		if w = stem(w); len(w) > 2 && !common(w) && !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	return words
}

func notInWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// stem takes the commonest English endings off.
func stem(w string) string {
	for _, ending := range []string{"ings", "ing", "ments", "ment", "ability", "able", "ed", "es", "s"} {
		if rest, ok := strings.CutSuffix(w, ending); ok && len(rest) > 3 {
			return rest
		}
	}
	return w
}

func common(w string) bool {
	switch w {
	case "the", "and", "for", "you", "your", "are", "can", "with", "this", "that", "what", "when", "who", "how",
		"have", "has", "from", "please", "want", "would", "like", "need", "get", "our", "all", "any", "not", "but",
		"will", "there", "they", "them", "hello", "thank", "user", "could", "about", "does", "was", "where", "which":
		return true
	}
	return false
}

// ending is the end of what the user said, where the question stands if it is long.
// Bots that put a whole history or document into one message should not cost more than others.
func ending(said string) string {
	const enough = 1000
	if len(said) <= enough {
		return said
	}
	return strings.ToValidUTF8(said[len(said)-enough:], "")
}

// facts are values the user's words hold, empty if they hold none.
type facts struct {
	email, name, clock string
	date               time.Time // the day named, else the day after today
	dated              bool      // a day was named
	number             float64
	numbered           bool
}

var (
	emailShape  = regexp.MustCompile(`[\w.+-]+@[\w-]+(\.[\w-]+)+`)
	dateShape   = regexp.MustCompile(`\b\d{4}-\d{2}-\d{2}\b`)
	dayShape    = regexp.MustCompile(`(?i)\b(today|tomorrow|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b`)
	clockShape  = regexp.MustCompile(`\b([01]?\d|2[0-3]):([0-5]\d)\b`)
	hourShape   = regexp.MustCompile(`(?i)\b(1[0-2]|[1-9])\s?(am|pm)\b`)
	nameShape   = regexp.MustCompile(`\b(?:[Mm]y name is|I am|I'm|[Tt]his is)\s+(\p{Lu}\p{L}+(?:\s\p{Lu}\p{L}+)?)`)
	numberShape = regexp.MustCompile(`\b\d{1,6}(\.\d+)?\b`)
)

func findFacts(said string, today time.Time) facts {
	f := facts{email: emailShape.FindString(said), date: today.AddDate(0, 0, 1)}
	if m := nameShape.FindStringSubmatch(said); m != nil {
		f.name = m[1]
	}
	f.findDay(said, today)
	f.findClock(said)
	// What is left of digits once dates, clocks and addresses are gone is a number.
	for _, shape := range []*regexp.Regexp{emailShape, dateShape, clockShape, hourShape} {
		said = shape.ReplaceAllString(said, " ")
	}
	if text := numberShape.FindString(said); text != "" {
		_, err := fmt.Sscan(text, &f.number)
		f.numbered = err == nil
	}
	return f
}

func (f *facts) findDay(said string, today time.Time) {
	if day, err := time.Parse(time.DateOnly, dateShape.FindString(said)); err == nil {
		f.date, f.dated = day, true
		return
	}
	word := strings.ToLower(dayShape.FindString(said))
	if word == "" {
		return
	}
	f.dated = true
	switch word {
	case "today":
		f.date = today
	case "tomorrow":
	default:
		for range 6 {
			if !strings.EqualFold(f.date.Weekday().String(), word) {
				f.date = f.date.AddDate(0, 0, 1)
			}
		}
	}
}

func (f *facts) findClock(said string) {
	if m := clockShape.FindStringSubmatch(said); m != nil {
		f.clock = fmt.Sprintf("%02s:%s", m[1], m[2])
		return
	}
	if m := hourShape.FindStringSubmatch(said); m != nil {
		var hour int
		if _, err := fmt.Sscan(m[1], &hour); err != nil {
			return
		}
		hour %= 12
		if strings.EqualFold(m[2], "pm") {
			hour += 12
		}
		f.clock = fmt.Sprintf("%02d:00", hour)
	}
}

// moment is the day and time of day named, 10:00 if no time was.
func (f *facts) moment() time.Time {
	t, err := time.Parse("15:04", cmp.Or(f.clock, "10:00"))
	if err != nil {
		return f.date
	}
	y, m, d := f.date.Date()
	return time.Date(y, m, d, t.Hour(), t.Minute(), 0, 0, f.date.Location())
}

// reply is a helpful sentence about what the user said. The words choose it.
func reply(said string) string {
	said = ending(said)
	topic := topicOf(said)
	openings := []string{
		"Thanks for your message about %s. ",
		"Of course, happy to help with %s. ",
		"Good question about %s. ",
		"Sure, let me help you with %s. ",
	}
	endings := []string{
		"We are open every weekday from nine to six. Which day and time would suit you best?",
		"Could you tell me a little more, such as the day you have in mind, so that I can check it for you?",
		"You can simply write here and we will take care of it. Is there anything else you would like to know?",
		"I have noted it. If you tell me your name and the day you prefer, I will look at what is free.",
		"The team usually confirms within a few minutes. Would the morning or the afternoon be better for you?",
	}
	n := 0
	for _, r := range said {
		n = (n*31 + int(r)) & 0xffffff
	}
	return fmt.Sprintf(openings[n%len(openings)], topic) + endings[n/len(openings)%len(endings)]
}

// topicOf is the first few words that mean something.
func topicOf(said string) string {
	var words []string
	for w := range strings.FieldsSeq(said) {
		w = strings.TrimFunc(w, notInWord)
		if len(w) > 2 && !common(strings.ToLower(w)) && len(words) < 3 {
			words = append(words, shortened(w, 30))
		}
	}
	if len(words) == 0 {
		return "your question"
	}
	return strings.Join(words, " ")
}

// tell puts the result of a tool into a sentence.
func tell(result string) string {
	var v any
	if json.Unmarshal([]byte(result), &v) != nil {
		return "Here is what I found: " + shortened(result, 160) + ". Is there anything else I can do for you?"
	}
	leaves := leaves(nil, "", v)
	if len(leaves) == 0 {
		return "I looked it up, and there is nothing there for that request. Would you like to try another day or time?"
	}
	return "Here is what I found: " + shortened(strings.Join(leaves, ", "), 160) + ". Does that work for you?"
}

// leaves lists the first few values of a JSON document with their names.
func leaves(list []string, name string, v any) []string {
	if len(list) >= 4 {
		return list
	}
	switch v := v.(type) {
	case nil:
	case map[string]any:
		for _, key := range sortedKeys(v) {
			list = leaves(list, key, v[key])
		}
	case []any:
		for _, item := range v {
			list = leaves(list, name, item)
		}
	default:
		text := shortened(textOf(v), 40)
		if name != "" {
			text = strings.ReplaceAll(name, "_", " ") + " " + text
		}
		list = append(list, text)
	}
	return list
}

// shortened cuts text to n characters at most, on one line.
func shortened(text string, n int) string {
	text = strings.Join(strings.Fields(text), " ")
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return strings.TrimSpace(string(runes[:n]))
}
