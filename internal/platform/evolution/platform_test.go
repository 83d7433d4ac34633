package evolution

import (
	"regexp"
	"testing"
	"time"

	"parley/internal/plan"
)

// newTest returns a platform like a plan's, with changes.
func newTest(change func(*Options)) *Platform {
	opt := Options{
		Config: plan.Evolution{
			Instance: "receptionist", APIKey: "key-1", Number: "5511999990000",
			Retry: plan.Retry{Attempts: 10, InitialDelay: 5 * time.Second, MaxDelay: 5 * time.Minute, Timeout: 30 * time.Second},
		},
		Webhook: "http://127.0.0.1:9000/webhook", ServerURL: "http://127.0.0.1:9001", Seed: 7,
	}
	if change != nil {
		change(&opt)
	}
	return New(opt)
}

func TestUser(t *testing.T) {
	for _, prefix := range []string{"999", "5520"} {
		p := newTest(func(o *Options) { o.Prefix = prefix })
		seen := map[string]bool{}
		for i := range int64(2000) {
			u := p.User(i * 4999)
			if len(u.Number) != 15 || u.Number[:len(prefix)] != prefix || u.Name == "" {
				t.Fatalf("User(%d) = %+v, want 15 digits after %s and a name", i*4999, u, prefix)
			}
			if seen[u.Number] {
				t.Fatalf("number %s twice", u.Number)
			}
			seen[u.Number] = true
			if again := newTest(func(o *Options) { o.Prefix = prefix }).User(i * 4999); again != u {
				t.Fatalf("User(%d) = %v and then %v", i*4999, u, again)
			}
		}
	}
}

func TestMessageID(t *testing.T) {
	p := newTest(nil)
	shape := regexp.MustCompile(`^3EB0[0-9A-F]{18}$`)
	seen := map[string]bool{}
	for seq := range int64(5000) {
		m := p.Message(p.User(seq), seq, "Oi", time.Unix(1, 0))
		if !shape.MatchString(m.ID) || seen[m.ID] {
			t.Fatalf("message %d has id %q", seq, m.ID)
		}
		seen[m.ID] = true
	}
	other := newTest(func(o *Options) { o.Seed = 8 })
	if id := other.Message(p.User(0), 0, "Oi", time.Unix(1, 0)).ID; seen[id] {
		t.Errorf("another seed repeats the id %s", id)
	}
	if a, b := p.Message(p.User(0), 3, "a", time.Unix(1, 0)), newTest(nil).Message(p.User(1), 3, "b", time.Unix(2, 0)); a.ID != b.ID {
		t.Errorf("the id of message 3 is %s and %s for one seed", a.ID, b.ID)
	}
}

func TestUUID(t *testing.T) {
	shape := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	if id := newTest(nil).id; !shape.MatchString(id) {
		t.Errorf("instance id %q is not a version 4 UUID", id)
	}
}
