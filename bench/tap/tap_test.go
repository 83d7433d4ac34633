package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestCells: each round is compared with the direct one of the same round, and the middle one is told.
func TestCells(t *testing.T) {
	at := func(p50, p99 time.Duration, exchanges int, cpu time.Duration) taken {
		return taken{round{Exchanges: exchanges, All: exchanges, Length: time.Second, P50: p50 * time.Microsecond, P99: p99 * time.Microsecond}, cpu}
	}
	rounds := map[string][]taken{
		direct:    {at(30, 60, 1000, 0), at(60, 90, 500, 0), at(30, 50, 1000, 0)},
		parleyTap: {at(70, 160, 600, 12*time.Millisecond), at(90, 290, 400, 20*time.Millisecond), at(80, 250, 500, 15*time.Millisecond)},
	}
	all := []*contender{{name: direct}, {name: parleyTap}}
	f := figures{Cells: append(cells(all, rounds, 1), cells(all, rounds, 16)...)}
	f.headlines()
	if want := (headline{AddedP50: 40, AddedP99: 200, CPU: 30, Throughput: 0.6}); f.headline != want {
		t.Errorf("%+v, want %+v", f.headline, want)
	}
	if len(f.Peers) != 0 || f.Proxy != nil || f.Cells[0].P50 != 30 || f.Cells[0].AddedP50 != 0 || f.Cells[1].PerSecond != 500 {
		t.Errorf("%+v", f)
	}
	all = append(all, &contender{name: parleyProxy}, &contender{name: nginx})
	rounds[parleyProxy], rounds[nginx] = rounds[direct], rounds[direct]
	web := figures{Cells: cells(all, rounds, 16)}
	web.headlines()
	if _, ok := web.Peers[nginx]; web.Proxy == nil || web.Proxy.Throughput != 1 || len(web.Peers) != 1 || !ok {
		t.Errorf("the forward proxy is no peer: %+v", web)
	}
	var out bytes.Buffer
	r := results{Redis: &f, Skipped: map[string]string{toxiproxy: "no network"}}
	if err := r.write(&out); err != nil || !strings.Contains(out.String(), "0.60") || !strings.Contains(out.String(), "toxiproxy was left out: no network") {
		t.Errorf("%s, %v", &out, err)
	}
	text, err := json.Marshal(r)
	if err != nil || !bytes.Contains(text, []byte(`"added_us_p50":40,"added_us_p99":200,"cpu_us":30,"relative_throughput":0.6`)) || bytes.Contains(text, []byte(`"postgres"`)) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := median(c.values); got != c.want {
			t.Errorf("%v: %v, want %v", c.values, got, c.want)
		}
	}
}

// TestGeneratorChecksAnswers: a wrong one is an error, and no exchange.
func TestGeneratorChecksAnswers(t *testing.T) {
	for answer, right := range map[string]bool{"$24\r\n" + customerName + "\r\n": true, "$24\r\n" + strings.ToUpper(customerName) + "\r\n": false, "-ERR": false} {
		near, far := net.Pipe()
		go func() {
			_, _ = io.ReadFull(far, make([]byte, len("*2\r\n$3\r\nGET\r\n$24\r\ncustomer:\r\n")+len(customerNumber)))
			_, _ = io.WriteString(far, answer)
			_ = far.Close()
		}()
		g := getter{Conn: near, buffer: make([]byte, 4096)}
		if err := g.ask(); (err == nil) != right {
			t.Errorf("%q: %v", answer, err)
		}
	}
}

func TestRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, args := range [][]string{{"-run", "mysql"}, {"-connections", "0"}, {"-connections", "a"}, {"-rounds", "0"}, {"-length", "1ms"}, {"-nonsense"}} {
		if err := run(t.Context(), args, nil, nil); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
	for _, part := range []string{asTap, asLoad, asOrigin} {
		if err := run(t.Context(), []string{part}, strings.NewReader("{"), nil); err == nil {
			t.Errorf("%s without an order: no error", part)
		}
	}
}
