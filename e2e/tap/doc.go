// Package tap has real clients and real servers judge the taps: PostgreSQL's and Redis's own load generators, the client
// libraries bots use, large copies, encryption, faults and accidents. What reaches the one side of a tap must be, byte by byte,
// what the other side sent, and what it records must agree with what was asked and with the servers' own counts.
package tap
