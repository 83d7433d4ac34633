package redistap

import (
	"parley"
	"parley/internal/fingerprint"
)

// said makes the hashes of commands of their very bytes: of long arguments, and of many, the decoder keeps the first only.
type said struct {
	content fingerprint.Content // of the command under way
	rest    []byte              // of the read, what belongs to no command that has ended
	at      int64               // where it begins in the stream
}

// read begins with a read, of which the first byte has a place in the stream.
func (s *said) read(p []byte, at int64) { s.rest, s.at = p, at }

// command is the hash of the command that ends at a place in the stream.
func (s *said) command(end int64, key parley.Key) uint64 {
	n := end - s.at
	s.content.Add(s.rest[:n])
	s.rest, s.at = s.rest[n:], end
	sum := s.content.Sum()
	s.content = fingerprint.NewContent(key)
	return sum
}

// passed ends a read: what is left of it begins a command.
func (s *said) passed() {
	s.content.Add(s.rest)
	s.rest = nil // it is the reader's
}
