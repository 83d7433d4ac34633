package openai_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/openai/openai-go/v3/option"

	"parley/internal/plan"
)

// TestTimeoutIsRecorded: the client says how long it waits, if it was told to wait no longer.
func TestTimeoutIsRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJudge(t, plan.OpenAI{}, "sk-right")
		if _, err := j.Chat.Completions.New(t.Context(), ask("Hi"), option.WithRequestTimeout(20*time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Chat.Completions.New(t.Context(), ask("Hi")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		calls := j.recorded()
		if len(calls) != 2 || calls[0].Patience != 20*time.Second || calls[1].Patience != 0 {
			t.Fatalf("%+v", calls)
		}
		if calls[0].Content == 0 || calls[0].Content != calls[1].Content || len(calls[0].Pieces) == 0 {
			t.Errorf("contents %x and %x, pieces %x", calls[0].Content, calls[1].Content, calls[0].Pieces)
		}
	})
}
