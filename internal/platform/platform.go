// Package platform holds what every messaging platform is to the rest of
// parley: users who say messages, webhooks that carry them to the bot, and
// replies that come back through the platform's send API. The platforms
// themselves are its sub-packages. It opens no sockets.
package platform

import "time"

// User is one virtual person.
type User struct {
	// Number identifies the user on the platform (a phone number in digits, a user id).
	Number string
	Name   string
}

// Message is one thing a user says.
type Message struct {
	ID   string // as the platform numbers it
	From User
	Text string
	At   time.Time
	// Voice: Text is spoken, and reaches the bot as a voice note.
	Voice bool
}

// Webhook is one HTTP request of the platform to the bot.
type Webhook struct {
	URL    string
	Header []Field // Content-Type included
	Body   []byte
	// Event is the platform's name of what happened ("messages.upsert").
	Event string
}

// Field is one header field.
type Field struct{ Name, Value string }

// Scheduled is a webhook the platform sends after a delay.
type Scheduled struct {
	After time.Duration
	Webhook
}

// Reply is one message of the bot, as the platform's send API accepted it.
type Reply struct {
	To     string // the user's number
	ID     string // the id the platform gave it
	Quoted string // id of the message it quotes, empty if none
	Kind   string // text, image, audio, ...
	Text   string // text or caption
	Bytes  int    // size of the request's body
	// Received is when the request had been read, Delivered when the user saw the
	// message (after a typing delay, say).
	Received, Delivered time.Time
}

// RetryPolicy says how a platform repeats a webhook that failed.
type RetryPolicy interface {
	// Again returns whether and after what pause the webhook is sent once more,
	// given the number of attempts made, and the last status or (status 0) error.
	Again(attempts, status int, err error) (pause time.Duration, again bool)
	// Timeout is how long one attempt may take.
	Timeout() time.Duration
}
