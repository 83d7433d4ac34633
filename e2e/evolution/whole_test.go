package evolution

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// judgeAnswers holds each answer of the send API against its documented shape.
func (a *account) judgeAnswers(t *testing.T) {
	want := answers(a)
	switch {
	case a.first:
		want = answersFirst(a)
	case a.lenient:
		want = map[string]answer{"reply": want["reply"]} // though the bot writes as to version 1
	}
	seen, all := map[string]int{}, 0
	for _, m := range a.met {
		if m.Kind == "webhook" || strings.HasPrefix(m.Kind, "voice ") || a.lenient && m.Kind != "reply" {
			continue
		}
		seen[m.Kind]++
		all++
		w, ok := want[m.Kind]
		if !ok {
			t.Errorf("no shape for the answer to %q", m.Kind)
			continue
		}
		if m.Status != w.status || m.Took < w.least {
			t.Errorf("%s: status %d after %v, want %d after %v", m.Kind, m.Status, m.Took, w.status, w.least)
		}
		body := w.body
		if o, ok := body.(object); ok && o["messageTimestamp"] != nil && !a.first {
			o["messageTimestamp"] = unixSeconds{m.At}
		}
		for _, complaint := range shaped(m.Body, body) {
			t.Errorf("%s: %s", m.Kind, complaint)
		}
	}
	for kind := range want {
		if seen[kind] == 0 {
			t.Errorf("the bot never tried %q", kind)
		}
	}
	t.Logf("%d answers to %d kinds of requests", all, len(seen))
}

// judgeWhole: what one webhook alone cannot show.
func (a *account) judgeWhole(t *testing.T) {
	deliveries := map[string]int{}
	for _, id := range a.said {
		deliveries[id]++
	}
	a.judgeRepeats(t, deliveries)
	if a.silent {
		if len(a.echoes)+len(a.statuses) > 0 {
			t.Errorf("%d echoes, %d receipts, though neither is wanted", len(a.echoes), len(a.statuses))
		}
		return
	}
	read, unheard := 0, 0
	for id := range a.sentIDs {
		switch a.echoes[id] {
		case 1:
		case 0:
			unheard++
		default:
			t.Errorf("message %s of the bot has %d echoes", id, a.echoes[id])
		}
	}
	// What the bot says last may come so late that the run ends before its echo.
	if unheard > 3 {
		t.Errorf("%d messages of the bot have no echo", unheard)
	}
	for id, n := range a.echoes {
		if a.sentIDs[id] == "" {
			t.Errorf("%d echoes of %s, which the bot never sent", n, id)
		}
	}
	for id, statuses := range a.statuses {
		if a.sentIDs[id] == "" {
			t.Errorf("receipts %q for %s, which the bot never sent", statuses, id)
		}
		if !slices.Equal(statuses, []string{"DELIVERY_ACK"}) && !slices.Equal(statuses, []string{"DELIVERY_ACK", "READ"}) {
			t.Errorf("receipts of %s: %q", id, statuses)
		}
		read += len(statuses) - 1
	}
	if len(a.sentIDs) < 5 || len(a.statuses) < 3 || read < 1 {
		t.Errorf("%d messages of the bot, %d delivered, %d read: too few to judge by", len(a.sentIDs), len(a.statuses), read)
	}
	t.Logf("%d messages in %d deliveries; the bot sent %d, of which %d delivered, %d read", len(deliveries), len(a.said), len(a.sentIDs), len(a.statuses), read)
}

// judgeRepeats: a webhook that failed with 500 comes again after the initial delay and its
// jitter of at most a fifth, one refused with 404 never, any other once.
func (a *account) judgeRepeats(t *testing.T, deliveries map[string]int) {
	t.Helper()
	for id, n := range deliveries {
		met := a.refused[id]
		switch {
		case len(met) == 0 || met[0].Status == 404 || a.first: // version 1 tries once
			if n != 1 {
				t.Errorf("message %s was delivered %d times", id, n)
			}
		case n == 1: // said so late that the run ended before the repetition
		case n != 2 || met[0].Body != met[1].Body:
			t.Errorf("message %s: %d deliveries, the same: %v", id, n, met[0].Body == met[1].Body)
		case met[1].At.Sub(met[0].At) < time.Second:
			t.Errorf("message %s came again after %v, before the initial delay", id, met[1].At.Sub(met[0].At))
		}
	}
}
