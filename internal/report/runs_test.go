package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"parley"
	"parley/internal/record"
)

func listed() []record.Entry {
	started := time.Date(2026, 11, 22, 9, 10, 3, 0, time.UTC)
	entry := func(name string, state parley.State, v *parley.Verdict) record.Entry {
		started = started.Add(-37 * time.Minute)
		return record.Entry{
			Dir: "/srv/bot/.parley/runs/" + started.Format("20060102-150405") + "-" + strings.Trim(strings.ReplaceAll(clean(name), "[", "-"), "-"), Name: name, Verb: "review",
			Started: started, Elapsed: 4 * time.Minute, State: state, Verdict: v, Bytes: 1_934_000,
		}
	}
	recording := entry("now", parley.Running, nil)
	recording.Recording = true
	pass := entry("receptionist", parley.Complete, &parley.Verdict{Result: parley.Pass})
	pass.Headline = &parley.Headline{
		ReplyP95: &parley.Estimate{Value: 1.75, Low: 1.65, High: 1.89, N: 900}, PerHour: 5112,
		Success: &parley.Estimate{Value: .973, Low: .95, High: .99, N: 300}, CostPerConversation: &parley.Estimate{Value: .0046, Low: .0041, High: .0052, N: 300},
	}
	slow := entry("receptionist", parley.Complete, &parley.Verdict{Result: parley.Fail})
	slow.Headline = &parley.Headline{ReplyP95: &parley.Estimate{Value: 30, Low: 30, High: 30, ValueBeyond: true, LowBeyond: true, HighBeyond: true, N: 900}, PerHour: 4210.4}
	load := entry("a-name-from-outside\x1b[2J", parley.Complete, nil)
	load.Verb = "load"
	wrecked := record.Entry{
		Dir: "/srv/bot/.parley/runs/wreck", Name: "wreck", Started: started, Bytes: 312,
		Broken: "run.json is unreadable: unexpected end of JSON input; the tables of the run may be readable all the same",
	}
	return []record.Entry{
		recording, pass, slow, load, entry("stopped", parley.Interrupted, &parley.Verdict{Result: parley.CannotTell}), entry("dead", parley.Running, nil), wrecked,
	}
}

func TestRunsGolden(t *testing.T) {
	for _, width := range []int{0, 200, 120, 100, 80, 60, 40} {
		var out bytes.Buffer
		if err := Runs(&out, listed(), RunsOptions{TerminalOptions: TerminalOptions{Width: width}, Root: "/srv/bot"}); err != nil {
			t.Fatal(err)
		}
		golden(t, fmt.Sprintf("runs.%d.txt", width), out.Bytes())
		noNonsense(t, "runs", out.String())
		for line := range strings.SplitSeq(out.String(), "\n") {
			if w := ansi.StringWidth(line); width >= 80 && w > width {
				t.Errorf("%d cells of %d: %q", w, width, line)
			}
			if strings.Contains(line, "\x1b") {
				t.Errorf("escape sequence without colour: %q", line)
			}
		}
		if !strings.Contains(out.String(), " .parley/runs/20261122-083303-now\n") {
			t.Errorf("width %d: the folder is not whole", width)
		}
	}
}

func TestRunsWriteError(t *testing.T) {
	if err := Runs(fullDisk{}, listed(), RunsOptions{}); err == nil {
		t.Error("a full disk went unnoticed")
	}
}

// The list of runs as JSON has each figure with its interval.
func TestHeadlineInJSON(t *testing.T) {
	text, err := json.Marshal(listed()[1])
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"reply_p95":{"value":1.75,"low":1.65`, `"usd_per_conversation":{`, `"messages_answered_per_hour":5112`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %s", text, want)
		}
	}
}
