package report

import (
	"math"
	"testing"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	"parley"
	"parley/internal/anatomy"
)

func TestEstimateWords(t *testing.T) {
	f := func(e parley.Estimate, u parley.Unit, want string) {
		t.Helper()
		if got := estimate(e, u).Both(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(parley.Estimate{}, parley.Seconds, "–")
	f(parley.Estimate{Value: 4.21, Low: 3.95, High: 4.48, N: 100}, parley.Seconds, "4.21 s [3.95 – 4.48 s]")
	f(parley.Estimate{Value: 1.02, Low: .98, High: 1.2, N: 100}, parley.Seconds, "1.02 s [980 ms – 1.20 s]")
	f(parley.Estimate{Value: 29, Low: 27, High: 30, HighBeyond: true, N: 100}, parley.Seconds, "29.0 s [27.0 s – > 30 s]")
	f(parley.Estimate{Value: 30, Low: 30, High: 30, ValueBeyond: true, LowBeyond: true, HighBeyond: true, N: 9}, parley.Seconds, "> 30 s")
	f(parley.Estimate{Value: 0.15, Low: 0.15, High: 0.2, HighBeyond: true, Floor: true, N: 9}, parley.Seconds, "≥ 150 ms")
	f(parley.Estimate{High: 0.2, HighBeyond: true, Floor: true, N: 3}, parley.Seconds, "–")
	f(parley.Estimate{Value: .0042, Low: .002, High: .008, N: 1000}, parley.Ratio, "0.42 % [0.20 – 0.80 %]")
	f(parley.Estimate{Value: 0, Exact: true}, parley.Count, "0")
	f(parley.Estimate{Value: 1234567, Low: 1234567, High: 1234567, N: 1, Exact: true}, parley.Count, "1,234,567")
	f(parley.Estimate{Value: 4612, Low: 4380, High: 4830, N: 9}, parley.PerHour, "4,612 /h [4,380 – 4,830 /h]")
	f(parley.Estimate{Value: math.NaN(), N: 1}, parley.Seconds, "–")
}

func TestNumberWords(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 7: "7", 2.25: "2.2", 99.96: "100.0", 999: "999", 1000: "1,000", -12345: "-12,345", 1e6: "1,000,000",
		math.Inf(1): "–",
	} {
		if got := number(v); got != want {
			t.Errorf("number(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestSpanWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", -time.Second: "0 s", 45 * time.Second: "45 s", 90 * time.Second: "1 min 30 s", 12 * time.Minute: "12 min",
		time.Hour: "1 h", 65 * time.Minute: "1 h 5 min",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestNiceTop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		top := rapid.Float64Range(1e-9, 1e12).Draw(t, "top")
		ticks := rapid.IntRange(1, 10).Draw(t, "ticks")
		end, step := niceTop(top, ticks)
		if end < top*(1-1e-8) || step <= 0 || end/step > float64(ticks)+1.001 {
			t.Fatalf("niceTop(%v, %d) = %v, %v", top, ticks, end, step)
		}
	})
	for _, top := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if end, step := niceTop(top, 4); end != 1 || step != 1 {
			t.Errorf("niceTop(%v) = %v, %v", top, end, step)
		}
	}
}

func TestLogTicks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Float64Range(1e-6, 10).Draw(t, "from")
		to := from * rapid.Float64Range(1, 1e8).Draw(t, "factor")
		ticks := logTicks(from, to, 12)
		if len(ticks) > 12 {
			t.Fatalf("%d ticks", len(ticks))
		}
		for i, v := range ticks {
			if v < from*.99 || v > to*1.01 || i > 0 && v <= ticks[i-1] {
				t.Fatalf("ticks of %v to %v: %v", from, to, ticks)
			}
		}
	})
}

func TestTimeStep(t *testing.T) {
	for total := time.Second; total < 100*24*time.Hour; total = total*3/2 + 1 {
		if n := total / timeStep(total, 12); n > 13 {
			t.Errorf("%v: %d ticks", total, n)
		}
	}
}

func TestGridFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(1, 6).Draw(t, "columns")
		g := grid{}
		for i := range columns {
			g.Columns = append(g.Columns, column{Head: "head", Right: i%2 == 1, Drop: rapid.IntRange(0, 2).Draw(t, "drop")})
		}
		for range rapid.IntRange(0, 4).Draw(t, "rows") {
			row := make([]cell, columns)
			for i := range row {
				row[i] = cell{Text: rapid.StringN(0, 50, -1).Draw(t, "text")}
			}
			g.Rows = append(g.Rows, row)
		}
		width := rapid.IntRange(30, 100).Draw(t, "width")
		for _, line := range g.lines(width, lipgloss.NewStyle()) {
			if got := ansi.StringWidth(line); got > width {
				t.Fatalf("%d cells for %d: %q", got, width, line)
			}
		}
	})
}

func TestEqualBarsKeepTheirTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anatomy.Waits{N: rapid.IntRange(1, 10_000).Draw(t, "n")}
		at := rapid.Float64Range(0, 10).Draw(t, "from")
		total := 0.0
		for range rapid.IntRange(1, 60).Draw(t, "bins") {
			b := anatomy.Bin{From: at, To: at*1.1 + .001, Count: rapid.IntRange(0, 50).Draw(t, "count"), Censored: rapid.IntRange(0, 5).Draw(t, "cut")}
			at = b.To
			total += float64(b.Count + b.Censored)
			w.Bins = append(w.Bins, b)
		}
		from, to := binRange(w.Bins)
		sum := 0.0
		for _, b := range equalBars(w, from, to) {
			sum += b.ended + b.censored
		}
		// What lies below the first mark of the axis is not drawn.
		if lost := total - sum; lost < -1e-6*(total+1) || lost > 55+1e-6*total {
			t.Fatalf("%v turns in the bins, %v in the bars", total, sum)
		}
	})
}

func TestJoinedKeepsItsMessages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		messages := func(points []anatomy.RatePoint) (sum float64, failed int) {
			for _, p := range points {
				sum += p.Offered * p.Width.Seconds()
				failed += p.Failed
			}
			return sum, failed
		}
		var points []anatomy.RatePoint
		for i := range rapid.IntRange(0, 240).Draw(t, "points") {
			points = append(points, anatomy.RatePoint{
				At: time.Duration(i) * time.Second, Width: time.Duration(rapid.IntRange(1, 2).Draw(t, "width")) * time.Second,
				Offered: rapid.Float64Range(0, 3).Draw(t, "offered"), Failed: rapid.IntRange(0, 2).Draw(t, "failed"),
			})
		}
		joined := newTimeline(&parley.Run{}, points).joined()
		before, failedBefore := messages(points)
		after, failedAfter := messages(joined.rates)
		if math.Abs(before-after) > 1e-6 || failedBefore != failedAfter {
			t.Fatalf("%v messages and %d failures became %v and %d", before, failedBefore, after, failedAfter)
		}
		if len(points) >= 12 && len(joined.rates) < 12 {
			t.Fatalf("%d points became %d", len(points), len(joined.rates))
		}
	})
}

func TestBadgeOfAnInterruptedRun(t *testing.T) {
	d := interrupted()
	for name, v := range map[string]*parley.Verdict{
		"load": nil, "review": {Result: parley.CannotTell, ExitCode: parley.ExitInterrupted, Sentence: "Interrupted after 3 min."},
	} {
		d.Run.Verdict = v
		if s := tell(d); s.Badge != "interrupted" || s.Tone != unsure {
			t.Errorf("%s: badge %q, tone %s", name, s.Badge, s.Tone)
		}
	}
}
