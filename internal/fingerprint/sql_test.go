package fingerprint

import (
	"bytes"
	"strings"
	"testing"
)

func TestSQL(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT id, name\n  FROM customers -- who\n WHERE phone = $1 ;":  "SELECT id, name FROM customers WHERE phone = ?",
		"select * from t where a='it''s' and b=E'x\\'y' and c = 12.5e-3": "select * from t where a=? and b=? and c = ?",
		"SELECT $$a;b$$, $x$ $y$ $x$, U&'d', X'1F', n1":                  "SELECT ?, ?, ?, ?, n1",
		"INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y'),\n(3, 'z')":      "INSERT INTO t (a, b) VALUES (?...)",
		"INSERT INTO t (a) VALUES ($1),($2)":                             "INSERT INTO t (a) VALUES (?)",
		"SELECT 1 WHERE x IN (1, 2,3 , 4) AND y IN ($1)":                 "SELECT ? WHERE x IN (?...) AND y IN (?)",
		"SELECT \"Odd Name\".\"a\"\"b\" /* c /* nested */ d */ FROM t1":  "SELECT \"Odd Name\".\"a\"\"b\" FROM t1",
		"SELECT a::text, b->>'k', c[1], d - 1 FROM t LIMIT 10":           "SELECT a::text, b->>?, c[?], d - ? FROM t LIMIT ?",
		"BEGIN": "BEGIN",
		"":      "", "  ;; ": "",
		"SELECT 'unfinished":  "SELECT ?",
		"SELECT f(a, 1, 2)":   "SELECT f(a, ?, ?)",
		"SELECT 'Ana', ?":     "SELECT ?, ?",
		"/*+ hint */SELECT 1": "SELECT ?",
	} {
		if got := SQL(text); got != want {
			t.Errorf("%q:\n got %q\nwant %q", text, got, want)
		}
	}
	long := SQL("SELECT " + strings.Repeat("column_name, ", 1000) + "1")
	if len(long) > longestSQL+20 || !strings.HasSuffix(long, "...") {
		t.Errorf("%d bytes: %q", len(long), long[len(long)-20:])
	}
}

// FuzzSQL: no literal survives, normalising twice changes nothing, and it ends.
func FuzzSQL(f *testing.F) {
	for _, seed := range []string{"SELECT 'a', $1, 1e5, $$x$$ -- c\n", "IN (1,2,3), (4)", "E'\\'' U&'x' /* /* */ */", "$a$ $b$ $a$ \"q\"\"r\""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once := AppendSQL([]byte("kept:"), []byte(text))
		if !bytes.HasPrefix(once, []byte("kept:")) || len(once) > 2*longestSQL+len(text) {
			t.Fatalf("%q", once)
		}
		secret := SQL("SELECT 'hush 4711', " + text)
		if strings.Contains(secret, "hush") || strings.Contains(secret, "4711") && !strings.Contains(text, "4711") {
			t.Errorf("a literal survives: %q", secret)
		}
	})
}

func BenchmarkSQL(b *testing.B) {
	text := []byte("SELECT id, name, phone, created_at FROM customers WHERE phone = $1 AND deleted_at IS NULL ORDER BY created_at DESC LIMIT 10")
	var dst []byte
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendSQL(dst[:0], text)
	}
}
