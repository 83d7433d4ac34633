package pgtap

import (
	"sync"

	"parley/internal/fingerprint"
)

// shapes remembers the normalised form of statements, so that one which comes again is not normalised again.
type shapes struct {
	mu    sync.RWMutex
	names map[string]string
}

// Bounds: a bot that writes its values into its statements has a new text each time.
const (
	mostShapes   = 4096
	longestShape = 8 << 10
)

// of returns the normalised form of a statement.
func (s *shapes) of(text []byte) string {
	s.mu.RLock()
	name, known := s.names[string(text)] // does not allocate
	s.mu.RUnlock()
	if known {
		return name
	}
	name = string(fingerprint.AppendSQL(nil, text))
	if name == "" {
		name = "(empty)"
	}
	if len(text) > longestShape {
		return name
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil || len(s.names) >= mostShapes {
		s.names = map[string]string{}
	}
	s.names[string(text)] = name
	return name
}
