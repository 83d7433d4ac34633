package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/bench/rig"
)

// A freeze of frozen in every period.
const (
	period = 5 * time.Second
	frozen = time.Second
)

// The skewed bot answers after a lognormal time.
const (
	skewedP50 = 60 * time.Millisecond
	skewedP95 = 600 * time.Millisecond
)

// target is the body of the bot's process: its arguments are the case, the port and the log.
func target(args []string) error {
	log, err := os.Create(args[2])
	if err != nil {
		return fmt.Errorf("make the log: %w", err)
	}
	l := &diary{began: time.Now(), out: log}
	bot := rig.Bot{
		Address: "127.0.0.1:" + args[1], API: os.Getenv("EVOLUTION_API_URL"), Key: os.Getenv("EVOLUTION_API_KEY"),
		Senders: 256, Sent: l.note,
	}
	switch args[0] {
	case "skewed":
		bot.Think = skewed
	case "frozen":
		began := time.Now()
		bot.Gate = func() { time.Sleep(thaw(time.Since(began))) }
	}
	return bot.Serve()
}

// thaw is the time left until the freeze that is going on ends; 0 if none is.
func thaw(since time.Duration) time.Duration {
	if at := since % period; at >= period-frozen {
		return period - at
	}
	return 0
}

// skewed draws how long a number waits: the same each time.
func skewed(number string) time.Duration {
	index, err := indexOf(number)
	if err != nil {
		return 0
	}
	const z95 = 1.6448536269514722
	spread := math.Log(float64(skewedP95)/float64(skewedP50)) / z95
	normal := rand.New(rand.NewPCG(1, uint64(index))).NormFloat64()
	return time.Duration(float64(skewedP50) * math.Exp(spread*normal))
}

// indexOf is the index of a virtual user, whose number ends in it.
func indexOf(number string) (int, error) {
	const fixed = 6 // prefix and region
	if len(number) <= fixed {
		return 0, fmt.Errorf("%q is not the number of a virtual user", number)
	}
	return strconv.Atoi(number[fixed:])
}

// diary writes down when each answer had been taken: nanoseconds since 1970 on a clock that was
// set once, when the process began, and has run with the monotonic one since.
type diary struct {
	began time.Time

	mu  sync.Mutex
	out io.Writer
}

func (d *diary) note(number string, at time.Time) {
	line := fmt.Sprintf("%s %d\n", number, d.began.UnixNano()+int64(at.Sub(d.began)))
	d.mu.Lock()
	defer d.mu.Unlock()
	_, _ = io.WriteString(d.out, line) // what is missing counts as dropped
}

// readDiary returns when each user's answer had been taken.
func readDiary(r io.Reader) (map[int]time.Time, error) {
	taken := make(map[int]time.Time)
	for lines := bufio.NewScanner(r); lines.Scan(); {
		number, at, _ := strings.Cut(lines.Text(), " ")
		index, err := indexOf(number)
		if err != nil {
			return nil, fmt.Errorf("read the bot's log: %w", err)
		}
		nanos, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read the bot's log: %w", err)
		}
		taken[index] = time.Unix(0, nanos)
	}
	return taken, nil
}
