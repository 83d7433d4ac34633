// Package openaiwire reads as much of OpenAI's API, off the bytes of its requests and responses, as whoever
// stands between a bot and the service needs: which call it is, what it may cost at most, what the user said last, and
// the usage that the service reports, in whole answers and in streams. It sends nothing, checks nothing on the service's
// behalf, and passes over what it does not know.
//
// Shapes follow the openai-openapi description, version 2.3.0.
package openaiwire
