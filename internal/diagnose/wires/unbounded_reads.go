package wires

import "slices"

// bulk reports whether a command of Redis takes longer the more there is, in its key or altogether.
func bulk(operation string) bool {
	return slices.Contains([]string{
		"KEYS", "SMEMBERS", "HGETALL", "HKEYS", "HVALS", "LRANGE", "ZRANGE", "ZREVRANGE", "ZRANGEBYSCORE", "ZREVRANGEBYSCORE", "SORT", "SORT_RO",
		"SUNION", "SINTER", "SDIFF", "ZUNION", "ZINTER", "ZDIFF", "XRANGE", "XREVRANGE",
	}, command(operation))
}
