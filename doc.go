// Package parley is the vocabulary of a performance analyst for conversational
// backends, and the format of its record.
//
// A [Turn] is what a user says until the bot has answered; a [Reply] is one
// message of the bot; a [Call] is one exchange on one of the bot's wires; a
// [Sample] is one point of a time series; a [Phase] is a stretch of a run under
// one arrival process; a [Run] is everything one command recorded.
//
// The struct tags of Turn, Reply, Call and Sample are the schema of the Parquet
// tables in a run's folder. Columns are only ever added. All instants are
// offsets from [Run.Started] in nanoseconds (suffix _ns), taken from one
// monotonic clock. The package holds values only: it does no I/O and imports
// nothing but the standard library.
package parley
