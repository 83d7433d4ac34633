package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// fault is something that can be switched on in the bot.
type fault struct {
	name string
	// checks are those that name it rightly; layer is where it is, for the baselines.
	checks []string
	layer  string
	// modelFaults and calendarFaults are what the plan's services must do for it to show, connections how many the bot's pool may have:
	// the same for the bot from which the fault has been taken.
	modelFaults, calendarFaults string
	connections                 int
}

// faults are those of examples/receptionist.
func faults() []fault {
	return []fault{
		{name: "n_plus_one", checks: []string{"n-plus-one"}, layer: "postgres"},
		{name: "no_pipelining", checks: []string{"round-trips"}, layer: "redis"},
		{name: "serial_lookups", checks: []string{"could-overlap"}, layer: "calendar"},
		{name: "new_connections", checks: []string{"connection-per-turn"}, layer: "postgres"},
		{name: "held_transaction", checks: []string{"held-transaction", "pool-limit"}, layer: "postgres", connections: 2},
		// The pool is small because of what a statement on the way of every answer takes; that the statement is slow, and its answer always the
		// same, is as right.
		{name: "small_pool", checks: []string{"pool-limit", "slow-statement", "repeated-lookups"}, layer: "postgres"},
		{name: "sync_llm", checks: []string{"blocked-loop"}, layer: "llm"},
		{name: "ack_after_work", checks: []string{"ack-after-work"}, layer: "platform"},
		{name: "growing_prompt", checks: []string{"growing-prompt"}, layer: "llm"},
		{name: "identical_prompts", checks: []string{"identical-prompts", "repeated-lookups"}, layer: "llm"},
		{name: "uncacheable_prefix", checks: []string{"uncacheable-prompt"}, layer: "llm"},
		{name: "nested_retries", checks: []string{"retries"}, layer: "llm", modelFaults: "12% status 400"},
		{name: "no_timeout", checks: []string{"no-timeout"}, layer: "calendar", calendarFaults: "15% hang"},
		{name: "typing_delay", checks: []string{"delay-given-away"}, layer: "platform"},
		{name: "big_session", checks: []string{"large-values", "loaded-again"}, layer: "redis"},
		{name: "keys_scan", checks: []string{"unbounded-reads"}, layer: "redis"},
		{name: "hot_row", checks: []string{"lock-wait", "held-transaction"}, layer: "postgres"},
		{name: "work_after_answer", checks: []string{"work-after-answer"}, layer: "bot"},
		{name: "duplicate_replies", checks: []string{"duplicate-replies", "ack-after-work"}, layer: "platform"},
		{name: "cpu_heavy", checks: []string{"own-time"}, layer: "bot"},
		{name: "no_index", checks: []string{"slow-statement"}, layer: "postgres"},
		{name: "context_thrice", checks: []string{"loaded-again"}, layer: "redis"},
	}
}

// decoys cost the user nothing. Each names what a finding that blames it speaks of.
func decoys() map[string]string {
	return map[string]string{
		"decoy_slow_report":      "report",
		"decoy_chatty_cache":     "GET",
		"decoy_background_delay": "sleep",
	}
}

// gallerycase is one way to plant faults; several are told apart by their order of magnitude, which is measured.
type gallerycase struct {
	name   string
	seed   int // in addition to that of all: healthy runs are to differ
	faults []string
	decoys []string
}

// healthyRuns is how many cases are without a fault.
const healthyRuns = 20

// gallery is all cases: half of them with one fault, half with two to four. Those without a fault are the healthy ones.
func gallery() []gallerycase {
	var out []gallerycase
	for _, single := range []string{
		"n_plus_one", "no_pipelining", "sync_llm", "small_pool", "held_transaction", "typing_delay", "nested_retries", "big_session",
		"keys_scan", "hot_row", "cpu_heavy", "no_index", "serial_lookups", "identical_prompts", "growing_prompt", "work_after_answer",
	} {
		out = append(out, gallerycase{name: single, faults: []string{single}})
	}
	for _, several := range [][]string{
		{"n_plus_one", "typing_delay"},
		{"sync_llm", "no_pipelining"},
		{"held_transaction", "n_plus_one"},
		{"identical_prompts", "keys_scan", "decoy_slow_report"},
		{"no_index", "serial_lookups"},
		{"cpu_heavy", "n_plus_one", "decoy_chatty_cache"},
		{"hot_row", "no_pipelining"},
		{"small_pool", "growing_prompt"},
		{"typing_delay", "big_session", "context_thrice"},
		{"nested_retries", "n_plus_one"},
		{"work_after_answer", "identical_prompts", "decoy_background_delay"},
		{"serial_lookups", "new_connections", "n_plus_one", "uncacheable_prefix"},
		{"typing_delay", "cpu_heavy", "decoy_slow_report", "decoy_chatty_cache"},
		{"no_index", "sync_llm"},
		{"identical_prompts", "no_pipelining", "ack_after_work"},
		{"big_session", "n_plus_one", "decoy_background_delay"},
	} {
		c := gallerycase{name: strings.Join(several, "+")}
		for _, name := range several {
			if strings.HasPrefix(name, "decoy_") {
				c.decoys = append(c.decoys, name)
			} else {
				c.faults = append(c.faults, name)
			}
		}
		out = append(out, c)
	}
	for i := range healthyRuns {
		// Every other one has decoys: one, another, the third, all.
		c := gallerycase{name: fmt.Sprintf("healthy %d", i+1), seed: 100 + i}
		if all := slices.Sorted(maps.Keys(decoys())); i%2 == 1 {
			c.decoys = [][]string{all[:1], all[1:2], all[2:], all}[i/2%4]
			c.name += " " + strings.Join(c.decoys, "+")
		}
		out = append(out, c)
	}
	return out
}

// stage is what the services and the pool must be for the faults of a case to show.
type stage struct {
	modelFaults, calendarFaults []string
	connections                 int
}

// stageFor is the stage of a case.
func stageFor(planted []string) stage {
	s := stage{connections: plenty}
	for _, name := range planted {
		f, ok := faultNamed(name)
		switch {
		case !ok: // a decoy
		case f.modelFaults != "":
			s.modelFaults = append(s.modelFaults, f.modelFaults)
		case f.calendarFaults != "":
			s.calendarFaults = append(s.calendarFaults, f.calendarFaults)
		case f.connections > 0:
			s.connections = f.connections
		}
	}
	return s
}

// plenty is the size of the bot's pool where it is not to matter.
const plenty = 10

// name tells stages apart; that of a stage without anything is empty.
func (s stage) name() string {
	name := ""
	if len(s.modelFaults) > 0 {
		name += "-refusals"
	}
	if len(s.calendarFaults) > 0 {
		name += "-hangs"
	}
	if s.connections != plenty {
		name += "-pool" + strconv.Itoa(s.connections)
	}
	return name
}

// faultNamed looks a fault up.
func faultNamed(name string) (fault, bool) {
	all := faults()
	i := slices.IndexFunc(all, func(f fault) bool { return f.name == name })
	if i < 0 {
		return fault{}, false
	}
	return all[i], true
}

// without is the faults but one.
func without(all []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return name == one })
}
