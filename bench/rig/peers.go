package rig

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// Peer is another load generator, posting the same body over and over.
type Peer struct {
	Name string
	// args returns its command line; dir is a folder for the files it needs, which holds the body as "body".
	args func(dir, url string, connections int, length time.Duration) ([]string, error)
	// count finds the number of requests in what it writes.
	count *regexp.Regexp
}

// PeerResult is what a Peer did.
type PeerResult struct {
	Requests      int     `json:"requests"`
	CPUPerRequest float64 `json:"cpu_us_per_request"`
	PeakRSSMB     float64 `json:"peak_rss_mb"`
}

// Peers are the generators parley is held against.
func Peers() []Peer {
	return []Peer{
		{Name: "hey", count: regexp.MustCompile(`\[200\]\s+(\d+) responses`),
			args: func(dir, url string, connections int, length time.Duration) ([]string, error) {
				return []string{"hey", "-z", length.String(), "-c", strconv.Itoa(connections), "-m", "POST",
					"-T", "application/json", "-D", filepath.Join(dir, "body"), url}, nil
			}},
		{Name: "wrk", count: regexp.MustCompile(`(\d+) requests in`),
			args: func(dir, url string, connections int, length time.Duration) ([]string, error) {
				script := filepath.Join(dir, "post.lua")
				lua := "wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\n" +
					"wrk.body = io.open('" + filepath.Join(dir, "body") + "'):read('*a')\n"
				err := os.WriteFile(script, []byte(lua), 0o600)
				return []string{"wrk", "-t", "1", "-c", strconv.Itoa(connections), "-d", fmt.Sprintf("%.0fs", length.Seconds()), "-s", script, url}, err
			}},
		{Name: "k6", count: regexp.MustCompile(`http_reqs[.\s]*:\s*(\d+)`),
			args: func(dir, url string, connections int, length time.Duration) ([]string, error) {
				script := filepath.Join(dir, "post.js")
				js := "import http from 'k6/http';\nconst body = open('" + filepath.Join(dir, "body") + "');\n" +
					"export default () => http.post('" + url + "', body, {headers: {'Content-Type': 'application/json'}});\n"
				err := os.WriteFile(script, []byte(js), 0o600)
				return []string{"k6", "run", "--quiet", "--vus", strconv.Itoa(connections), "--duration", length.String(), script}, err
			}},
	}
}

// Installed reports whether the program is there.
func (p Peer) Installed() bool {
	_, err := exec.LookPath(p.Name)
	return err == nil
}

// Post has the peer post body to url for a while, on one core if core is not negative.
func (p Peer) Post(ctx context.Context, url string, body []byte, connections int, length time.Duration, core int) (PeerResult, error) {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return PeerResult{}, fmt.Errorf("run %s: %w", p.Name, err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder of ours in the system's own for such things
	if err := os.WriteFile(filepath.Join(dir, "body"), body, 0o600); err != nil {
		return PeerResult{}, fmt.Errorf("run %s: %w", p.Name, err)
	}
	args, err := p.args(dir, url, connections, length)
	if err != nil {
		return PeerResult{}, fmt.Errorf("run %s: %w", p.Name, err)
	}
	said, used, err := Command{Args: args, Core: core}.Run(ctx)
	if err != nil {
		return PeerResult{}, fmt.Errorf("run %w", err)
	}
	n, err := p.requests(said)
	if err != nil {
		return PeerResult{}, err
	}
	return PeerResult{Requests: n, CPUPerRequest: Micros(used.CPU, n), PeakRSSMB: float64(used.PeakRSS) / 1e6}, nil
}

// requests reads how many requests there were.
func (p Peer) requests(said []byte) (int, error) {
	found := p.count.FindSubmatch(said)
	if found == nil {
		return 0, fmt.Errorf("%s: %w", p.Name, errNoCounter)
	}
	n, err := strconv.Atoi(string(found[1]))
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%s: %w", p.Name, errNoCounter)
	}
	return n, nil
}

// Micros is a time in microseconds for each of n; 0 if there is none.
func Micros(d time.Duration, n int) float64 {
	if n == 0 {
		return 0
	}
	return float64(d) / float64(n) / 1e3
}
