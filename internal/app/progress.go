package app

import (
	"fmt"
	"io"
	"sync"
	"time"

	"parley"
	"parley/internal/engine"
)

// plainEvery is how often progress is written where a line cannot be redrawn.
const plainEvery = 10 * time.Second

// progressLine shows how a run goes: one line redrawn on a terminal, a line now
// and then elsewhere.
type progressLine struct {
	mu    sync.Mutex
	w     io.Writer
	live  bool
	width int           // cells of a line that is redrawn
	shown time.Duration // elapsed time of the last plain line
	key   string        // phase or activity of it
	// said and at are the counter and time of the update before, for the rate.
	said int64
	at   time.Duration
	rate float64
}

func newProgressLine(w io.Writer, live bool, width int) *progressLine {
	if width <= 0 {
		width = 80
	}
	return &progressLine{w: w, live: live, width: width}
}

func (l *progressLine) show(p engine.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if span := p.Elapsed - l.at; span >= 2*time.Second {
		l.rate = float64(p.Messages.Sent-l.said) / span.Seconds()
		l.said, l.at = p.Messages.Sent, p.Elapsed
	}
	text := l.text(p)
	if l.live {
		if runes := []rune(text); len(runes) >= l.width {
			text = string(runes[:l.width-1]) // a line that wraps cannot be redrawn
		}
		_, _ = fmt.Fprintf(l.w, "\r\x1b[K%s", text) // progress is a courtesy: a broken terminal must not end a run
		return
	}
	key := p.Doing + p.Phase + fmt.Sprint(p.Step)
	if key != l.key || p.Elapsed-l.shown >= plainEvery {
		l.key, l.shown = key, p.Elapsed
		_, _ = fmt.Fprintln(l.w, text)
	}
}

func (l *progressLine) text(p engine.Progress) string {
	if p.Doing != "" {
		return fmt.Sprintf("%5.0fs  %s", p.Elapsed.Seconds(), p.Doing)
	}
	if p.Phase == "" {
		return fmt.Sprintf("%5.0fs  load begins", p.Elapsed.Seconds())
	}
	phase := p.Phase
	if p.Step > 0 {
		phase = fmt.Sprintf("%s %d", p.Phase, p.Step)
	}
	p95 := "–"
	if p.RecentP95 > 0 {
		p95 = parley.FormatDuration(p.RecentP95)
	}
	return fmt.Sprintf("%5.0fs  %-8s %5.1f msg/s · waiting %d · open %d · p95 %s · failed %d · left %s",
		p.Elapsed.Seconds(), phase, l.rate, p.Waiting, p.Conversations, p95, p.Failed, p.Left.Round(time.Second))
}

// clear takes a redrawn line away.
func (l *progressLine) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.live {
		_, _ = fmt.Fprint(l.w, "\r\x1b[K")
	}
}
