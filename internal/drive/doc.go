// Package drive is the conversation engine: it plays a crowd of virtual users
// who talk to a bot, and times what they would feel.
//
// Conversations arrive by an open schedule that never waits for the bot. Within
// a conversation the user waits for the answer, thinks, and goes on, as people do.
// Each conversation is a small state machine on two timers; only a webhook that is
// on its way holds a goroutine, so that a user who waits costs a few hundred bytes.
//
//	start ─▶ saying ──last message──▶ waiting ──answer──▶ thinking ─▶ saying ...
//	            │                        │  └─patience ends─▶ gone        │
//	            └──────── run is cut ────┴────────────────────────────────┴─▶ over
//
// The package knows nothing of any platform's wire format: [Platform] builds the
// webhooks, and the owner hands replies in through [Driver.Reply]. It judges
// nothing and keeps no statistics beyond its own health and live counters.
package drive
