package tap

import (
	"net"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestRedisBenchmark: with and without pipelines, the calls recorded are as many as the server counted, command by command.
func TestRedisBenchmark(t *testing.T) {
	if _, err := exec.LookPath("redis-benchmark"); err != nil {
		t.Fatal("redis-benchmark is not installed: make packages installs what the tests need")
	}
	for _, pipeline := range []string{"1", "16"} {
		t.Run("pipelines of "+pipeline, func(t *testing.T) {
			_, direct, _ := net.SplitHostPort(shared.redis.Address())
			w := tapped(t, shared.redis.URL())
			_, at, _ := net.SplitHostPort(w.address())
			run(t, nil, "redis-cli", "-p", direct, "CONFIG", "RESETSTAT")
			run(t, nil, "redis-benchmark", "-p", at, "-q", "-n", "8000", "-c", "20", "-P", pipeline, "-t", "ping,set,get,incr,lpush,rpop,sadd,hset,zadd,lrange_100,mset")
			counted := commandCounts(run(t, nil, "redis-cli", "-p", direct, "INFO", "commandstats"))
			delete(counted, "INFO")
			if got := counted["CONFIG"] - 1; got > 0 { // but for the one that reset the counts
				counted["CONFIG"] = got
			} else {
				delete(counted, "CONFIG")
			}
			w.exact()
			recorded := map[string]int{}
			for _, call := range w.end() {
				command, _, _ := strings.Cut(call.Operation, " ")
				recorded[command]++
				if call.Failure != "" {
					recorded[call.Failure]++
				}
			}
			delete(recorded, "INFO")
			if len(counted) < 10 {
				t.Errorf("few commands: %v", counted)
			}
			for command, n := range counted {
				if recorded[command] != n {
					t.Errorf("%s: %d calls recorded, the server counted %d", command, recorded[command], n)
				}
			}
			if sum(recorded) != sum(counted) {
				t.Errorf("%d calls recorded, the server counted %d: %v and %v", sum(recorded), sum(counted), recorded, counted)
			}
		})
	}
}

// commandCounts reads how often the server carried out each command ("cmdstat_get:calls=3,usec=..."), also of "config|get".
func commandCounts(info string) map[string]int {
	counts := map[string]int{}
	for _, m := range regexp.MustCompile(`cmdstat_([a-z_]+)(?:\|\S+?)?:calls=(\d+)`).FindAllStringSubmatch(info, -1) {
		n, _ := strconv.Atoi(m[2])
		counts[strings.ToUpper(m[1])] += n
	}
	return counts
}
