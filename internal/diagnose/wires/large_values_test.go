package wires

import (
	"testing"
	"time"

	"parley"
	"parley/internal/diagnose/casetest"
)

// bringing sets the rows and bytes that a call brings, which begin to come after a time.
func bringing(rows, bytes int64, after time.Duration) func(*parley.Call) {
	return func(c *parley.Call) { c.Rows, c.ResponseBytes, c.FirstByte = rows, bytes, c.Start+after }
}

func TestLargeValues(t *testing.T) {
	tests := []struct {
		name  string
		play  func(turn *casetest.Turn)
		want  outcome
		saved float64
	}{
		{"a large session, loaded and saved", func(turn *casetest.Turn) {
			turn.Call("redis", "GET sessao:*", 21*ms, carrying(1, 50, 300_000))
			turn.Own = 21 * ms // parsing it
			turn.Call("redis", "SET sessao:*", 21*ms, carrying(2, 300_000, 5))
			turn.Own = ms
		}, aFinding, 0.020 + 0.020 + 0.020},
		{"a long wait beside it is not all parsing", func(turn *casetest.Turn) {
			turn.Call("redis", "GET sessao:*", 21*ms, carrying(1, 50, 300_000))
			turn.Own = 150 * ms
			turn.Call("redis", "GET outro:*", ms, nil)
			turn.Own = ms
		}, aFinding, 0.020 + 0.030},
		{"many elements, which is another matter", func(turn *casetest.Turn) {
			turn.Call("redis", "KEYS", 90*ms, bringing(30_000, 600_000, 90*ms))
			turn.Call("redis", "LRANGE registro:*", 90*ms, bringing(5_000, 100_000, 90*ms))
		}, nothing, 0},
		{"a small one", func(turn *casetest.Turn) {
			turn.Call("redis", "GET sessao:*", 40*ms, carrying(1, 50, 40_000))
			turn.Call("redis", "SET sessao:*", 40*ms, carrying(2, 40_000, 5))
		}, nothing, 0},
		{"a large one in no time", func(turn *casetest.Turn) {
			turn.Call("redis", "GET sessao:*", 2*ms, carrying(1, 50, 100_000))
		}, aNote, 0},
		{"many rows", func(turn *casetest.Turn) {
			turn.Call("postgres", "SELECT * FROM visita WHERE cliente = ?", 60*ms, bringing(4000, 600_000, 10*ms))
			turn.Own = 41 * ms
			turn.Call("redis", "GET outro:*", ms, nil)
			turn.Own = ms
		}, aFinding, 0.050 + 0.040},
		{"many bytes", func(turn *casetest.Turn) {
			turn.Call("postgres", "SELECT documento FROM arquivo WHERE id = ?", 90*ms, bringing(1, 3<<20, 10*ms))
		}, aFinding, 0.080},
		{"many rows written", func(turn *casetest.Turn) {
			turn.Call("postgres", "INSERT INTO visita (a) SELECT a FROM outra", 90*ms, bringing(5000, 30, 90*ms))
		}, nothing, 0},
		{"a long search for few rows", func(turn *casetest.Turn) {
			turn.Call("postgres", "SELECT * FROM visita WHERE cliente = ?", 90*ms, bringing(20, 4_000, 90*ms))
		}, nothing, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r casetest.Run
			r.Play(60, func(turn *casetest.Turn) {
				for range 3 {
					turn.Call("redis", "GET visto:*", ms, nil)
					turn.Call("postgres", "SELECT nome FROM cliente WHERE id = ?", ms, nil)
				}
				tt.play(turn)
				turn.Call("openai", "POST /v1/chat/completions", 200*ms, nil)
				turn.Answer()
			})
			if f := expect(t, &r, largeValues(), tt.want); tt.want == aFinding && f != nil {
				if got := f.Saved.Value; got < tt.saved-0.003 || got > tt.saved+0.003 {
					t.Errorf("saves %v s, want %v", got, tt.saved)
				}
			}
		})
	}
}
