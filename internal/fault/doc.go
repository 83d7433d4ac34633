// Package fault is the one language of latency, limits and failures that
// simulators and taps speak. A [Dist] is a distribution of durations, a [Rule]
// says what goes wrong with which share of the messages of which operation, a
// [Decider] applies rules message by message, and a [Bucket] enforces a quota.
//
// Everything is decided from a seed and counters, so that a run can be
// repeated, and from times the caller passes in: the package reads no clock,
// waits for nothing and opens no sockets. Carrying a decision out (to wait, cut
// or corrupt) is the caller's part.
package fault
