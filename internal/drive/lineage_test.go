package drive

import (
	"math/rand/v2"
	"testing"

	"parley/internal/fingerprint"
)

// The places of a bot's statements: a customer is read by telephone number, what was said is stored by the customer's id.
const (
	customerID = 1 + iota // a column
	visits                // a column: a count
	tariff                // a column: of few values
	storeBy               // a parameter: the customer's id
	limitBy               // a parameter: a constant
	serviceBy             // a parameter: one of few
)

// both notes what came to light for a user who is alone.
func both(l *lineage, user uint64, fields []fingerprint.Field) {
	l.observe(user, fields)
	l.reveal(user, fields)
}

func at(place, value uint64) fingerprint.Field { return fingerprint.Field{Place: place, Value: value} }

func TestLineage(t *testing.T) {
	tests := []struct {
		name string
		// alone plays users 101, 102, ... one after the other; each has the id that is their number less 100.
		alone func(l *lineage, user uint64)
		users uint64
		ask   []fingerprint.Field
		want  uint64
	}{
		{
			name: "a parameter that is always the id read before", users: 4, want: 900, ask: []fingerprint.Field{at(storeBy, 17)},
			alone: func(l *lineage, user uint64) {
				both(l, user, []fingerprint.Field{at(customerID, user-100)})
				l.study(user, []fingerprint.Field{at(storeBy, user-100)})
			},
		},
		{
			name: "two users prove nothing", users: 2, want: nobody, ask: []fingerprint.Field{at(storeBy, 17)},
			alone: func(l *lineage, user uint64) {
				both(l, user, []fingerprint.Field{at(customerID, user-100)})
				l.study(user, []fingerprint.Field{at(storeBy, user-100)})
			},
		},
		{
			name: "a constant that is the id of one", users: 6, want: nobody, ask: []fingerprint.Field{at(limitBy, 17)},
			alone: func(l *lineage, user uint64) {
				both(l, user, []fingerprint.Field{at(customerID, user-100)})
				l.study(user, []fingerprint.Field{at(limitBy, 3)})
			},
		},
		{
			name: "one of few, the same as the id for the first users", users: 9, want: nobody, ask: []fingerprint.Field{at(serviceBy, 17)},
			alone: func(l *lineage, user uint64) {
				both(l, user, []fingerprint.Field{at(customerID, user-100)})
				l.study(user, []fingerprint.Field{at(serviceBy, (user-101)%4+1)})
			},
		},
		{
			name: "a column whose values users share", users: 8, want: nobody, ask: []fingerprint.Field{at(serviceBy, 17)},
			alone: func(l *lineage, user uint64) {
				both(l, user, []fingerprint.Field{at(tariff, user%4), at(tariff, 17)})
				l.study(user, []fingerprint.Field{at(serviceBy, user%4)})
			},
		},
		{
			name: "a late call of the user before does not shake it", users: 6, want: 900, ask: []fingerprint.Field{at(storeBy, 17)},
			alone: func(l *lineage, user uint64) {
				both(l, user, []fingerprint.Field{at(customerID, user-100)})
				for range 3 {
					l.study(user, []fingerprint.Field{at(storeBy, user-100)})
				}
				if user == 103 {
					l.study(user, []fingerprint.Field{at(storeBy, 2)})
				}
			},
		},
		{
			name: "values that few share need no lesson", users: 0, want: 900, ask: []fingerprint.Field{at(0, 4711), at(serviceBy, 4711)},
		},
		{
			name: "one that came to light for several is nobody's", users: 0, want: nobody, ask: []fingerprint.Field{at(0, 42)},
		},
		{
			name: "two values of different users", users: 0, want: nobody, ask: []fingerprint.Field{at(0, 4711), at(0, 4712)},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var l lineage
			for user := uint64(101); user < 101+tt.users; user++ {
				tt.alone(&l, user)
			}
			// Many users: what is read is noted, and nothing learnt.
			l.reveal(900, []fingerprint.Field{at(customerID, 17), at(visits, 17), at(tariff, 17), at(0, 4711), at(0, 42)})
			l.reveal(901, []fingerprint.Field{at(customerID, 18), at(visits, 18), at(0, 4712), at(0, 42)})
			if got := l.owner(tt.ask); got != tt.want {
				t.Errorf("owner %d, want %d", got, tt.want)
			}
		})
	}
}

// A catalogue's ids are long, and still nobody's: that users shared what stood there was seen while they were alone.
func TestCatalogue(t *testing.T) {
	var l lineage
	for user := uint64(101); user < 105; user++ {
		both(&l, user, []fingerprint.Field{at(tariff, 5000), at(0, 5000)})
	}
	l.reveal(900, []fingerprint.Field{at(tariff, 5001), at(0, 5001)})
	if got := l.owner([]fingerprint.Field{at(tariff, 5001), at(0, 5001)}); got != nobody {
		t.Errorf("an entry of a catalogue belongs to %d", got)
	}
}

// A poll's constants are nobody's: not when it comes while one user waits, by the time alone, and not when it came before.
func TestConstantsOfPolls(t *testing.T) {
	var l lineage
	l.disown([]fingerprint.Field{at(0, 6000)})
	l.reveal(900, []fingerprint.Field{at(0, 6000), at(0, 6001)})
	l.disown([]fingerprint.Field{at(0, 6001)}) // a late call of a user does not take what is known
	if got := l.owner([]fingerprint.Field{at(0, 6000)}); got != nobody {
		t.Errorf("a constant belongs to %d", got)
	}
	if got := l.owner([]fingerprint.Field{at(0, 6001)}); got != 900 {
		t.Errorf("a user's value belongs to %d, want 900", got)
	}
}

// Ids that coincided while users were alone part among many: the link that says another user than an identity does falls.
func TestCoincidenceIsFoundOut(t *testing.T) {
	var l lineage
	for user := uint64(101); user < 106; user++ { // two sequences in step: the customer's and the visit's
		both(&l, user, []fingerprint.Field{at(customerID, user-100), at(visits, user-100)})
		l.study(user, []fingerprint.Field{at(storeBy, user-100)})
	}
	// Among many they are not: customer 17 is on visit 40, customer 40 on visit 41.
	l.reveal(900, []fingerprint.Field{at(customerID, 17), at(visits, 40)})
	l.reveal(901, []fingerprint.Field{at(customerID, 40), at(visits, 41)})
	if got := l.owner([]fingerprint.Field{at(storeBy, 40)}); got != nobody {
		t.Errorf("two links that differ say %d", got)
	}
	l.check(901, []fingerprint.Field{at(storeBy, 40)}) // as an identity in the same call shows
	if got := l.owner([]fingerprint.Field{at(storeBy, 40)}); got != 901 {
		t.Errorf("after the proof: %d, want 901", got)
	}
}

// Among many users: a parameter that names a user who waits every time is learnt, one of few values is not.
func TestLearntAmongMany(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const customers, waiting = 200, 8
	var l lineage
	for user := uint64(101); user < 105; user++ {
		both(&l, user, []fingerprint.Field{at(customerID, user)})
		l.study(user, []fingerprint.Field{at(limitBy+100, user)}) // some other statement by the same id
	}
	for id := uint64(1); id <= customers; id++ {
		l.reveal(1000+id, []fingerprint.Field{at(customerID, id)})
	}
	for range 50 {
		here := map[uint64]bool{}
		for len(here) < waiting {
			here[1001+rng.Uint64N(customers)] = true
		}
		for user := range here {
			fields := []fingerprint.Field{at(storeBy, user-1000), at(serviceBy, 1+rng.Uint64N(5)), at(limitBy, 12)}
			if owner := l.owner(fields); owner != nobody && owner != user {
				t.Fatalf("a call of %d was taken for one of %d", user, owner)
			}
			l.guess(fields, func(user uint64) bool { return here[user] })
		}
	}
	if got := l.owner([]fingerprint.Field{at(storeBy, 17), at(serviceBy, 3), at(limitBy, 12)}); got != 1017 {
		t.Errorf("owner %d, want 1017", got)
	}
}

// Whatever is thrown at it, the memory has an end.
func TestLineageIsBounded(t *testing.T) {
	var l lineage
	for user := range uint64(300) {
		var fields []fingerprint.Field
		for k := range uint64(fingerprint.MostFields) {
			fields = append(fields, at(1+user*64+k, user*1000+k))
		}
		l.study(user, fields)
		both(&l, user, fields)
	}
	if len(l.proofs) > mostProofs || len(l.firsts) > mostFirsts || len(l.seen) > mostPlaces || len(l.places) > mostProofs {
		t.Errorf("%d proofs, %d first users, %d places of the pupil, %d places", len(l.proofs), len(l.firsts), len(l.seen), len(l.places))
	}
}
