package drive

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"parley"
	"parley/internal/platform"
)

// stage is where a conversation stands.
type stage uint8

const (
	saying   stage = iota // messages of the current turn are still to be said
	waiting               // all said; the answer is awaited
	thinking              // answered; the user thinks of what to say next
	over                  // no more turns; replies may still come
)

// How long replies to a finished conversation are still counted to it: to one that came
// to its end, and to one whose user gave up and may be answered yet.
const (
	linger          = time.Minute
	lingerAbandoned = 10 * time.Minute
)

// conversation is one virtual user's visit. Its mutex is held for moments only,
// never while anything waits.
type conversation struct {
	d      *Driver
	id     int64
	user   platform.User
	script script
	over   chan struct{} // closed when no turn will follow
	// gaveUp: the user left without an answer, which may come yet.
	gaveUp atomic.Bool

	mu    sync.Mutex
	stage stage
	index int // of the current turn in script.turns
	said  int // messages of it said so far
	turn  parley.Turn
	dirty bool // turn changed since it was recorded
	last  bool // no turn follows the current one
	won   bool // a reply has reached the goal
	in    *phase
	// Moments to come; 0 means none.
	nextAt, patienceAt, quietAt time.Duration
	// soon serves nextAt and quietAt, late serves patienceAt; soonAt and lateAt are what they are armed for, 0 if
	// they are not. Patience moves with every turn and hardly ever ends, so that late stays armed for
	// the earlier moment, and when that comes is armed anew: a timer that is drawn forward makes the runtime
	// go through all its timers, with a hundred thousand users a hundred thousand of them.
	soon, late     *time.Timer
	soonAt, lateAt time.Duration

	heard      []uint64      // words of the replies to the current turn, the first few
	lastHeard  time.Duration // under the quiet rule: the latest reply, the answer if silence follows
	acks       int32         // messages of the turn with a 2xx
	slowestAck time.Duration // the slowest of those
	newest     int           // 1 + index of the newest message of the turn that a reply quoted
	previous   memory
	keys       []uint64 // identities to forget at the end
	waiter     *waiter  // of the registry, whose mutex guards it; nil between turns
	pursuit    *pursuit // nil without a goal that a call reaches
	refused    string   // what the last webhook attempt failed with
}

// memory is what is kept of the turn before, to know its stray replies.
type memory struct {
	turn     int64
	messages []uint64
	heard    []uint64
	repeats  int32 // how often its webhooks were refused, and so repeated
}

func (d *Driver) newConversation(id int64, s script) *conversation {
	return &conversation{d: d, id: id, script: s, over: make(chan struct{}), in: d.phase.Load()}
}

// enrol gives the conversation its user: the one who returns, or a new one if that
// one is busy or may be answered yet. The words stay the same.
func (c *conversation) enrol() {
	c.user = c.d.o.Platform.User(c.script.persona)
	hash := c.d.o.Key.Hash(c.user.Number)
	free, returning := c.d.registry.claim(c, hash)
	if !free {
		name := c.user.Name
		c.user = c.d.o.Platform.User(c.id)
		c.user.Name = name
		hash = c.d.o.Key.Hash(c.user.Number)
		_, returning = c.d.registry.claim(c, hash)
	}
	c.script.returning = returning
	c.keys = append(c.keys, hash)
}

// holdBack records a conversation that a ceiling forbade.
func (c *conversation) holdBack(due time.Duration) {
	c.open(due)
	c.turn.Outcome = parley.Unsent
	c.turn.Failure = "held back: the ceiling of open conversations was reached"
	c.turn.Sent = parley.None
	c.turn.Ended = due
	c.d.health.held(c.in)
	c.in.stats.heldBack.Add(1)
	c.d.o.Recorder.Turn(c.turn)
	close(c.over)
}

// begin opens the first turn.
func (c *conversation) begin(due time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.say(due)
}

// open fills in the row of the current turn.
func (c *conversation) open(due time.Duration) {
	l := &c.script.turns[c.index]
	spoken := due
	for _, gap := range l.gaps {
		spoken += gap
	}
	c.in = c.d.phase.Load()
	c.turn = parley.Turn{
		ID:           c.d.turns.Add(1),
		Conversation: c.id,
		Ordinal:      int32(c.index),
		Scenario:     c.script.scenario.Name,
		Phase:        c.in.name,
		Step:         c.in.step,
		Words:        c.d.o.Key.Hash(l.messages[len(l.messages)-1]),
		Returning:    c.script.returning,
		Alike:        l.alike,
		Due:          due,
		Spoken:       spoken,
		Sent:         parley.None,
		Acked:        parley.None,
		AckLatency:   parley.None,
		FirstReply:   parley.None,
		AnsweredAt:   parley.None,
		Ended:        parley.None,
		Outcome:      parley.Open,
		Final:        c.index+1 == len(c.script.turns),
	}
	if c.user.Number != "" {
		c.turn.User = c.keys[0]
	}
}

// say opens the current turn and says its first message. The caller holds mu.
func (c *conversation) say(due time.Duration) {
	c.open(due)
	c.stage, c.said, c.newest = saying, 0, 0
	c.heard = nil
	c.acks, c.slowestAck = 0, 0
	c.last = c.index+1 == len(c.script.turns)
	c.in.stats.offered.Add(int64(len(c.script.turns[c.index].messages)))
	c.pursue()
	c.d.registry.wait(c, c.turn.Words)
	c.d.live.waiting.Add(1)
	c.utter(due)
	c.d.o.Recorder.Turn(c.turn) // the opening is recorded at once: a crash must not lose who was waiting
	c.arm()
}

// utter says the next message of the turn, which was due at due. The caller holds mu.
func (c *conversation) utter(due time.Duration) {
	l := &c.script.turns[c.index]
	at := c.said
	m := c.d.o.Platform.Message(c.user, c.d.messages.Add(1), l.messages[at], time.Now())
	m.Voice = l.rule.Voice
	id := c.d.o.Key.Hash(m.ID)
	c.turn.Messages = append(c.turn.Messages, id)
	c.keys = append(c.keys, id)
	c.d.registry.message(c, id)
	c.said++
	c.turn.Said++
	c.turn.AckLatency = parley.None // until this message has its 2xx, too
	if c.in.counts() {
		c.d.live.sent.Add(1)
	}
	if c.said < len(l.messages) {
		c.nextAt = due + l.gaps[at]
	} else {
		c.nextAt = 0
		c.stage = waiting
		c.patienceAt = c.turn.Spoken + l.rule.Patience
	}
	c.d.deliver(c, c.turn.ID, at == 0, c.stage == waiting, m)
}

// nextTurn opens the turn after the current one. The caller holds mu.
func (c *conversation) nextTurn(due time.Duration) {
	c.recordChange()
	c.pass()
	c.previous = memory{turn: c.turn.ID, messages: c.turn.Messages, heard: c.heard, repeats: c.turn.Refused}
	c.index++
	c.say(due)
}

// answered closes the current turn at the moment its answer came and lets the
// user think. The caller holds mu.
func (c *conversation) answered(at time.Duration) {
	c.turn.Outcome = parley.Answered
	c.turn.AnsweredAt, c.turn.Ended = at, at
	wait, _ := c.turn.ReplyLatency()
	c.close()
	c.d.phase.Load().stats.answered.Add(int64(c.turn.Said))
	c.d.live.answered(wait)
	if c.in.counts() {
		c.d.live.answeredMessages.Add(int64(c.turn.Said))
	}
	c.d.health.waited(wait)
	if c.last || c.d.draining.Load() {
		c.finish()
		return
	}
	think := c.script.turns[c.index+1].think
	if c.in.brisk {
		think = min(think, briskThink)
	}
	c.stage = thinking
	c.nextAt = c.d.since() + think
}

// abandon closes the current turn because the user's patience has ended, and
// with it the conversation. The caller holds mu.
func (c *conversation) abandon() {
	c.turn.Outcome = parley.Abandoned
	c.turn.Ended = c.patienceAt
	switch {
	case c.refused != "":
		c.turn.Failure = c.refused
	case c.turn.Acked == parley.None:
		c.turn.Failure = "webhook: no response"
	case c.turn.Replies == 0:
		c.turn.Failure = "no reply"
	default:
		c.turn.Failure = "replies, but no answer"
	}
	c.close()
	c.in.stats.failed.Add(1)
	c.d.live.fails.Add(1)
	c.gaveUp.Store(true)
	c.finish()
}

// close ends the current turn and records it. The caller holds mu.
func (c *conversation) close() {
	c.nextAt, c.patienceAt, c.quietAt = 0, 0, 0
	c.d.registry.unwait(c, c.turn.Words)
	c.in.stats.ended.Add(1)
	c.d.live.waiting.Add(-1)
	c.dirty = true
	c.recordChange()
}

// recordChange records the turn again if it changed after it was recorded. The caller holds mu.
func (c *conversation) recordChange() {
	if c.dirty {
		c.dirty = false
		c.d.o.Recorder.Turn(c.turn)
	}
}

// finish ends the conversation; replies are still counted for a while. The caller holds mu.
func (c *conversation) finish() {
	c.stage = over
	c.patienceAt, c.quietAt = 0, 0
	c.nextAt = c.d.since() + linger
	if c.turn.Outcome == parley.Abandoned {
		c.nextAt = c.d.since() + lingerAbandoned
	}
	if c.late != nil {
		c.late.Stop() // or it would hold on to the conversation
		c.lateAt = 0
	}
	c.d.registry.ended(c)
	close(c.over)
}

// leaveAfterTurn makes the current turn the last one.
func (c *conversation) leaveAfterTurn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = true
	if c.stage == thinking {
		c.finish()
		c.arm()
	}
}

// cut ends the conversation at once.
func (c *conversation) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.stage {
	case saying, waiting:
		c.turn.Outcome = parley.Cut
		c.turn.Ended = c.d.since()
		c.close()
		c.finish()
	case thinking:
		c.finish()
	case over:
		return
	}
	c.arm()
}

// settle records what still changed and stops the timers; the run is over.
func (c *conversation) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recordChange()
	for _, timer := range [...]*time.Timer{c.soon, c.late} {
		if timer != nil {
			timer.Stop()
		}
	}
}

func (c *conversation) turnID() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.turn.ID
}

func (c *conversation) lastTurn() parley.Turn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.turn
}

// failure words a refused or unanswered webhook.
func failure(status int, err error) string {
	if err != nil {
		return "webhook: " + plainError(err)
	}
	return fmt.Sprintf("webhook: status %d", status)
}
