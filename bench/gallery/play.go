package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"parley"
	"parley/bench/rig"
	"parley/internal/anatomy"
	"parley/internal/diagnose"
	"parley/internal/diagnose/wires"
	"parley/internal/record"
)

//go:embed plan.yaml
var planText string

// outcome is what one run of the bot came to.
type outcome struct {
	Faults   string  `json:"faults"`
	Seed     int     `json:"seed"`
	P95      float64 `json:"reply_p95_s"`
	Mean     float64 `json:"reply_mean_s"`
	PerHour  float64 `json:"messages_answered_per_hour"`
	Turns    int     `json:"turns"`
	Answered int     `json:"answered"`
	Invalid  string  `json:"invalid,omitempty"` // why the figures are not the bot's
	// SlowestLayer is that of the operation with the longest mean, for the baseline that blames it.
	SlowestLayer string           `json:"slowest_layer"`
	Diagnosis    parley.Diagnosis `json:"diagnosis"`
}

// outcome plays the bot with faults, unless that was done: outcomes are kept in the gallery's folder, so that it can be gone on with.
func (g *bench) outcome(ctx context.Context, planted []string, on stage, seed int) (outcome, error) {
	name := strings.Join(planted, "+")
	if len(planted) == 0 {
		name = "none"
	}
	name = fmt.Sprintf("%s%s-%d", name, on.name(), seed)
	kept := filepath.Join(g.dir, name+".json")
	var o outcome
	text, err := os.ReadFile(kept)
	if err == nil && json.Unmarshal(text, &o) == nil {
		if g.again {
			return g.look(filepath.Join(g.dir, name), o)
		}
		return o, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return outcome{}, fmt.Errorf("read what was played: %w", err)
	}
	if g.stop() {
		return outcome{}, errEnough
	}
	_, _ = fmt.Fprintf(g.progress, "playing %s ...\n", name)
	o = outcome{Faults: strings.Join(planted, ","), Seed: seed}
	if err := g.play(ctx, planted, on, seed, filepath.Join(g.dir, name)); err != nil {
		return outcome{}, fmt.Errorf("%s: %w", name, err)
	}
	return g.look(filepath.Join(g.dir, name), o)
}

// play runs the bot under load.
func (g *bench) play(ctx context.Context, planted []string, on stage, seed int, dir string) error {
	home, err := filepath.Abs(g.bot)
	if err != nil {
		return fmt.Errorf("find the bot: %w", err)
	}
	text := g.plan(home, planted, on, seed)
	_, err = rig.Start(ctx, rig.Order{Plan: text, Dir: dir}, -1, asGenerator)
	return err
}

// plan is the plan of a run.
func (g *bench) plan(home string, planted []string, on stage, seed int) string {
	return strings.NewReplacer(
		"@Seed@", strconv.Itoa(seed), "@Home@", home, "@Faults@", strings.Join(planted, ","), "@PerHour@", strconv.Itoa(g.perHour),
		"@ModelFaults@", list(on.modelFaults), "@CalendarFaults@", list(on.calendarFaults), "@Connections@", strconv.Itoa(on.connections),
		"@Solo@", g.solo.String(), "@Half@", (g.steady / 2).String(),
	).Replace(planText)
}

// list is the plan's list of the faults of a service, which must not be empty.
func list(faults []string) string {
	if len(faults) == 0 {
		return ""
	}
	return "faults: [" + strings.Join(faults, ", ") + "]"
}

// look diagnoses what was recorded, and keeps what came of it.
func (g *bench) look(dir string, o outcome) (outcome, error) {
	reader, err := record.Open(dir)
	if err != nil {
		return o, err
	}
	run := reader.Run()
	summary, cases := anatomy.Study(run, reader.Turns(), reader.Replies(), reader.Calls(), diagnose.MostTurns)
	e := diagnose.NewEvidence(run, summary, cases, reader.Samples())
	o.Diagnosis = diagnose.Diagnose(e, wires.Checks(), nil)
	if err := reader.Err(); err != nil {
		return o, err
	}
	o.Turns, o.Answered, o.PerHour = summary.Judged.Turns, summary.Judged.Answered, summary.Judged.PerHour
	o.P95, o.Mean = quantileOf(cases, 0.95), summary.Judged.Reply.Mean.Value
	o.Invalid = strings.Join(run.Generator.Invalid, "; ")
	o.SlowestLayer = slowestLayer(summary)
	text, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return o, fmt.Errorf("keep the outcome: %w", err)
	}
	if err := os.WriteFile(dir+".json", append(text, '\n'), 0o600); err != nil {
		return o, fmt.Errorf("keep the outcome: %w", err)
	}
	return o, nil
}

// slowestLayer is the layer of the operation that takes longest in the mean.
func slowestLayer(s *anatomy.Summary) string {
	layer, longest := "", 0.0
	for i := range s.Upstreams {
		u := &s.Upstreams[i]
		if u.Latency.Mean.Value > longest {
			longest, layer = u.Latency.Mean.Value, u.Kind
		}
	}
	switch layer {
	case "openai", "azure":
		return "llm"
	default:
		return layer
	}
}
