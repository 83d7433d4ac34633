// Package respwire splits the byte stream of a Redis connection into values,
// without holding it up: it is fed whatever came off the socket and tells which
// values ended in it.
//
// It reads RESP2 and RESP3 (https://redis.io/docs/latest/develop/reference/protocol-spec/)
// with streamed strings and aggregates, and inline commands. Content is kept only as far as a
// [Limits] allows; sizes are always whole. It opens no sockets and knows no commands.
package respwire
