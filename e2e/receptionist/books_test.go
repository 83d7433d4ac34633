package receptionist

import (
	"slices"
	"testing"
	"time"

	"parley"
)

// note is a line of the bot's own books; the format is that of the example's ledger.py.
type note struct {
	Kind    string        `json:"kind"`
	At      time.Duration `json:"at"` // on CLOCK_MONOTONIC
	User    string        `json:"user"`
	Message string        `json:"message"` // the last one of the turn
	// Of a model:
	Model        string  `json:"model"`
	Usage        usage   `json:"usage"`
	AudioSeconds float64 `json:"audio_seconds"`
	// Of a booking or its cancellation:
	Event    string `json:"event"`
	Calendar string `json:"calendar"`
}

// usage is what a model told the bot, in the words of completions or of transcriptions.
type usage struct {
	Prompt     int64 `json:"prompt_tokens"`
	Completion int64 `json:"completion_tokens"`
	Details    struct {
		Cached int64 `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
	Input  int64 `json:"input_tokens"`
	Output int64 `json:"output_tokens"`
}

func (u *usage) tokens() (prompt, cached, completion int64) {
	return u.Prompt + u.Input, u.Details.Cached, u.Completion + u.Output
}

// books are what all workers noted.
type books []note

func (b books) of(kind string) books {
	return slices.DeleteFunc(slices.Clone(b), func(n note) bool { return n.Kind != kind })
}

// judgeBooks: the calendar, the sends and the models' usage in the record are those in the bot's books.
func (e *evidence) judgeBooks(t *testing.T) {
	for _, kind := range []struct {
		kind, operation string
	}{{"booked", opInsert}, {"cancelled", opDelete}, {"sent", opSend}} {
		notes, perTurn := e.books.of(kind.kind), map[int64]int{}
		for _, n := range notes {
			perTurn[e.truth.turnOf[n.Message]]++
		}
		calls, untied := 0, 0
		for _, c := range e.callsTo(kind.operation) {
			if !c.Succeeded() {
				continue
			}
			calls++
			if c.Turn == 0 {
				untied++
			} else if perTurn[c.Turn]--; perTurn[c.Turn] < 0 {
				t.Errorf("%s: turn %d has more than the bot's books", kind.operation, c.Turn)
			}
		}
		t.Logf("%s: %d in the books, %d calls to %s, %d of them tied to no turn", kind.kind, len(notes), calls, kind.operation, untied)
		if len(notes) != calls || calls == 0 && kind.kind != "cancelled" {
			t.Errorf("%s: %d in the bot's books, %d in the record", kind.kind, len(notes), calls)
		}
		// What carries the number of its user must not get lost.
		if kind.kind != "cancelled" && untied > 0 {
			t.Errorf("%s: %d calls are tied to no turn", kind.operation, untied)
		}
	}
	for _, p := range e.asked(t) {
		prompt, cached, completion := p.note.Usage.tokens()
		c := p.call
		if c.Model != p.note.Model || c.PromptTokens != prompt || c.CachedTokens != cached || c.CompletionTokens != completion || c.CacheWrittenTokens != 0 {
			t.Errorf("%s: %d tokens (%d cached) in, %d out by the bot's books; %s: %d (%d) in, %d out by the record",
				p.note.Model, prompt, cached, completion, c.Model, c.PromptTokens, c.CachedTokens, c.CompletionTokens)
		}
		// A voice note says its length in whole seconds.
		if apart := c.AudioSeconds - p.note.AudioSeconds; apart > 1 || apart < -1 {
			t.Errorf("%s: %.1f s of audio, the message said %.0f s", p.note.Model, c.AudioSeconds, p.note.AudioSeconds)
		}
	}
}

// asked is one answer of a model, in the bot's books and in the record.
type asked struct {
	note *note
	call *parley.Call
}

// asked finds for each note of a model the call of the record: they are as many within a turn of
// the bot, and one after the other.
func (e *evidence) asked(t *testing.T) (out []asked) {
	t.Helper()
	notes := e.books.of("model")
	slices.SortFunc(notes, func(a, b note) int { return int(a.At - b.At) })
	for _, of := range []struct{ span, operation, model string }{
		{"llm.chat", opChat, "gpt-4o-mini"}, {"llm.transcribe", opTranscribe, "gpt-4o-mini-transcribe"},
	} {
		pairs := e.pairs(t, of.span, e.log.named(of.span), e.callsTo(of.operation))
		slices.SortFunc(pairs, func(a, b pair) int { return int(a.span.End - b.span.End) })
		byMessage := map[string][]*note{}
		for i := range notes {
			if n := &notes[i]; n.Model == of.model {
				byMessage[n.Message] = append(byMessage[n.Message], n)
			}
		}
		for _, p := range pairs {
			waiting := byMessage[p.span.Message]
			if len(waiting) == 0 {
				t.Errorf("%s: a call of which the bot's books know nothing", of.span)
				continue
			}
			out = append(out, asked{waiting[0], p.call})
			byMessage[p.span.Message] = waiting[1:]
		}
	}
	if len(out) != len(notes) {
		t.Errorf("models: %d answers in the bot's books, %d calls in the record", len(notes), len(out))
	}
	return out
}

// judgeVoice: each voice note was fetched, transcribed and answered, and its calls are tied to it by what stands in them.
func (e *evidence) judgeVoice(t *testing.T) {
	calls := map[int64][]string{}
	for _, operation := range []string{opMedia, opTranscribe} {
		for _, c := range e.callsTo(operation) {
			if c.By != parley.ByIdentity || !c.Succeeded() {
				t.Errorf("%s: status %d %q, attributed by %q", operation, c.Status, c.Failure, c.By)
			}
			calls[c.Turn] = append(calls[c.Turn], operation)
		}
	}
	spoken := 0
	for _, turn := range e.turns {
		var want []string
		if turn.Scenario == "prices" && turn.Ordinal == 1 {
			spoken++
			want = []string{opMedia, opTranscribe}
		}
		if !slices.Equal(calls[turn.ID], want) {
			t.Errorf("turn %d (%s, %d): %q, want %q", turn.ID, turn.Scenario, turn.Ordinal, calls[turn.ID], want)
		}
	}
	t.Logf("%d voice notes", spoken)
	if spoken < 3 {
		t.Error("too few voice notes to judge by")
	}
}
