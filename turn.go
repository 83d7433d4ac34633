package parley

import "time"

// Outcome says how a turn ended.
type Outcome string

const (
	// Open: the turn began and its end was never recorded, because it is still
	// going on or the recording stopped.
	Open Outcome = "open"
	// Answered: the bot's reply met the turn's answer rule within the user's patience.
	Answered Outcome = "answered"
	// Abandoned: the user's patience ended first. The latency is censored there.
	Abandoned Outcome = "abandoned"
	// Cut: the run ended (or was interrupted) while the user was still waiting.
	// The latency is censored at that moment.
	Cut Outcome = "cut"
	// Unsent: the turn was due but parley did not say it, because a ceiling
	// of the plan or its own resources forbade it. It says nothing about the bot.
	Unsent Outcome = "unsent"
)

// None marks an instant that never came.
const None = time.Duration(-1)

// Turn is what a user says until the bot has answered: one or several webhooks
// out, one or several replies in. It is the unit of truth.
//
// A turn is recorded twice: when it opens and when it ends; the later row of
// the same ID replaces the earlier one.
type Turn struct {
	// ID is unique in the run.
	ID int64 `parquet:"turn_id"`
	// Conversation is unique in the run; Ordinal counts its turns from 0. Turn
	// 0 is open (its moment was set by the schedule), later ones are
	// conditional (they waited for the reply before).
	Conversation int64  `parquet:"conversation_id"`
	Ordinal      int32  `parquet:"ordinal"`
	Scenario     string `parquet:"scenario,dict"`
	Phase        string `parquet:"phase,dict"`
	// Step is the step of a ramp, 0 in other phases.
	Step int32 `parquet:"step"`

	// User is the keyed hash of the virtual user's number, Words that of the last
	// message said. Messages are the keyed hashes of the platform's message ids.
	User     uint64   `parquet:"user_hash"`
	Words    uint64   `parquet:"words_hash"`
	Messages []uint64 `parquet:"message_hashes,list"`
	// Returning: the user had a conversation with the bot before this one.
	// Alike: the words are the same as many other users'.
	Returning bool `parquet:"returning"`
	Alike     bool `parquet:"alike"`

	// Due is when the first message should have been said, Spoken when the last
	// one of the burst should have been (equal to Due without a burst). Sent is when
	// the first webhook was written. Latency counts from Spoken: a user who
	// is still typing is not waiting yet.
	Due    time.Duration `parquet:"due_ns"`
	Spoken time.Duration `parquet:"spoken_ns"`
	Sent   time.Duration `parquet:"sent_ns"`
	// Acked is when the webhook of the last message got its 2xx, None if never.
	// AckLatency is the slowest acknowledgement among the turn's messages, from the
	// first write of a webhook to its 2xx, repetitions by the platform included;
	// None if a message never got one.
	Acked      time.Duration `parquet:"acked_ns"`
	AckLatency time.Duration `parquet:"ack_latency_ns"`
	// FirstReply is when the first reply after Spoken reached the user, AnsweredAt
	// when the answer rule was met, Ended when the turn closed. None if never.
	FirstReply time.Duration `parquet:"first_reply_ns"`
	AnsweredAt time.Duration `parquet:"answered_ns"`
	Ended      time.Duration `parquet:"ended_ns"`

	Outcome Outcome `parquet:"outcome,dict"`
	// Failure says in a few words what went wrong, empty if nothing did
	// ("webhook: status 500", "webhook: connection refused", "no reply").
	Failure string `parquet:"failure,dict"`

	// Said is the number of messages said, Attempts the number of webhook requests
	// they took, Refused how many of those did not get a 2xx.
	Said     int32 `parquet:"messages_said_total"`
	Attempts int32 `parquet:"webhook_attempts_total"`
	Refused  int32 `parquet:"webhook_refused_total"`
	// Replies counts replies until the next turn began; Duplicates those of them
	// that repeat another word for word; Late those after the user had gone;
	// Disordered those that answer an older message than a reply before them.
	Replies    int32 `parquet:"replies_total"`
	Duplicates int32 `parquet:"duplicate_replies_total"`
	Late       int32 `parquet:"late_replies_total"`
	Disordered int32 `parquet:"out_of_order_replies_total"`

	// Final: by its script the conversation has no turn after this one.
	Final bool `parquet:"final_turn"`
	// Goal: the goal of the scenario was reached in this turn (an event inserted into
	// a calendar, say). False if the scenario has none.
	Goal bool `parquet:"goal_reached"`
}

// IsOpen reports whether the schedule, not the bot, set the moment of the turn.
func (t *Turn) IsOpen() bool { return t.Ordinal == 0 }

// Lost reports whether the user never got any reply, though the turn ran its course.
func (t *Turn) Lost() bool { return t.Outcome == Abandoned && t.Replies == 0 && t.Late == 0 }

// Failed reports whether the turn counts as an error: the user left
// unanswered, or the bot refused the webhook.
func (t *Turn) Failed() bool { return t.Outcome == Abandoned || t.Refused > 0 }

// ReplyLatency is the time the user waited for the answer. If the answer did
// not come (censored), it is the time waited so far, and the true
// latency is longer.
func (t *Turn) ReplyLatency() (wait time.Duration, censored bool) {
	if t.Outcome == Answered {
		return max(0, t.AnsweredAt-t.Spoken), false
	}
	return max(0, t.Ended-t.Spoken), true
}

// FirstReplyLatency is like ReplyLatency, for the first reply of any kind.
func (t *Turn) FirstReplyLatency() (wait time.Duration, censored bool) {
	if t.FirstReply != None {
		return max(0, t.FirstReply-t.Spoken), false
	}
	return max(0, t.Ended-t.Spoken), true
}

// Reply is one message of the bot to a user, as its send API received it.
type Reply struct {
	// Turn is the turn it was counted to, 0 for a reply to nobody parley played.
	Turn int64  `parquet:"turn_id"`
	User uint64 `parquet:"user_hash"`
	Kind string `parquet:"kind,dict"` // text, image, audio, ...
	// Received is when the send request had arrived; Delivered is when the user saw
	// it, which the platform may put later (a typing delay).
	Received  time.Duration `parquet:"received_ns"`
	Delivered time.Duration `parquet:"delivered_ns"`
	Words     uint64        `parquet:"words_hash"`
	Bytes     int64         `parquet:"size_bytes"`
	// Fate is what the reply was to the turn: answer, extra, early, duplicate, late, stranger.
	Fate string `parquet:"fate,dict"`
}
