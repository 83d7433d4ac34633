package wires

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/internal/diagnose"
)

// TestWorkersLimit: synchronous workers, and workers behind a front that acknowledges at once.
func TestWorkersLimit(t *testing.T) {
	for _, n := range []int{2, 4, 8} {
		for _, probes := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d synchronous workers, probes %v", n, probes), func(t *testing.T) {
				run := simulate(t, uint64(n), n, nil, atRate(1.05*float64(n)/0.42, 60), oneAfterTheOther)
				if !probes {
					run.Samples = nil
				}
				f := onlyFinding(t, limitFindings(t, run), "workers-limit")
				if got := figureOf(f, "turns worked on at once"); got != float64(n) {
					t.Errorf("%v workers, want %d", got, n)
				}
				if got := strings.Contains(f.What, "waited, too"); got != probes {
					t.Errorf("what: %s", f.What)
				}
			})
		}
		t.Run(fmt.Sprintf("%d synchronous workers with work of their own", n), func(t *testing.T) {
			run := simulate(t, uint64(n), n, nil, atRate(1.05*float64(n)/0.5, 60), func(t *simulatedTurn) {
				t.own = 20 * time.Millisecond
				oneAfterTheOther(t)
			})
			f := onlyFinding(t, limitFindings(t, run), "workers-limit")
			if got := figureOf(f, "turns worked on at once"); got != float64(n) {
				t.Errorf("%v workers, want %d", got, n)
			}
		})
		t.Run(fmt.Sprintf("%d workers behind a front", n), func(t *testing.T) {
			run := simulate(t, uint64(n), 1, map[string]int{"workers": n, "postgres": 30}, atRate(1.05*float64(n)/0.42, 60), func(t *simulatedTurn) {
				t.ack()
				t.acquire("workers")
				t.pooled(func() { t.call("postgres", opRead, 4*time.Millisecond) })
				t.call("openai", opChat, 400*time.Millisecond)
				t.answer()
				t.release("workers")
			})
			f := onlyFinding(t, limitFindings(t, run), "workers-limit")
			if got := figureOf(f, "turns worked on at once"); got != float64(n) {
				t.Errorf("%v workers, want %d", got, n)
			}
		})
	}
}

// TestLimitsOfOther causes: what makes turns wait but is no limit of these kinds.
func TestLimitsOfOtherCauses(t *testing.T) {
	t.Run("a lock for each user", func(t *testing.T) {
		locks := map[string]int{"postgres": 20}
		for i := range 12 {
			locks[fmt.Sprint("user ", i)] = 1
		}
		run := simulate(t, 3, 1, locks, atRate(6, 100), func(t *simulatedTurn) {
			t.ack()
			user := fmt.Sprint("user ", t.random.IntN(12))
			t.acquire(user)
			healthyTurn(t)
			t.release(user)
		})
		onlyFinding(t, limitFindings(t, run), "")
	})
	t.Run("the service itself is slow under load", func(t *testing.T) {
		run := simulate(t, 3, 1, map[string]int{"postgres": 40, "server": 2}, atRate(4, 60), func(t *simulatedTurn) {
			t.ack()
			t.pooled(func() {
				t.work(t.jitter(time.Millisecond))
				from := t.now()
				t.acquire("server")
				time.Sleep(t.jitter(400 * time.Millisecond))
				t.release("server")
				to := t.now()
				t.calls = append(t.calls, parley.Call{Wire: "postgres", Operation: opRead, Conn: t.conn["postgres"], Start: from, FirstByte: to, End: to})
			})
			t.answer()
		})
		onlyFinding(t, limitFindings(t, run), "")
	})
	t.Run("parley fell behind", func(t *testing.T) {
		run := simulate(t, 3, 4, nil, atRate(10, 60), oneAfterTheOther)
		e := run.Evidence()
		e.Run.Generator.Invalid = []string{"lag"}
		if o := workersLimit().Look(e, nil); o.Unknown == "" {
			t.Error("it says something of a run that is not valid")
		}
	})
}

// TestHealthyBotsHaveNoLimit: of 200 asynchronous bots under random load, with random own time, no more than 2 % are found to have a limit, notes included.
func TestHealthyBotsHaveNoLimit(t *testing.T) {
	runs := 200
	if testing.Short() {
		runs = 40
	}
	random := rand.New(rand.NewPCG(11, 12))
	wrong := 0
	for i := range runs {
		own := time.Duration(1+random.IntN(30)) * time.Millisecond
		loads := atRate(0.3+6*random.Float64(), 40)
		if random.IntN(3) == 0 {
			loads = loads[1:]
		}
		probes := random.IntN(2) == 0
		run := simulate(t, uint64(i), 4, map[string]int{"postgres": 30}, loads, func(t *simulatedTurn) {
			t.own = own
			healthyTurn(t)
		})
		if !probes {
			run.Samples = nil
		}
		if d := diagnose.Diagnose(run.Evidence(), limitChecks(), nil); len(d.Findings)+len(d.Notes) > 0 {
			wrong++
			t.Logf("run %d: own time %v, %d loads", i, own, len(loads))
		}
	}
	if wrong*50 > runs {
		t.Errorf("%d of %d healthy bots have a limit", wrong, runs)
	}
}
