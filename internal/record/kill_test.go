package record

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley"
)

// childFolder is the variable that turns the test binary into a process that
// records into the folder until it is killed.
const childFolder = "PARLEY_RECORD_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childFolder); dir != "" {
		if err := recordForEver(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// recordForEver opens and ends turns, and prints after every save how many rows
// are on the disk for sure.
func recordForEver(dir string) error {
	w, err := Create(dir, &parley.Run{Name: "child", Started: time.Unix(1700000000, 0)}, Options{Interval: time.Hour, SealRows: 700})
	if err != nil {
		return err
	}
	for id := int64(1); ; id++ {
		at := time.Duration(id) * time.Millisecond
		w.Turn(parley.Turn{ID: id, Due: at, Outcome: parley.Open})
		w.Call(parley.Call{Turn: id, Start: at})
		w.Turn(parley.Turn{ID: id, Due: at, Outcome: parley.Answered})
		if id%100 == 0 {
			if err := w.saveAll(); err != nil {
				return err
			}
			fmt.Println(id)
		}
	}
}

// A kill at any moment loses nothing that had been saved.
func TestKillLosesAtMostTheLastSave(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range 6 {
		dir := filepath.Join(t.TempDir(), strconv.Itoa(round))
		saved := killAfter(t, dir, 1+rng.IntN(12))
		r := open(t, dir)
		same(t, "killed", true, r.Killed())
		turns := all(t, r, r.Turns())
		same(t, "ids", upTo(1, int64(len(turns))), ids(turns))
		if len(turns) < saved {
			t.Errorf("%d turns can be read, %d had been saved", len(turns), saved)
		}
		for _, turn := range turns[:saved] {
			if turn.Outcome != parley.Answered {
				t.Fatalf("turn %d of %d saved ones is %s", turn.ID, saved, turn.Outcome)
			}
		}
		if calls := len(all(t, r, r.Calls())); calls < saved {
			t.Errorf("%d calls can be read, %d had been saved", calls, saved)
		}
		same(t, "lines about what is missing", 1, len(r.Missing()))
	}
}

// killAfter starts a child, kills it in the midst of the work after it reported some
// saves, and returns the rows it reported last.
func killAfter(t *testing.T, dir string, saves int) (saved int) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childFolder+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for ; lines.Scan(); saves-- {
		if saves == 0 {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		// What it said before it died counts, too.
		if n, err := strconv.Atoi(strings.TrimSpace(lines.Text())); err == nil {
			saved = n
		}
	}
	if err := child.Wait(); err == nil || saves > 0 {
		t.Fatalf("the child ended by itself: %v", err)
	}
	return saved
}
