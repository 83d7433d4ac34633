package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"parley/bench/rig"
)

// play runs the bot under load; the record goes to dir/run, the bot's log to dir/spans.<pid>.
func (b *bench) play(ctx context.Context, dir string) error {
	home, err := filepath.Abs(b.bot)
	if err != nil {
		return fmt.Errorf("find the bot: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(home, "parley.yaml"))
	if err != nil {
		return fmt.Errorf("read the bot's plan (-bot names its folder): %w", err)
	}
	plan, err := b.plan(string(text), home, filepath.Join(dir, "spans"))
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(b.progress, "the receptionist: one user for %s, then %d conversations an hour for %s\n", b.solo, b.perHour, b.steady)
	_, err = rig.Start(ctx, rig.Order{Plan: plan, Dir: filepath.Join(dir, "run")}, -1, asGenerator)
	return err
}

// plan is the bot's own plan with another load, and a bot that notes its calls.
func (b *bench) plan(text, home, spans string) (string, error) {
	edits := []struct{ pattern, with string }{
		{`(?m)^  platform: evolution$`, "$0\n  dir: " + home},
		{`(?m)^    WEB_WORKERS: .*$`, "$0\n    SPAN_LOG: " + spans + "\n    PYTHONDONTWRITEBYTECODE: \"1\""},
		{`(?m)^  conversations_per_hour: .*$`, fmt.Sprintf("  conversations_per_hour: %d", b.perHour)},
		{`(?m)^  phases:\n(?:    - .*\n)+`, fmt.Sprintf("  phases: [solo: %s, warmup: 20s, steady: %s]\n", b.solo, b.steady)},
	}
	if b.think != "" {
		edits = append(edits, struct{ pattern, with string }{`think: &think .*`, "think: &think " + b.think})
	}
	for _, e := range edits {
		pattern := regexp.MustCompile(e.pattern)
		at := pattern.FindAllStringIndex(text, -1)
		if len(at) != 1 {
			return "", fmt.Errorf("the bot's plan has %d places like %q, and not one", len(at), e.pattern)
		}
		whole := text[at[0][0]:at[0][1]]
		text = text[:at[0][0]] + strings.Replace(e.with, "$0", whole, 1) + text[at[0][1]:]
	}
	return text, nil
}
