package mailtest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// FreePorts returns ports of 127.0.0.1 on which a program can listen that is
// yet to be started. They lie below those that systems give out by themselves,
// so that no connection and no listener on port 0 takes one in the meantime.
func FreePorts(t testing.TB, n int) (ports []string) {
	t.Helper()
	const from, below, tries = 10_000, 32_000, 1_000
	for range tries {
		if len(ports) == n {
			return ports
		}
		port := strconv.Itoa(from + rand.IntN(below-from))
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
		if err != nil {
			continue
		}
		defer listener.Close() // after all have been chosen, so that they differ
		ports = append(ports, port)
	}
	t.Fatal("no free ports on 127.0.0.1")
	return nil
}
