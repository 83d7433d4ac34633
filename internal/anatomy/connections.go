package anatomy

import "parley"

// connections tells which calls are the first on their connection, and the first of their flight.
type connections struct {
	wires map[string][]int64 // by wire and connection: its flight before, 1 up; 0 if it is new
}

// mostConnections bounds the connections of a wire that are told apart; those of higher numbers are not.
const mostConnections = 1 << 22

// meet takes in a call. Calls on one connection come in the order of their ends, and those of one flight together.
func (c *connections) meet(wire string, call *parley.Call) (opened, flew bool) {
	if call.Conn <= 0 || call.Conn >= mostConnections { // 0: the wire does not tell them apart
		return false, true
	}
	if c.wires == nil {
		c.wires = map[string][]int64{}
	}
	seen := c.wires[wire]
	if grow := int(call.Conn) + 1 - len(seen); grow > 0 {
		seen = append(seen, make([]int64, grow)...)
		c.wires[wire] = seen
	}
	before := seen[call.Conn]
	seen[call.Conn] = call.Flight + 1
	return before == 0, before != call.Flight+1 || call.Flight == 0
}
