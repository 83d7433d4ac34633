package target

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
)

// Ports FreePort chooses from, unless the kernel hands some of them out itself.
const (
	lowestPort  = 15000
	highestPort = 32767
	portTries   = 200
)

// FreePort returns a TCP port which is free on loopback now. Between the return
// and its use another process could take it, so it is chosen at random from
// below the range the kernel gives to outgoing connections and to listeners on
// port 0: only a program that asks for this very number can.
func FreePort() (int, error) {
	high := highestPort
	if low, ok := ephemeralStart(); ok {
		high = min(high, low-1)
	}
	for range portTries {
		port := 0 // the kernel's choice, if it leaves none to us
		if high > lowestPort {
			port = lowestPort + rand.IntN(high-lowestPort+1)
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) //nolint:noctx // returns at once
		if err != nil {
			continue
		}
		address := l.Addr().String()
		if err := l.Close(); err != nil {
			return 0, fmt.Errorf("find a free port: %w", err)
		}
		_, text, err := net.SplitHostPort(address)
		if err != nil {
			return 0, fmt.Errorf("find a free port: %w", err)
		}
		return strconv.Atoi(text)
	}
	return 0, fmt.Errorf("find a free port: none of %d tried on 127.0.0.1 is", portTries)
}

// ephemeralStart returns the first port the kernel hands out by itself.
func ephemeralStart() (int, bool) {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0, false
	}
	var low, high int
	_, err = fmt.Sscan(string(text), &low, &high)
	return low, err == nil
}
