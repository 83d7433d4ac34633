package record

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"parley"
)

// crowd makes rows like those of a real run: rate turns a second, each opened,
// answered some seconds later, with calls calls.
type crowd struct {
	rng   *rand.Rand
	rate  int
	calls int
}

func newCrowd(rate, calls int) *crowd {
	return &crowd{rng: rand.New(rand.NewPCG(1, 2)), rate: rate, calls: calls}
}

func (c *crowd) opening(n int64) parley.Turn {
	due := time.Duration(n) * time.Second / time.Duration(c.rate)
	return parley.Turn{
		ID: n, Conversation: n / 4, Ordinal: int32(n % 4), Scenario: "booking", Phase: "steady",
		User: c.rng.Uint64(), Words: c.rng.Uint64(), Messages: []uint64{c.rng.Uint64(), c.rng.Uint64()}[:1+n%2],
		Due: due, Spoken: due, Sent: due + time.Duration(c.rng.IntN(2e6)),
		Acked: parley.None, AckLatency: parley.None, FirstReply: parley.None, AnsweredAt: parley.None, Ended: parley.None,
		Outcome: parley.Open, Said: 1,
	}
}

func (c *crowd) ending(t parley.Turn) parley.Turn {
	wait := time.Duration((0.5 + c.rng.ExpFloat64()) * 1.5e9)
	t.Acked = t.Sent + time.Duration(c.rng.IntN(5e7))
	t.AckLatency = t.Acked - t.Sent
	t.FirstReply, t.AnsweredAt, t.Ended = t.Spoken+wait, t.Spoken+wait, t.Spoken+wait
	t.Outcome, t.Attempts, t.Replies = parley.Answered, 1, 1
	return t
}

func (c *crowd) call(t parley.Turn, n int64) parley.Call {
	start := t.Sent + time.Duration(c.rng.IntN(1e9))
	return parley.Call{
		Turn: t.ID, By: parley.ByIdentity, Wire: "openai", Operation: "POST /v1/chat/completions",
		Conn: n % 64, Flight: n, Start: start, FirstByte: start + 4e8, End: start + time.Duration(c.rng.IntN(2e9)), Imposed: 4e8,
		Status: 200, RequestBytes: 2000 + n%3000, ResponseBytes: 900, Model: "gpt-4o-mini",
		PromptTokens: 800 + n%400, CompletionTokens: 60, Identities: []uint64{t.User}, Words: t.Words,
	}
}

// run feeds a whole run of n turns into w.
func (c *crowd) run(w *Writer, n int64) {
	open := make([]parley.Turn, 0, 3*c.rate)
	for i := range n {
		t := c.opening(i + 1)
		w.Turn(t)
		open = append(open, t)
		for j := range c.calls {
			w.Call(c.call(t, i*int64(c.calls)+int64(j)))
		}
		w.Reply(parley.Reply{Turn: t.ID, User: t.User, Kind: "text", Received: t.Sent + 1e9, Delivered: t.Sent + 1e9, Words: t.Words, Bytes: 200, Fate: "answer"})
		if len(open) == cap(open) {
			for _, t := range open {
				w.Turn(c.ending(t))
			}
			open = open[:0]
		}
		if i%int64(c.rate) == 0 {
			w.Sample(parley.Sample{At: t.Due, Name: "process_resident_memory_bytes", Label: "bot", Value: 1e8})
			if err := w.saveAll(); err != nil {
				panic(err)
			}
		}
	}
	for _, t := range open {
		w.Turn(c.ending(t))
	}
}

func folderSize(b *testing.B, dir string) map[string]int64 {
	b.Helper()
	size := map[string]int64{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		size[filepath.Base(path)] += info.Size()
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return size
}

// peakMemory samples the memory obtained from the system until stop.
func peakMemory() (stop func() uint64) {
	done, peak := make(chan struct{}), make(chan uint64)
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		most := uint64(0)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				metrics.Read(sample)
				most = max(most, sample[0].Value.Uint64())
			case <-done:
				peak <- most
				return
			}
		}
	}()
	return func() uint64 { close(done); return <-peak }
}

func BenchmarkTurn(b *testing.B) {
	w := create(b, filepath.Join(b.TempDir(), "run"), quiet())
	c := newCrowd(1000, 0)
	turn := c.opening(1)
	b.ReportAllocs()
	for b.Loop() {
		turn.ID++
		w.Turn(turn)
		if turn.ID%4096 == 0 { // the disk's share is measured by BenchmarkClose
			w.turns.rows, w.turns.hashed = w.turns.rows[:0], w.turns.hashed[:0]
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(w.Dropped())/float64(b.N), "dropped/op")
	_ = w.Close(context.Background())
}

// BenchmarkClose measures what a person waits for after Ctrl-C.
func BenchmarkClose(b *testing.B) {
	for _, size := range []struct{ turns, rate, calls int }{{3000, 10, 5}, {90_000, 300, 5}, {1_000_000, 5000, 5}} {
		b.Run(fmt.Sprintf("turns=%d/rate=%d", size.turns, size.rate), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				dir := filepath.Join(b.TempDir(), "run")
				w := create(b, dir, quiet())
				fed := time.Now()
				newCrowd(size.rate, size.calls).run(w, int64(size.turns))
				b.ReportMetric(float64(time.Since(fed).Microseconds())/float64(size.turns), "us-to-save/turn")
				b.ReportMetric(float64(folderSizeAll(b, dir))/float64(size.turns), "segment-B/turn")
				runtime.GC()
				stop := peakMemory()
				b.StartTimer()
				closeWriter(b, w)
				b.StopTimer()
				b.ReportMetric(float64(stop())/1e6, "peak-MB")
				for name, bytes := range folderSize(b, dir) {
					b.ReportMetric(float64(bytes)/float64(size.turns), name+"-B/turn")
				}
				if err := os.RemoveAll(dir); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}

func folderSizeAll(b *testing.B, dir string) (sum int64) {
	for _, n := range folderSize(b, dir) {
		sum += n
	}
	return sum
}
