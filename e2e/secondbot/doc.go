// Package secondbot judges the diagnosis by a bot that no check was written beside: the assistant of a clinic, in Go, with tables and keys in
// Portuguese, pgx, go-redis and plain net/http. It acknowledges first and answers from a pool of goroutines; what it knows of a
// conversation is JSON in Redis, and one call to a language model makes an answer.
//
// DEFEITO switches its defects on, one at a time or several. The first findings of a short run must be the defects, and the bot
// without one must have no finding.
package secondbot
