// Package learn makes latency models of real services, as a plan expresses them, from calls that were relayed to
// them and timed. It says how well each model fits, and which parameters the calls cannot tell apart. It reads no files and
// writes none.
package learn
