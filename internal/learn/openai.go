package learn

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"parley"
)

// certain is how many standard errors a parameter must be away from 0 to be told apart from it.
const certain = 2.5

// openai fits the model of a language model service: (first token + prompt tokens × p + further tokens × t) × (1 + c × others).
func (f *Fit) openai(all []observation) error {
	chats := only(all, isChat)
	if len(chats) >= Least {
		f.chat(chats)
	} else {
		f.note("The completions are left as they are: %v.", &TooFewError{"answered chat call", len(chats)})
	}
	f.other(only(all, func(op string) bool { return strings.HasSuffix(op, "/embeddings") }))
	f.transcriptions(only(all, func(op string) bool { return strings.HasSuffix(op, "/audio/transcriptions") }))
	if f.Calls == 0 {
		return &TooFewError{"answered call", len(all)}
	}
	return nil
}

// streamed reports whether the answer came token by token: an answer in one piece is through within
// a few milliseconds of its first byte, or a third of a millisecond a token.
func (o *observation) streamed() bool {
	return o.said >= 2 && o.toEnd-o.wait > max(0.003, 0.0003*(o.said-1))
}

func (f *Fit) chat(chats []observation) {
	var streams, whole []observation
	for _, o := range chats {
		if o.streamed() {
			streams = append(streams, o)
		} else {
			whole = append(whole, o)
		}
	}
	switch {
	case len(streams) >= Least:
		pieces := 0
		for _, o := range whole {
			if o.said >= 2 { // of a single token nobody can tell
				pieces++
			}
		}
		if pieces > 0 {
			f.note("%s came in one piece; the %s that were streamed were used, since they show the first token.", counted(pieces, "answer"), parley.FormatNumber(float64(len(streams))))
		}
		f.streams(streams)
	default:
		f.whole(chats)
	}
}

// streams fits answers whose first token was seen.
func (f *Fit) streams(all []observation) {
	f.Calls += len(all)
	first := line{
		y: values(all, func(o *observation) float64 { return o.wait }), others: values(all, others),
		columns: [][]float64{ones(len(all)), values(all, prompt)},
	}
	// The pace of the tokens shows the crowd best, since it varies least.
	const enough = 5 // tokens for a pace
	long := make([]observation, 0, len(all))
	for _, o := range all {
		if o.said > enough {
			long = append(long, o)
		}
	}
	pace := line{y: values(long, func(o *observation) float64 { return (o.toEnd - o.wait) / (o.said - 1) }), others: values(long, others), columns: [][]float64{ones(len(long))}}
	c := f.crowded(first, pace)
	p := f.perPrompt(first, c)
	waits := make([]float64, len(all))
	for i, o := range all {
		waits[i] = max(0, o.wait/(1+c*o.others)-p*o.prompt)
	}
	f.set("", "first_token", "first token", waits)
	f.set1("per_token", perToken(all, c))
	f.set1("per_prompt_token", text(p))
	f.set1("per_call_in_flight", percent(c))
}

func (f *Fit) set1(key, value string) {
	f.Settings = append(f.Settings, Setting{Key: key, Value: value})
}

// perToken is the distribution of the time of a token, by the mean and variance of sums of independent ones.
func perToken(all []observation, c float64) string {
	var time, tokens, squares float64
	for _, o := range all {
		time += (o.toEnd - o.wait) / (1 + c*o.others)
		tokens += o.said - 1
	}
	m := time / tokens
	for _, o := range all {
		off := (o.toEnd-o.wait)/(1+c*o.others) - m*(o.said-1)
		squares += off * off
	}
	deviation := math.Sqrt(squares / tokens)
	if deviation < 0.03*m {
		return text(m)
	}
	// Of a lognormal: variance = mean² (exp(s²) - 1), mean = median exp(s²/2).
	s := math.Sqrt(math.Log1p(deviation * deviation / (m * m)))
	median := m * math.Exp(-s*s/2)
	return fmt.Sprintf("lognormal(p50=%s, p95=%s)", text(median), text(median*math.Exp(z95*s)))
}

// whole fits answers that came in one piece.
func (f *Fit) whole(all []observation) {
	f.Calls += len(all)
	further := values(all, func(o *observation) float64 { return max(0, o.said-1) })
	l := line{y: values(all, toEnd), others: values(all, others), columns: [][]float64{ones(len(all)), values(all, prompt), further}}
	c := f.crowded(l)
	p := f.perPrompt(l, c)
	l.columns = [][]float64{ones(len(all)), further}
	for i, o := range all {
		l.y[i] -= p * o.prompt * (1 + c*o.others)
	}
	b, _ := l.thinned().solve(c)
	each, _ := l.thinned().errors(b, c)
	t := b[1]
	if !(t > certain*each[1]) {
		t = 0
		f.note("The answers came in one piece and were of much the same length: first_token and per_token can only be told together, as the time of the whole answer in first_token. Answers of another length would be wrong.")
	} else {
		f.note("The answers came in one piece: per_token is a mean (± %s), and its spread is in first_token. Stream to see both.", text(2*each[1]))
	}
	waits := make([]float64, len(all))
	for i, o := range all {
		waits[i] = max(0, l.y[i]/(1+c*o.others)-t*further[i])
	}
	f.set("", "first_token", "first token", waits)
	f.set1("per_token", text(t))
	f.set1("per_prompt_token", text(p))
	f.set1("per_call_in_flight", percent(c))
}

// crowded estimates how much slower each other call makes one, from several views weighted by their certainty; 0 if that cannot be told.
func (f *Fit) crowded(views ...line) float64 {
	var sum, weight float64
	for _, l := range views {
		if len(l.y) < Least {
			continue
		}
		if c, se := l.thinned().crowding(); se > 0 && !math.IsInf(se, 1) {
			sum, weight = sum+c/(se*se), weight+1/(se*se)
		}
	}
	if weight == 0 {
		f.note("per_call_in_flight is 0: the calls were never several at once.")
		return 0
	}
	c, se := sum/weight, math.Sqrt(1/weight)
	if c < certain*se {
		f.note("per_call_in_flight is 0: no influence of the calls in flight can be told (%s ± %s).", percent(c), percent(2*se))
		return 0
	}
	return c
}

// perPrompt estimates the time of a prompt token, the line's second column; 0 if it cannot be told.
func (f *Fit) perPrompt(l line, c float64) float64 {
	l = l.thinned()
	b, _ := l.solve(c)
	each, _ := l.errors(b, c)
	if p := b[1]; p > certain*each[1] {
		return p
	}
	if math.IsInf(each[1], 1) {
		f.note("per_prompt_token is 0: the prompts were all of one length, and their share of the wait is in first_token.")
		return 0
	}
	f.note("per_prompt_token is 0: no influence of the prompt's length can be told (%s ± %s); what there is of it is in first_token.", signed(b[1]), text(2*each[1]))
	return 0
}

// other fits embeddings.
func (f *Fit) other(all []observation) {
	if len(all) == 0 {
		return
	}
	if len(all) < Least {
		f.note("embedding is left as it is: %v.", &TooFewError{"answered call", len(all)})
		return
	}
	f.Calls += len(all)
	f.set("", "embedding", "embedding", values(all, toEnd))
}

// transcriptions fits the time of a transcription and of a second of audio.
func (f *Fit) transcriptions(all []observation) {
	if len(all) == 0 {
		return
	}
	if len(all) < Least {
		f.note("transcription is left as it is: %v.", &TooFewError{"answered call", len(all)})
		return
	}
	f.Calls += len(all)
	l := line{y: values(all, toEnd), others: make([]float64, len(all)), columns: [][]float64{ones(len(all)), values(all, func(o *observation) float64 { return o.audio })}}
	few := l.thinned()
	b, _ := few.solve(0)
	each, _ := few.errors(b, 0)
	perSecond := b[1]
	if !(perSecond > certain*each[1]) {
		perSecond = 0
		f.note("per_audio_second is 0: no influence of the audio's length can be told; what there is of it is in transcription.")
	}
	waits := make([]float64, len(all))
	for i, o := range all {
		waits[i] = max(0, o.toEnd-perSecond*o.audio)
	}
	f.set("", "transcription", "transcription", waits)
	f.set1("per_audio_second", text(perSecond))
}

func others(o *observation) float64 { return o.others }
func prompt(o *observation) float64 { return o.prompt }

func ones(n int) []float64 {
	list := make([]float64, n)
	for i := range list {
		list[i] = 1
	}
	return list
}

// percent writes a share with three digits: "0.213%".
func percent(share float64) string {
	if share < 1e-6 {
		return "0%"
	}
	return strconv.FormatFloat(share*100, 'g', 3, 64) + "%"
}

func signed(seconds float64) string {
	if seconds < 0 {
		return "-" + text(-seconds)
	}
	return text(seconds)
}
