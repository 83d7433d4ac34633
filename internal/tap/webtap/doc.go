// Package webtap is a forward proxy for the HTTP wires of a bot whose client ignores base URLs. What the bot sends to
// the hosts of the plan is answered by the handlers that stand in for them; all else is refused, so that nothing escapes.
//
// CONNECT is answered with a certificate of the run's own [Authority], and a request with an absolute URL ("POST
// https://api.line.me/v2/...") by its host. It dials no one: what a handler does with a request is the handler's affair.
package webtap
