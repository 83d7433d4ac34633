package receptionist

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley"
	"parley/e2e/product"
)

// planted is one fault of the example, and how the record of a short run shows it.
type planted struct {
	fault string
	// edit changes the plan: pairs of what is there once and what shall be.
	edit []string
	// shows looks for the fault, and says what it saw.
	shows func(p *played) (saw string, there bool)
	// quick: also in short test runs.
	quick bool
}

// TestFaults starts the bot with one fault after the other, and looks for each in the record: there it must be, and in the
// record of the healthy bot it must not.
func TestFaults(t *testing.T) {
	adoptOrphans(t)
	built := product.Build(t)
	healthy := play(t, built, &planted{})
	for _, c := range slices.Concat(faultsOfStores(), faultsOfCalls(), faultsOfTurns(), decoys()) {
		t.Run(c.fault, func(t *testing.T) {
			if !c.quick && !product.Long() {
				t.Skip("a run of some seconds; make test-long has all")
			}
			t.Parallel() // they wait most of the time, and there are many
			if saw, there := c.shows(healthy); there {
				t.Errorf("the healthy bot: %s", saw)
			}
			saw, there := c.shows(play(t, built, &c))
			if t.Log(saw); !there {
				t.Error("the fault does not show")
			}
		})
	}
}

func faultsOfStores() []planted {
	return []planted{
		{fault: "n_plus_one", quick: true, shows: func(p *played) (string, bool) {
			return p.most("different messages read", 20, func(turn []parley.Call) int { return distinct(only(turn, "SELECT m.role")) })
		}},
		{fault: "no_pipelining", quick: true, shows: func(p *played) (string, bool) {
			return p.most("round trips with HGET", 15, func(turn []parley.Call) int { return flights(only(turn, "HGET ")) })
		}},
		{fault: "held_transaction", shows: func(p *played) (string, bool) { return p.within("BEGIN", opChat, "COMMIT") }},
		{fault: "hot_row", shows: func(p *played) (string, bool) { return p.within("UPDATE practice", opFreeBusy, "COMMIT") }},
		{fault: "small_pool", shows: func(p *played) (string, bool) {
			return p.longer("slow statement on the way of an answer", "SELECT date_part", 20*time.Millisecond)
		}},
		{fault: "no_index", shows: func(p *played) (string, bool) { return p.longer("context", "WITH known", 8*time.Millisecond) }},
		{fault: "big_session", shows: func(p *played) (string, bool) {
			const large = 200_000
			return p.most("large values read and written", 6, func(turn []parley.Call) int {
				return counted(turn, func(c *parley.Call) bool {
					return strings.Contains(c.Operation, "receptionist:blob") && max(c.RequestBytes, c.ResponseBytes) > large
				})
			})
		}},
		{fault: "keys_scan", shows: func(p *played) (string, bool) {
			return p.most("unbounded reads of Redis", 2, func(turn []parley.Call) int {
				return counted(turn, func(c *parley.Call) bool {
					return strings.HasPrefix(c.Operation, "KEYS") && c.Rows >= 20_000 || strings.HasPrefix(c.Operation, "LRANGE ") && c.Rows >= 5_000
				})
			})
		}},
		{fault: "context_thrice", shows: func(p *played) (string, bool) {
			return p.most("loads of the context", 3, func(turn []parley.Call) int { return len(only(turn, "WITH known")) })
		}},
	}
}

func faultsOfCalls() []planted {
	// The healthy bot gives up after 8 s.
	slow := []string{"status 400 on events.insert", `status 400 on events.insert", "delay 8500ms on freebusy.query`, "solo: 3s", "solo: 10s"}
	slow = append(slow, anyCalendar()...)
	return []planted{
		{fault: "serial_lookups", shows: func(p *played) (string, bool) {
			n := 0
			for turn := range p.turns {
				calls := p.of(turn)
				busy, meaning := only(calls, opFreeBusy), only(calls, "POST /v1/embeddings")
				if len(busy) > 0 && len(meaning) > 0 && busy[0].End <= meaning[0].Start {
					n++
				}
			}
			return p.share("free/busy and then an embedding", n)
		}},
		{fault: "new_connections", shows: func(p *played) (string, bool) {
			opened := map[string]map[int64]bool{}
			for turn := range p.turns {
				for _, wire := range []string{"postgres", "openai", "evolution"} {
					for _, c := range p.of(turn) {
						if opened[wire] == nil {
							opened[wire] = map[int64]bool{}
						}
						if c.Wire == wire {
							opened[wire][c.Conn] = true
						}
					}
				}
			}
			least := slices.Min([]int{len(opened["postgres"]), len(opened["openai"]), len(opened["evolution"])})
			return fmt.Sprintf("%d connections or more on each wire in %d turns", least, len(p.turns)), least >= len(p.turns)
		}},
		{fault: "identical_prompts", shows: func(p *played) (string, bool) {
			sizes := map[int64]int{} // of prompts; those with a person's words in them differ
			for turn := range p.turns {
				for _, c := range only(p.of(turn), opChat) {
					sizes[c.RequestBytes]++
				}
			}
			most := slices.Max(slices.Collect(maps.Values(sizes)))
			return fmt.Sprintf("%d prompts of one size in %d turns", most, len(p.turns)), most >= len(p.turns)
		}},
		{fault: "uncacheable_prefix", shows: func(p *played) (string, bool) {
			return p.most("long prompts, none of it cached", 1, func(turn []parley.Call) int {
				chats := only(turn, opChat)
				long := counted(chats, func(c *parley.Call) bool { return c.PromptTokens >= 1500 && c.CachedTokens == 0 })
				if len(chats) > 0 && chats[0].CachedTokens > 0 {
					return 0
				}
				return long
			})
		}},
		{fault: "growing_prompt", shows: func(p *played) (string, bool) {
			const perTurn = 250 // tokens; what is said takes 20 to 60
			first := map[int32]int64{}
			for turn := range p.turns {
				if chats := only(p.of(turn), opChat); len(chats) > 0 {
					first[p.turns[turn].Ordinal] = chats[0].PromptTokens
				}
			}
			grown := first[3] - first[0]
			return fmt.Sprintf("%d more tokens in the fourth turn than in the first", grown), grown > 3*perTurn
		}},
		{fault: "nested_retries", edit: append(anyCalendar(), "      first_token:", `      faults: ["status 400 on POST /v1/chat/completions"]`+"\n      first_token:"),
			shows: func(p *played) (string, bool) {
				return p.most("refused requests", 3, func(turn []parley.Call) int {
					return counted(only(turn, opChat), func(c *parley.Call) bool { return c.Status == 400 })
				})
			}},
		{fault: "no_timeout", edit: slow,
			shows: func(p *played) (string, bool) {
				n := counted(p.calls, func(c *parley.Call) bool {
					return c.Operation == opFreeBusy && c.Succeeded() && c.Duration() > 8*time.Second
				})
				return fmt.Sprintf("%d answers of the calendar waited for beyond 8 s", n), n > 0
			}},
		{fault: "typing_delay", shows: func(p *played) (string, bool) {
			n := 0
			for turn := range p.turns {
				calls := p.of(turn)
				read, shown, sent := only(calls, opRead), only(calls, "POST /chat/sendPresence"), only(calls, opSend)
				if len(read) > 0 && len(shown) > 0 && len(sent) > 0 && read[0].End <= shown[0].Start && shown[0].End <= sent[0].Start && sent[0].Imposed >= 1500*time.Millisecond {
					n++
				}
			}
			return p.share("delayed sends after marking as read", n)
		}},
	}
}

func faultsOfTurns() []planted {
	const burst = "burst: [Hello, how much is a massage]\n        gap: 250ms\n        answered: quiet 700ms"
	bursts := []string{"    turns: [Hello,", "    turns:\n      - " + burst + "\n    # [Hello,", `WEB_WORKERS: "2"`, `WEB_WORKERS: "1"`, `--workers, "2"`, `--workers, "1"`,
		"first_token: 60ms", "first_token: 600ms"}
	bursts = append(bursts, anyCalendar()...)
	repeat := []string{"    instance: receptionist\n", "    instance: receptionist\n    retry: {attempts: 4, initial_delay: 200ms, timeout: 250ms}\n",
		"think: 50ms", "think: 2s", "first_token: 60ms", "first_token: 400ms"}
	return []planted{
		{fault: "sync_llm", edit: bursts, shows: func(p *played) (string, bool) {
			n := 0
			for turn, row := range p.turns {
				// Said while the model was thinking, acknowledged when it had answered.
				n += min(1, counted(only(p.of(turn), opChat), func(c *parley.Call) bool { return c.Start < row.Spoken && row.Spoken < c.End && row.Acked >= c.End }))
			}
			return p.share("acknowledged only when the model had answered", n)
		}},
		{fault: "ack_after_work", shows: func(p *played) (string, bool) {
			n := 0
			for _, row := range p.turns {
				if row.FirstReply != parley.None && row.Acked > row.FirstReply {
					n++
				}
			}
			return p.share("acknowledged after the answer", n)
		}},
		{fault: "duplicate_replies", edit: repeat, shows: func(p *played) (string, bool) {
			n := 0
			for _, row := range p.turns {
				if row.Attempts > 1 && row.Replies+row.Late > row.Said {
					n++
				}
			}
			return fmt.Sprintf("answered again when repeated: %d of %d turns", n, len(p.turns)), n > 0
		}},
		{fault: "work_after_answer", shows: func(p *played) (string, bool) {
			n := 0
			for turn, row := range p.turns[:len(p.turns)-1] {
				next := &p.turns[turn+1]
				n += min(1, counted(p.calls, func(c *parley.Call) bool {
					return c.Operation == opChat && row.AnsweredAt != parley.None && c.Start > row.AnsweredAt && c.Start < next.FirstReply && c.Turn != next.ID
				}))
			}
			return fmt.Sprintf("model asked between an answer and the next one: %d of %d turns", n, len(p.turns)-1), 2*n >= len(p.turns)-1
		}},
		{fault: "cpu_heavy", shows: func(p *played) (string, bool) {
			var idle []time.Duration
			for turn := range p.turns {
				calls := p.of(turn)
				stored, sent := only(calls, "INSERT INTO messages"), only(calls, opSend)
				if len(stored) > 0 && len(sent) > 0 {
					idle = append(idle, sent[0].Start-stored[len(stored)-1].End)
				}
			}
			_, middle, _ := spread(idle)
			return fmt.Sprintf("%v (median) between the last statement and the answer", middle), middle > 50*time.Millisecond
		}},
	}
}

func decoys() []planted {
	return []planted{
		{fault: "decoy_slow_report", shows: func(p *played) (string, bool) {
			reports := slices.DeleteFunc(only(p.calls, "SELECT staff_id"), func(c parley.Call) bool { return c.Rows == 0 })
			for _, report := range reports {
				for turn := range p.turns {
					if slices.ContainsFunc(p.of(turn), func(c parley.Call) bool { return c.Conn == report.Conn && strings.HasPrefix(c.Operation, "WITH known") }) {
						return "a report on a connection of the pool", false
					}
				}
			}
			return fmt.Sprintf("%d reports", len(reports)), len(reports) > 0
		}},
		{fault: "decoy_chatty_cache", shows: func(p *played) (string, bool) {
			return p.most("keys read in one round trip", 20, func(turn []parley.Call) int {
				gets := only(turn, "GET receptionist:cache")
				if flights(gets) != 1 {
					return 0
				}
				return len(gets)
			})
		}},
		{fault: "decoy_background_delay", shows: func(p *played) (string, bool) {
			n := len(only(p.calls, "ZRANGEBYSCORE"))
			return fmt.Sprintf("%d polls", n), n > 1
		}},
	}
}

// anyCalendar changes the plan so that the canary need not touch the calendar.
func anyCalendar() []string {
	return []string{"env: [GOOGLE_CALENDAR_URL]", "env: [GOOGLE_CALENDAR_URL]\n    canary: optional"}
}

// play runs a few conversations with the bot and one fault.
func play(t *testing.T, built product.Binary, c *planted) *played {
	t.Helper()
	path, _ := planOf(t, built, "[solo: 3s]")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	plan := string(text)
	before, _, _ := strings.Cut(plan, "\nscenarios:")
	_, after, _ := strings.Cut(plan, "\nload:")
	plan = before + faultyScenario + "\nload:" + after
	plan = product.Edit(t, plan, "    SPAN_LOG:", "    FAULTS: \""+c.fault+"\"\n    SPAN_LOG:",
		"first_token: lognormal(p50=450ms, p95=1.1s)", "first_token: 60ms", "per_token: lognormal(p50=9ms, p95=18ms)", "per_token: 1ms",
		"30% status 400 on events.insert", "0.1% status 400 on events.insert")
	dir := filepath.Join(t.TempDir(), "run")
	r := built.Run(t, []string{"PYTHONDONTWRITEBYTECODE=1"}, "load", "-f", product.Write(t, product.Edit(t, plan, c.edit...)), "--out", dir)
	if !slices.Contains([]int{parley.ExitPass, parley.ExitFail, parley.ExitCannotTell}, r.Code) {
		t.Fatalf("exit code %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	return readPlayed(t, dir)
}

const faultyScenario = `
scenarios:
  - name: book
    think: 50ms
    turns: [Hello, "Is there a free slot for a haircut {day}?", "Tuesday at {time} or later would be perfect", "Thank you"]
`
