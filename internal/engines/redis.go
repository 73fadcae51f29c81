package engines

import (
	"io"
	"net"
	"os/exec"
	"testing"
)

// Redis starts a Redis that has written each change to its disk before it
// answers.
func Redis(t testing.TB) *Engine {
	t.Helper()
	program := find(t, "redis-server", "/usr/bin", "redis-server")
	e := newEngine(t, "redis")
	_, port, _ := net.SplitHostPort(e.Addr)
	e.command = func() *exec.Cmd {
		return exec.Command(program, "--bind", "127.0.0.1", "--port", port, "--dir", e.dir,
			"--save", "", "--appendonly", "yes", "--appendfsync", "always")
	}
	e.ready = func(conn net.Conn) bool {
		answer := make([]byte, 5)
		io.WriteString(conn, "PING\r\n")
		_, err := io.ReadFull(conn, answer)
		return err == nil && string(answer) == "+PONG" // -LOADING until its data are there
	}
	e.Start()
	return e
}
