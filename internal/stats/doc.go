// Package stats turns observations that depend on each other into figures with
// honest intervals. It knows no domain: not what a turn, a reply or a bot is.
//
// What it assumes is stated where it is offered:
//
//   - Waits are right-censored now and then (the watching ended first, at
//     varying times), and censoring says nothing else about the wait:
//     Kaplan-Meier.
//   - Observations near each other in time are alike. A series is therefore
//     kept in blocks of time, and the spread of a figure is that of sums over
//     moving blocks: the variance the moving-block bootstrap converges to, which for
//     these figures has a closed form (Künsch 1989), so that nothing is
//     drawn at random and the same series always gives the same interval. It cannot
//     see a dependence that lasts longer than about an eighth of the series.
//   - No interval is narrower than independence would make it: the
//     order-statistic interval for quantiles, Wilson's for shares.
//
// A figure that lies beyond what was observed is reported as beyond, never as
// the number of those who were seen to the end. A quantile too far out for the size of the
// sample is refused: see [Carries].
//
// The package does no I/O and draws no random numbers.
package stats
