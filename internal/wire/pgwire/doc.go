// Package pgwire splits the byte stream of a PostgreSQL connection into messages of the
// frontend/backend protocol 3.x (https://www.postgresql.org/docs/15/protocol-message-formats.html),
// without holding it up: it is fed whatever came off the socket and tells which messages ended in it.
//
// Bodies are kept only as far as asked for, so that a COPY of any size costs no memory. It opens no
// sockets and follows no conversation: which answer belongs to which question is for its user to tell.
package pgwire
