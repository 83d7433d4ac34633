package rig

import (
	"slices"
	"testing"
	"time"
)

func TestPeerCountsItsRequests(t *testing.T) {
	said := map[string]string{
		"hey": "Summary:\n  Total:\t1.0042 secs\n\nStatus code distribution:\n  [200]\t14730 responses\n",
		"wrk": "Running 2s test @ http://127.0.0.1:1/\n  89233 requests in 2.10s, 9.70MB read\nRequests/sec:  42491.10\n",
		"k6":  "     http_req_waiting...............: avg=1.5ms\n     http_reqs......................: 84746   8474.211/s\n",
	}
	want := map[string]int{"hey": 14730, "wrk": 89233, "k6": 84746}
	for _, p := range Peers() {
		got, err := p.requests([]byte(said[p.Name]))
		if err != nil || got != want[p.Name] {
			t.Errorf("%s: %d, %v; want %d", p.Name, got, err, want[p.Name])
		}
		if _, err := p.requests([]byte("connection refused")); err == nil {
			t.Errorf("%s: no error for a report without a count", p.Name)
		}
	}
}

func TestPeerCommandLines(t *testing.T) {
	for _, p := range Peers() {
		args, err := p.args(t.TempDir(), "http://127.0.0.1:1/hook", 64, 3*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if args[0] != p.Name || !slices.Contains(args, "64") {
			t.Errorf("%s: %q", p.Name, args)
		}
	}
}

func TestMicros(t *testing.T) {
	if got := Micros(90*time.Millisecond, 3000); got != 30 {
		t.Errorf("90 ms for 3,000: %v us, want 30", got)
	}
	if got := Micros(time.Second, 0); got != 0 {
		t.Errorf("for none: %v", got)
	}
}

func TestCommandIsAccountedFor(t *testing.T) {
	said, used, err := Command{Args: []string{"sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo done"}, Core: -1}.Run(t.Context())
	if err != nil || string(said) != "done\n" || used.CPU <= 0 || used.PeakRSS <= 0 {
		t.Errorf("%q, %+v, %v", said, used, err)
	}
	if _, _, err := (Command{Args: []string{"sh", "-c", "echo wrong >&2; exit 3"}, Core: -1}).Run(t.Context()); err == nil {
		t.Error("a command that fails is no error")
	}
}
