// Package proxy judges the forward proxy by bots that ignore base URLs, each with another client library, and by a
// parley that is started as its users start it.
package proxy
