package drive

import (
	"slices"

	"parley/internal/fingerprint"
)

// lessons are what is learnt while one user is alone.
type lessons struct {
	pupil  uint64              // the user
	seen   map[uint64][]uint64 // values that came to light for the pupil, by place
	proofs map[link]*proof
	firsts map[fingerprint.Field]uint64 // the first user for whom a value came to light
	places map[uint64]*custom
}

// link says that what stands at one place came to light at another.
type link struct{ from, to uint64 }

// proof is what speaks for a link and against it.
type proof struct {
	agreed, denied int      // times that the value was one of those that had come to light, and that it was none
	users          int      // for whom it held
	last           uint64   // of them
	values         []uint64 // with which it held, the first few
	trusted        bool
}

// custom is how a place uses its values.
type custom struct{ own, shared int } // values of one user only, and times that one came to light for another

// Bounds of what is remembered, and of what it takes to believe.
const (
	mostPlaces  = 128 // of one user
	mostValues  = 64  // at one place
	mostProofs  = 1 << 16
	mostSources = 256 // places at which trusted links begin
	mostFirsts  = 1 << 15
	enoughProof = 3  // users, and values: a constant or a coincidence does not hold for so many
	doubt       = 10 // one exception in so many is a call that was tied to the wrong turn, more are none
)

// saw notes that a value came to light for a user who is alone. The caller holds mu.
func (s *lessons) saw(user uint64, f fingerprint.Field) {
	if f.Place == 0 {
		return
	}
	s.attend(user)
	values, known := s.seen[f.Place]
	if !known && len(s.seen) >= mostPlaces || s.places[f.Place] == nil && len(s.places) >= mostProofs {
		return
	}
	if slices.Contains(values, f.Value) {
		return
	}
	s.seen[f.Place] = append(values, f.Value)
	if len(values) >= mostValues {
		s.seen[f.Place] = slices.Delete(s.seen[f.Place], 0, 1)
	}
	c := s.places[f.Place]
	if c == nil {
		c = &custom{}
		s.places[f.Place] = c
	}
	switch first, known := s.firsts[f]; {
	case known && first != user:
		c.shared++
	case !known && len(s.firsts) < mostFirsts:
		s.firsts[f] = user
		c.own++
	}
}

// attend begins with a user.
func (s *lessons) attend(user uint64) {
	if s.proofs == nil {
		s.proofs, s.firsts, s.places = map[link]*proof{}, map[fingerprint.Field]uint64{}, map[uint64]*custom{}
	}
	if s.pupil != user || s.seen == nil {
		s.pupil, s.seen = user, map[uint64][]uint64{}
	}
}

// exclusive reports whether the values at a place are each of one user. The caller holds mu.
func (s *lessons) exclusive(place uint64) bool {
	c := s.places[place]
	return c != nil && !s.common(place)
}

// common reports whether users were seen to share the values at a place, as those of a catalogue. The caller holds mu.
func (s *lessons) common(place uint64) bool {
	c := s.places[place]
	return c != nil && c.shared*doubt > c.own
}

// study holds the values in a call of a user who is alone against what came to light for that user.
func (l *lineage) study(user uint64, fields []fingerprint.Field) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.attend(user)
	for _, f := range fields {
		if f.Place == 0 {
			continue
		}
		for source, values := range l.seen {
			held := slices.Contains(values, f.Value)
			if held || len(values) < mostValues { // else it may have been forgotten
				l.prove(link{source, f.Place}, user, f.Value, held)
			}
		}
	}
}

// guess holds the values in a call that nothing ties to a user against what is known of users: should a place always name
// one who waits just then, what it holds came from where their values did. Chance names one who waits now and then.
func (l *lineage) guess(fields []fingerprint.Field, waits func(user uint64) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range fields {
		for source := range l.from {
			if f.Place == 0 || !l.exclusive(source) {
				continue
			}
			user := l.owners[fingerprint.Field{Place: source, Value: f.Value}]
			l.prove(link{source, f.Place}, user, f.Value, user != nobody && waits(user))
		}
	}
}

// prove notes that a link held or did not. The caller holds mu.
func (l *lineage) prove(way link, user, value uint64, held bool) {
	p := l.proofs[way]
	if p == nil {
		if len(l.proofs) >= mostProofs {
			return
		}
		p = &proof{}
		l.proofs[way] = p
	}
	if held {
		p.agree(user, value)
	} else {
		p.denied++
	}
	l.weigh(way)
}

// agree notes that a link held.
func (p *proof) agree(user, value uint64) {
	p.agreed++
	if p.last != user {
		p.last = user
		p.users++
	}
	if len(p.values) < enoughProof && !slices.Contains(p.values, value) {
		p.values = append(p.values, value)
	}
}

// weigh decides whether a link is trusted. The caller holds mu.
func (l *lineage) weigh(way link) {
	p := l.proofs[way]
	trusted := p.users >= enoughProof && len(p.values) >= enoughProof && p.denied*doubt <= p.agreed
	if trusted == p.trusted {
		return
	}
	p.trusted = trusted
	if l.into == nil {
		l.into, l.from = map[uint64][]uint64{}, map[uint64]struct{}{}
	}
	if !trusted {
		l.into[way.to] = slices.DeleteFunc(slices.Clone(l.into[way.to]), func(from uint64) bool { return from == way.from })
		return
	}
	if _, known := l.from[way.from]; known || len(l.from) < mostSources {
		l.into[way.to] = append(l.into[way.to], way.from)
		l.from[way.from] = struct{}{} // stays, should the link fall: another may begin there
	}
}
