// Package plan reads parley.yaml: it fills in defaults, checks every value, and
// reports all that is wrong as a list of [Errors], each with its file, line,
// column, path and a hint.
//
// A [Plan] that came out of [Read] or [Parse] can be run as it stands: names
// are unique, addresses are local unless the plan allows otherwise, virtual
// users have numbers nobody can own, and the load stays below the plan's own
// ceilings. Whoever uses a Plan need not check again.
//
// The package opens no sockets, starts nothing, looks no host up and reads no
// file but the plan. The reference for users is docs/plan.md.
package plan
