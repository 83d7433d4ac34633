package pgtap

import (
	"parley"
	"parley/internal/fingerprint"
)

// States of a session, as they stand in [parley.Call.Transaction].
const (
	stateIdle   = "idle"
	stateOpen   = "open"
	stateFailed = "failed"
)

// stateOf is the state that a ReadyForQuery tells, empty for none.
func stateOf(status byte) string {
	switch status {
	case 'I':
		return stateIdle
	case 'T':
		return stateOpen
	case 'E':
		return stateFailed
	default:
		return ""
	}
}

// ended is a call that has ended.
type ended struct {
	call   parley.Call
	fields []fingerprint.Field // that stood in it, and that came to light
}

// mostOver bounds the calls of one pipeline that wait for the server to say in which state they left the session. Those of a longer one
// have the state it was in before, as calls after which it says nothing have.
const mostOver = 256

// recordOver records the calls that have ended, with the state of the session.
func (s *session) recordOver() {
	for i := range s.over {
		s.over[i].call.Transaction = s.state
		s.group.Ended(s.over[i].call, s.over[i].fields)
	}
	clear(s.over)
	s.over = s.over[:0]
}
