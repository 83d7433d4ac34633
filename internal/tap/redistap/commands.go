package redistap

import (
	"strings"

	"parley/internal/wire/respwire"
)

// secret reports whether the words of a command are credentials.
func secret(name string) bool {
	return name == "AUTH" || name == "HELLO" || name == "ACL" || name == "MIGRATE"
}

// runsScript reports whether the first word of a command is a script, its hash or its name.
func runsScript(name string) bool {
	return strings.HasPrefix(name, "EVAL") || strings.HasPrefix(name, "FCALL")
}

// keyAt returns the place of a command's first key, or of its channel, 0 if it has none (https://redis.io/docs/latest/commands/).
func keyAt(name string, v *respwire.Value) int {
	switch name {
	case "PING", "ECHO", "AUTH", "HELLO", "SELECT", "QUIT", "RESET", "MULTI", "EXEC", "DISCARD", "UNWATCH", "CLIENT", "CONFIG", "INFO",
		"COMMAND", "SCRIPT", "FUNCTION", "SCAN", "DBSIZE", "FLUSHALL", "FLUSHDB", "TIME", "ROLE", "WAIT", "CLUSTER", "READONLY", "READWRITE",
		"ACL", "LATENCY", "SLOWLOG", "SAVE", "BGSAVE", "LASTSAVE", "MODULE", "SWAPDB", "PUBSUB", "RANDOMKEY", "DEBUG", "SHUTDOWN", "KEYS":
		return 0
	case "EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO":
		if len(v.Parts) > 2 && string(v.Parts[2].Text) != "0" {
			return 3
		}
		return 0
	case "XREAD", "XREADGROUP":
		for i, p := range v.Parts {
			if strings.EqualFold(string(p.Text), "STREAMS") {
				return i + 1
			}
		}
		return 0
	case "OBJECT", "MEMORY", "XINFO", "XGROUP", "BITOP":
		return 2
	case "LMPOP", "ZMPOP", "SINTERCARD", "ZINTER", "ZUNION", "ZDIFF":
		return 2
	case "BLMPOP", "BZMPOP":
		return 3
	default:
		return 1
	}
}

// blocks reports whether a command waits for work to come.
func blocks(name string, v *respwire.Value) bool {
	switch name {
	case "BLPOP", "BRPOP", "BLMOVE", "BRPOPLPUSH", "BLMPOP", "BZPOPMIN", "BZPOPMAX", "BZMPOP", "WAIT", "WAITAOF":
		return true
	case "XREAD", "XREADGROUP":
		for _, p := range v.Parts {
			if strings.EqualFold(string(p.Text), "BLOCK") {
				return true
			}
		}
	}
	return false
}
