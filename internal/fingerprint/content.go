package fingerprint

import "parley"

// MostContent is how much of what a call asks for is looked at, in bytes. Of more than that only the length counts.
const MostContent = 64 << 10

// Content makes the hash of all that a call asks for ([parley.Call.Content]) of pieces: it does not matter where they are cut. It
// allocates nothing. A copy goes on by itself.
type Content struct {
	digest parley.Digest
	length uint64
}

// NewContent returns the content of a call that asks for nothing yet.
func NewContent(key parley.Key) Content { return Content{digest: key.Digest()} }

// Add takes in the next piece.
func (c *Content) Add(piece []byte) {
	room := MostContent - min(c.length, MostContent)
	c.length += uint64(len(piece))
	c.digest.Add(piece[:min(uint64(len(piece)), room)])
}

// AddNumber takes in a number, such as the hash of something else that is asked for.
func (c *Content) AddNumber(n uint64) { c.digest.AddNumber(n) }

// Sum is the hash, 0 for nothing.
func (c Content) Sum() uint64 {
	if c.length > MostContent {
		c.digest.AddNumber(c.length)
	}
	return c.digest.Sum()
}
