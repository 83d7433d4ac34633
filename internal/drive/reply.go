package drive

import (
	"slices"
	"time"

	"parley"
	"parley/internal/platform"
)

// heardLimit bounds how many different replies of one turn are remembered.
const heardLimit = 64

// Reply takes in one message of the bot, at the moment the user sees it.
func (d *Driver) Reply(r platform.Reply) {
	row := parley.Reply{
		User:      d.o.Key.Hash(r.To),
		Kind:      r.Kind,
		Received:  r.Received.Sub(d.o.Epoch),
		Delivered: r.Delivered.Sub(d.o.Epoch),
		Words:     d.o.Key.Hash(r.Text),
		Bytes:     int64(r.Bytes),
	}
	switch c := d.registry.lookup(row.User); {
	case c != nil:
		c.hear(&row, d.o.Key.Hash(r.Quoted), r.Text)
	case d.registry.knows(row.User):
		row.Fate = "late" // so late that the conversation is forgotten
	default:
		row.Fate = "stranger"
		d.live.strangers.Add(1)
	}
	d.o.Recorder.Reply(row)
}

// hear counts a reply to the turn it belongs to and says what it was.
func (c *conversation) hear(row *parley.Reply, quoted uint64, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	row.Turn = c.turn.ID
	c.touch() // before the reply ends the turn, which records it
	row.Fate = c.fate(row, quoted, text)
}

// fate decides what a reply is to the current turn. The caller holds mu.
func (c *conversation) fate(row *parley.Reply, quoted uint64, text string) string {
	t := &c.turn
	if t.Outcome == parley.Abandoned || t.Outcome == parley.Cut {
		t.Late++
		return "late"
	}
	if c.strays(row.Words, quoted) {
		t.Disordered++
		return "late"
	}
	t.Replies++
	c.weigh(text) // before the reply ends the turn, which records it
	if c.stage == saying {
		// The user is still typing and takes nothing for the answer; should the bot say
		// the same again when all is said, that will be the answer.
		c.order(quoted)
		return "early"
	}
	repeated := slices.Contains(c.heard, row.Words)
	if len(c.heard) < heardLimit {
		c.heard = append(c.heard, row.Words)
	}
	if repeated {
		t.Duplicates++
		return "duplicate"
	}
	c.order(quoted)
	if t.FirstReply == parley.None {
		t.FirstReply = row.Delivered
	}
	if c.stage != waiting {
		return "extra"
	}
	return c.judge(row.Delivered, text)
}

// strays reports whether a reply belongs to the turn before: it quotes a message
// of it, or it repeats its answer the platform having had to repeat a webhook, once
// for each time it had to.
func (c *conversation) strays(words, quoted uint64) bool {
	if quoted != 0 && slices.Contains(c.previous.messages, quoted) {
		return true
	}
	if c.previous.repeats == 0 || !slices.Contains(c.previous.heard, words) {
		return false
	}
	c.previous.repeats--
	return true
}

// order notices replies that quote an older message than a reply before them.
func (c *conversation) order(quoted uint64) {
	at := slices.Index(c.turn.Messages, quoted)
	if at < 0 {
		return
	}
	if at+1 < c.newest {
		c.turn.Disordered++
	}
	c.newest = max(c.newest, at+1)
}

// judge applies the turn's answer rule to a reply that came while the user waited.
func (c *conversation) judge(delivered time.Duration, text string) string {
	rule := c.script.turns[c.index].rule.Answered
	switch rule.Mode {
	case "quiet":
		// The last reply before the silence is the answer; whether this was it only the
		// silence tells, for which patience is extended once. A bot that never falls
		// silent has not answered.
		c.lastHeard = delivered
		c.quietAt = delivered + rule.Quiet
		c.patienceAt = c.turn.Spoken + c.script.turns[c.index].rule.Patience + rule.Quiet
	case "pattern":
		if !rule.Pattern.MatchString(text) {
			return "extra"
		}
		c.answered(delivered)
	default:
		c.answered(delivered)
	}
	c.arm()
	return "answer"
}
