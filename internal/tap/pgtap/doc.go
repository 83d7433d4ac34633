// Package pgtap listens on a PostgreSQL wire: it follows the simple and the extended query protocol, prepared
// statements, pipelines, COPY and cancellation, and makes a call of each statement.
//
// The wire is in clear on the bot's side, so that there is something to hear: requests for encryption are
// declined, as a server without it does. Towards the server it may be encrypted.
package pgtap
