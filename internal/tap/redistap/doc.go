// Package redistap listens on a Redis wire: it follows RESP2 and RESP3, pipelines, transactions, subscriptions and blocking
// commands, and makes a call of each command.
package redistap
