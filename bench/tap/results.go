package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// results are the figures of the protocols.
type results struct {
	Rounds   int               `json:"rounds"`
	Length   string            `json:"round_length"`
	Postgres *figures          `json:"postgres,omitempty"`
	Redis    *figures          `json:"redis,omitempty"`
	HTTP     *figures          `json:"http,omitempty"`
	Skipped  map[string]string `json:"skipped,omitempty"`
}

// figures are those of one protocol. Latency is of one connection, where nothing queues; cost and throughput of sixteen.
type figures struct {
	headline
	Proxy *headline           `json:"proxy,omitempty"` // parley's other door to a service over HTTP
	Peers map[string]headline `json:"peers"`
	Cells []cell              `json:"cells"`
}

type headline struct {
	AddedP50   float64 `json:"added_us_p50"`
	AddedP99   float64 `json:"added_us_p99"`
	CPU        float64 `json:"cpu_us"`
	Throughput float64 `json:"relative_throughput"` // to a direct connection
}

// cell is a contender at a number of connections: medians over the rounds, each compared with the direct one of its round. CPU is
// that of the process in between, for one exchange.
type cell struct {
	Contender   string  `json:"contender"`
	Connections int     `json:"connections"`
	P50         float64 `json:"us_p50"`
	P99         float64 `json:"us_p99"`
	PerSecond   float64 `json:"exchanges_per_second"`
	headline
}

// cells compares the rounds of contenders, of which the first is the direct one.
func cells(all []*contender, rounds map[string][]taken, connections int) []cell {
	var list []cell
	for _, c := range all {
		mine, base := rounds[c.name], rounds[direct]
		over := func(f func(mine, base taken) float64) float64 {
			values := make([]float64, len(mine))
			for i := range mine {
				values[i] = f(mine[i], base[i])
			}
			return median(values)
		}
		list = append(list, cell{
			Contender: c.name, Connections: connections,
			P50:       over(func(m, _ taken) float64 { return micros(m.P50) }),
			P99:       over(func(m, _ taken) float64 { return micros(m.P99) }),
			PerSecond: over(func(m, _ taken) float64 { return float64(m.Exchanges) / m.Length.Seconds() }),
			headline: headline{
				AddedP50:   over(func(m, b taken) float64 { return micros(m.P50 - b.P50) }),
				AddedP99:   over(func(m, b taken) float64 { return micros(m.P99 - b.P99) }),
				CPU:        over(func(m, _ taken) float64 { return micros(m.cpu) / float64(m.All) }),
				Throughput: over(func(m, b taken) float64 { return float64(m.Exchanges) / float64(b.Exchanges) }),
			},
		})
	}
	return list
}

// headlines takes latency from the cells of one connection, cost and throughput from those of sixteen, as far as they were measured.
func (f *figures) headlines() {
	heads := map[string]headline{}
	for _, c := range f.Cells {
		h := heads[c.Contender]
		switch c.Connections {
		case 1:
			h.AddedP50, h.AddedP99 = c.AddedP50, c.AddedP99
		case 16:
			h.CPU, h.Throughput = c.CPU, c.Throughput
		}
		heads[c.Contender] = h
	}
	f.headline = heads[parleyTap]
	delete(heads, parleyTap)
	delete(heads, direct)
	if h, ok := heads[parleyProxy]; ok {
		f.Proxy = &h
		delete(heads, parleyProxy)
	}
	f.Peers = heads
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// median is the middle value, 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}

// write tells people.
func (r *results) write(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(cells string, args ...any) { _, _ = fmt.Fprintf(t, cells+"\t\n", args...) } // errors surface in Flush
	line("\tconnections\tp50 us\tp99 us\tadded p50\tadded p99\tCPU us\texchanges/s\tof direct")
	for _, p := range []struct {
		name string
		*figures
	}{{"PostgreSQL", r.Postgres}, {"Redis", r.Redis}, {"HTTP", r.HTTP}} {
		if p.figures == nil {
			continue
		}
		for _, c := range p.Cells {
			line("%s, %s\t%d\t%.0f\t%.0f\t%.0f\t%.0f\t%.1f\t%.0f\t%.2f",
				p.name, c.Contender, c.Connections, c.P50, c.P99, c.AddedP50, c.AddedP99, c.CPU, c.PerSecond, c.Throughput)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for name, why := range r.Skipped {
		if _, err := fmt.Fprintf(out, "%s was left out: %s\n", name, why); err != nil {
			return err
		}
	}
	return nil
}
