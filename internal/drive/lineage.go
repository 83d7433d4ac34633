package drive

import (
	"sync"

	"parley/internal/fingerprint"
)

// lineage knows whose a value is: the id of a row that was read by a user's number is that user's, and a later statement with
// that id is about the same user.
//
// A value that few calls share by chance says so wherever it stands. A small number does not: 17 may be a customer, a service or
// a limit. Of those it learns, while one user is alone, what comes from where: that this parameter is always a value
// which that column had brought to light. Such a link is trusted when it held for several users with a value each; and
// no link is trusted from a place whose values users share.
type lineage struct {
	mu sync.Mutex
	// owners are the users by value; nobody if several had it: the rows of a price list, say.
	owners map[fingerprint.Field]uint64
	// into are the places from which trusted links lead to a place, from the places at which such links begin.
	into map[uint64][]uint64
	from map[uint64]struct{}
	lessons
}

// nobody owns what came to light for several users.
const nobody = 0

// mostOwned bounds the values remembered, at some 50 MB. A longer run forgets all and learns anew.
const mostOwned = 1 << 20

// observe notes what came to light for a user who is alone.
func (l *lineage) observe(user uint64, fields []fingerprint.Field) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range fields {
		l.saw(user, f)
	}
}

// disown notes values in a call that is nobody's, as constants in it are, unless they are known.
func (l *lineage) disown(fields []fingerprint.Field) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.makeRoom()
	for _, f := range fields {
		if _, known := l.owners[f]; f.Place == 0 && !known {
			l.owners[f] = nobody
		}
	}
}

func (l *lineage) makeRoom() {
	if l.owners == nil || len(l.owners) > mostOwned {
		l.owners = make(map[fingerprint.Field]uint64)
	}
}

// reveal notes values that came to light for a user.
func (l *lineage) reveal(user uint64, fields []fingerprint.Field) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.makeRoom()
	for _, f := range fields {
		if _, source := l.from[f.Place]; f.Place != 0 && !source {
			continue // nothing is known to come from there
		}
		switch owner, known := l.owners[f]; {
		case !known:
			l.owners[f] = user
		case owner != user:
			l.owners[f] = nobody
		}
	}
}

// owner returns the one user whom the values belong to, nobody if there is none or several. A value of its own follows the
// field that says where it stands.
func (l *lineage) owner(fields []fingerprint.Field) (user uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var common uint64 // the value at a place where users share values
	for _, f := range fields {
		if f.Place == 0 {
			if f.Value == common {
				continue
			}
			if user = agree(user, l.owners[f]); user == divided {
				return nobody
			}
			continue
		}
		if l.common(f.Place) {
			common = f.Value
		}
		for _, source := range l.into[f.Place] {
			if !l.exclusive(source) {
				continue
			}
			if user = agree(user, l.owners[fingerprint.Field{Place: source, Value: f.Value}]); user == divided {
				return nobody
			}
		}
	}
	return user
}

// divided stands for values of several users. A keyed hash is it with a probability of 2^-64.
const divided = 1<<64 - 1

// agree is the user of two values.
func agree(a, b uint64) uint64 {
	switch {
	case a == b || b == nobody:
		return a
	case a == nobody:
		return b
	default:
		return divided
	}
}

// check holds the trusted links against a call whose user is known otherwise: one that says another user is doubted.
func (l *lineage) check(user uint64, fields []fingerprint.Field) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range fields {
		for _, source := range l.into[f.Place] {
			switch l.owners[fingerprint.Field{Place: source, Value: f.Value}] {
			case nobody, user:
			default:
				way := link{source, f.Place}
				l.proofs[way].denied++
				l.weigh(way)
			}
		}
	}
}
