package wires

import (
	"testing"
	"time"

	"parley/internal/diagnose/casetest"
)

// outcome is what a case of a check must come to.
type outcome int

const (
	nothing outcome = iota
	aNote
	aFinding
	unknown
)

// play plays turns one after the other, each with a second of its own.
func play(n int, turn func(t *casetest.Turn)) *casetest.Run {
	r := &casetest.Run{}
	r.Play(n, turn)
	return r
}

// think is a call to a model of half a second.
func think(t *casetest.Turn) { t.Call("openai", "POST /v1/chat/completions", 500*ms, nil) }

func TestCouldOverlap(t *testing.T) {
	customer := func(t *casetest.Turn, took time.Duration) {
		t.Call("postgres", "SELECT * FROM fregueses WHERE fone = $1", took, nil)
	}
	free := func(t *casetest.Turn) { t.Call("calendar", "freebusy.query", 200*ms, nil) }
	rooms := func(t *casetest.Turn) { t.Call("http", "GET /rooms", 150*ms, nil) }
	tests := []struct {
		name      string
		turn      func(t *casetest.Turn)
		want      outcome
		saved     float64
		certainty float64
	}{
		{"two services", func(t *casetest.Turn) { free(t); rooms(t) }, aFinding, 0.151, 0.6},
		{"work between them", func(t *casetest.Turn) { free(t); t.Pass(10 * ms); rooms(t) }, aFinding, 0.155, 0.5},
		{"in another order now and then", func(t *casetest.Turn) {
			if t.Number%10 == 0 {
				rooms(t)
				free(t)
				return
			}
			free(t)
			rooms(t)
		}, aFinding, 0.151, 0.85},
		{"a database and a service", func(t *casetest.Turn) {
			customer(t, 60*ms)
			customer(t, 60*ms)
			free(t)
		}, aFinding, 0.122, 0.6},
		{"three of them, and now and then two", func(t *casetest.Turn) {
			if t.Number%6 > 0 {
				customer(t, 60*ms)
			}
			free(t)
			rooms(t)
		}, aFinding, 0.151 + 0.061*5/6, 0.6},
		{"cheap beside the rest", func(t *casetest.Turn) {
			customer(t, 25*ms)
			free(t)
		}, aNote, 0.026, 0.6},
		{"one of them takes no time", func(t *casetest.Turn) { customer(t, 4*ms); free(t) }, nothing, 0, 0},
		{"at once already", func(t *casetest.Turn) {
			t.Beside("http", "GET /rooms", 150*ms, nil)
			free(t)
		}, nothing, 0, 0},
		{"what is free, and what the words mean", func(t *casetest.Turn) {
			free(t)
			t.Call("openai", "POST /v1/embeddings", 100*ms, nil)
		}, aFinding, 0.101, 0.6},
		{"what the words mean, and a search for it", func(t *casetest.Turn) {
			t.Call("openai", "POST /v1/embeddings", 100*ms, nil)
			customer(t, 100*ms)
		}, nothing, 0, 0},
		{"a model between them", func(t *casetest.Turn) { free(t); think(t); rooms(t) }, nothing, 0, 0},
		{"a write between them", func(t *casetest.Turn) {
			free(t)
			t.Call("redis", "SET session:*", 2*ms, nil)
			rooms(t)
		}, nothing, 0, 0},
		{"one of them writes", func(t *casetest.Turn) {
			free(t)
			t.Call("calendar", "events.insert", 300*ms, nil)
		}, nothing, 0, 0},
		{"pages of a list", func(t *casetest.Turn) { rooms(t); rooms(t); rooms(t) }, nothing, 0, 0},
		{"one connection", func(t *casetest.Turn) {
			customer(t, 60*ms)
			t.Call("postgres", "SELECT * FROM precos", 70*ms, nil)
		}, nothing, 0, 0},
		{"time for a decision between them", func(t *casetest.Turn) { free(t); t.Pass(80 * ms); rooms(t) }, nothing, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := play(60, func(turn *casetest.Turn) {
				tt.turn(turn)
				think(turn)
				turn.Answer()
			})
			f := expect(t, r, couldOverlap(), tt.want)
			if f == nil {
				return
			}
			if got := f.Saved.Value; got < tt.saved-0.001 || got > tt.saved+0.001 {
				t.Errorf("saves %v s, want %v", got, tt.saved)
			}
			if f.Confidence != tt.certainty {
				t.Errorf("confidence %v, want %v", f.Confidence, tt.certainty)
			}
		})
	}
}
