package redistap

import (
	"sync"

	"parley/internal/fingerprint"
	"parley/internal/wire/respwire"
)

// names gives commands their names, a bounded number of them.
type names struct {
	mu    sync.Mutex
	known map[string]string
	many  map[string]int // different operations of each command
}

// Bounds: a bot may make keys of anything.
const (
	mostNames     = 20_000
	mostOfCommand = 200
)

// command returns a command's name in capitals.
func (n *names) command(word []byte) string {
	var capitals [32]byte
	text := capitals[:copy(capitals[:], word)]
	for i, c := range text {
		if c >= 'a' && c <= 'z' {
			text[i] = c - 'a' + 'A'
		}
	}
	return n.intern(text)
}

// intern returns one string for equal names: most calls are of few operations.
func (n *names) intern(name []byte) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if known, ok := n.known[string(name)]; ok {
		return known
	}
	if n.known == nil || len(n.known) >= mostNames {
		n.known = map[string]string{}
	}
	text := string(name)
	n.known[text] = text
	return text
}

// operation names a command by the shape of its key.
func (n *names) operation(name string, v *respwire.Value) string {
	at := keyAt(name, v)
	if at == 0 || at >= len(v.Parts) {
		return name
	}
	var buffer [96]byte
	text := append(append(buffer[:0], name...), ' ')
	text = fingerprint.AppendKeyShape(text, v.Parts[at].Text[:min(len(v.Parts[at].Text), 64)])
	n.mu.Lock()
	known, ok := n.known[string(text)]
	if !ok && n.many == nil {
		n.many = map[string]int{}
	}
	if !ok {
		n.many[name]++
	}
	crowded := !ok && n.many[name] > mostOfCommand
	n.mu.Unlock()
	switch {
	case ok:
		return known
	case crowded:
		return n.intern(append(append(buffer[:0], name...), " *"...))
	}
	return n.intern(text)
}
