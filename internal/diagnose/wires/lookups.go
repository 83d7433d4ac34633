package wires

import (
	"slices"
	"strings"

	"parley/internal/anatomy"
)

// looksUp reports whether a call only reads, as its operation says, so that it could be made earlier, beside another one or not at
// all. What cannot be told is taken to write. Answers of language models are none: all that follows depends on them.
func looksUp(c *anatomy.TurnCall) bool {
	if c.Blocking {
		return false
	}
	switch c.Layer {
	case "postgres":
		return reads(c.Operation) && !changes(strings.ToUpper(c.Operation)) && !bookkeeping(c.Operation)
	case "redis":
		first, _, _ := strings.Cut(strings.ToUpper(c.Operation), " ")
		return slices.Contains([]string{
			"GET", "MGET", "HGET", "HMGET", "HGETALL", "HVALS", "HKEYS", "HLEN", "LRANGE", "LLEN", "LINDEX", "SMEMBERS", "SISMEMBER", "SCARD",
			"ZRANGE", "ZSCORE", "ZCARD", "EXISTS", "STRLEN", "GETRANGE", "TTL", "PTTL", "XRANGE", "XREVRANGE", "XLEN", "JSON.GET",
		}, first)
	case "calendar", "http":
		return readsHTTP(c.Operation)
	case "llm":
		return represents(c)
	}
	return false
}

// represents reports whether a call has a model turn words into figures, or judge them: as good as a lookup, but what follows may be one by its
// answer.
func represents(c *anatomy.TurnCall) bool {
	return c.Layer == "llm" && (strings.HasSuffix(c.Operation, "/embeddings") || strings.HasSuffix(c.Operation, "/moderations"))
}

// changes reports whether a statement in capitals that begins like one that reads does more.
func changes(statement string) bool {
	for _, word := range []string{"INSERT ", "UPDATE ", "DELETE ", "MERGE ", "NEXTVAL(", "SETVAL(", "PG_NOTIFY("} {
		if strings.Contains(statement, word) {
			return true
		}
	}
	return false
}

// readsHTTP reports whether a request reads: its method says so, or it is one of the calendars' queries, which are posted.
func readsHTTP(operation string) bool {
	method, path, isHTTP := strings.Cut(operation, " ")
	if isHTTP && (method == "GET" || method == "HEAD") {
		return true
	}
	if isHTTP {
		last := path[strings.LastIndexByte(path, '/')+1:]
		return method == "POST" && (last == "freeBusy" || last == "getSchedule" || last == "findMeetingTimes")
	}
	_, verb, named := strings.Cut(operation, ".") // as Google names its methods
	return named && (verb == "query" || verb == "list" || verb == "get" || verb == "instances")
}
