// Package e2e holds tests in which outside judges use parley: official client
// libraries, real servers, a browser. It is a module of its own, so that what the judges
// need never becomes a dependency of parley.
package e2e
