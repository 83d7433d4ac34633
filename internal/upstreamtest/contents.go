package upstreamtest

import "parley"

// Contents gives each different content of calls a letter, in their order: "aba" are three, the last of which asks for what the first did.
// A call whose content is unknown has a hyphen.
func Contents(calls []parley.Call) string {
	letters := map[uint64]byte{0: '-'}
	var out []byte
	for _, c := range calls {
		if _, met := letters[c.Content]; !met {
			letters[c.Content] = byte('a' + len(letters) - 1)
		}
		out = append(out, letters[c.Content])
	}
	return string(out)
}
