package wires

import (
	"testing"

	"parley/internal/anatomy"
)

func TestLooksUp(t *testing.T) {
	for _, tt := range []struct {
		layer, operation string
		want             bool
	}{
		{"postgres", "SELECT nome FROM fregueses WHERE id = $1", true},
		{"postgres", "select * from t", true},
		{"postgres", "WITH x AS (SELECT 1) SELECT * FROM x", true},
		{"postgres", "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", false},
		{"postgres", "SELECT * FROM t WHERE id = $1 FOR UPDATE", false},
		{"postgres", "SELECT nextval($1)", false},
		{"postgres", "INSERT INTO t VALUES ($1)", false},
		{"postgres", "BEGIN", false},
		{"redis", "GET sessao:*", true},
		{"redis", "hgetall session:*", true},
		{"redis", "GETDEL session:*", false},
		{"redis", "SET session:*", false},
		{"calendar", "freebusy.query", true},
		{"calendar", "events.list", true},
		{"calendar", "events.insert", false},
		{"calendar", "token", false},
		{"calendar", "POST /calendar/v3/freeBusy", true},
		{"http", "GET /v1/rooms/*", true},
		{"http", "POST /v1/rooms", false},
		{"http", "POST /search", false},
		{"llm", "POST /v1/chat/completions", false},
		{"llm", "POST /v1/embeddings", true},
		{"platform", "GET /instance/connectionState/{instance}", false},
	} {
		c := anatomy.TurnCall{Layer: tt.layer, Operation: tt.operation}
		if got := looksUp(&c); got != tt.want {
			t.Errorf("%s: %s: %v", tt.layer, tt.operation, got)
		}
	}
}
