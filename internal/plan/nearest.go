package plan

import (
	"fmt"
	"slices"
	"strings"
)

// suggest words the hint for a name that is not among the known ones: the
// nearest of them, or all of them if none is near.
func suggest(name string, known []string, kind string) string {
	if near := nearest(name, known); len(near) > 0 {
		for i, n := range near {
			near[i] = fmt.Sprintf("%q", n)
		}
		return "did you mean " + strings.Join(near, " or ") + "?"
	}
	return "known " + kind + ": " + strings.Join(known, ", ")
}

// nearest returns those of the known names that are fewest edits away from
// name, or stand for it, and none if all are far away.
func nearest(name string, known []string) []string {
	var near []string
	least := 1 + max(1, (len(name)+1)/3)
	for _, k := range known {
		if max(len(k)-len(name), len(name)-len(k)) > least {
			continue
		}
		switch d := distance(name, k); {
		case d < least:
			least, near = d, []string{k}
		case d == least && len(near) > 0:
			near = append(near, k)
		}
	}
	if len(near) > 0 {
		return near
	}
	for _, k := range habitual(name) {
		if slices.Contains(known, k) {
			return []string{k}
		}
	}
	return nil
}

// habitual returns the keys that users of other tools may mean by name.
func habitual(name string) []string {
	switch strings.ToLower(name) {
	case "rate", "rps", "qps", "arrival_rate":
		return []string{"conversations_per_hour", "messages_per_hour"}
	case "vus", "users", "workers", "parallel":
		return []string{"concurrency"}
	case "stages", "stage":
		return []string{"phases"}
	case "url", "endpoint":
		return []string{"webhook", "address"}
	case "health", "healthcheck", "health_check":
		return []string{"ready"}
	case "cmd", "run", "start", "exec":
		return []string{"command"}
	case "timeout":
		return []string{"start_timeout", "patience"}
	case "cwd", "workdir", "working_dir":
		return []string{"dir"}
	case "environment":
		return []string{"env"}
	case "text", "message", "messages", "input":
		return []string{"say"}
	case "steps", "flow":
		return []string{"turns"}
	case "thresholds", "slo", "slos":
		return []string{"budgets"}
	case "services", "upstreams":
		return []string{"dependencies"}
	case "duration":
		return []string{"for"}
	case "ttft":
		return []string{"first_token"}
	case "reply", "latency", "response":
		return []string{"reply"}
	}
	return nil
}

// distance counts the edits between two words: letters inserted, removed,
// replaced, or swapped with their neighbour (optimal string alignment).
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	before, last, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(s); i++ {
		row[0] = i
		for j := 1; j <= len(t); j++ {
			replaced := last[j-1]
			if s[i-1] != t[j-1] {
				replaced++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replaced)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(t)]
}
