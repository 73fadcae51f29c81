package engines

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Postgres starts a Postgres that trusts the user postgres.
func Postgres(t testing.TB) *Engine {
	t.Helper()
	const folders = "/usr/lib/postgresql/*/bin"
	program, initdb := find(t, "postgres", folders, "postgresql"), find(t, "initdb", folders, "postgresql")
	e := newEngine(t, "postgres")
	data := filepath.Join(e.dir, "data")
	run := func(path string, args ...string) *exec.Cmd {
		cmd := exec.Command(path, args...)
		cmd.Dir = e.dir
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		notAsRoot(t, cmd)
		return cmd
	}
	if out, err := run(initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	_, port, _ := net.SplitHostPort(e.Addr)
	e.command = func() *exec.Cmd {
		return run(program, "-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
	}
	e.ready = func(conn net.Conn) bool {
		// A start packet of version 3.0 for user and database postgres; the
		// answer is R once the server lets users in, and E before that.
		io.WriteString(conn, "\x00\x00\x00\x29\x00\x03\x00\x00user\x00postgres\x00database\x00postgres\x00\x00")
		answer := make([]byte, 1)
		_, err := io.ReadFull(conn, answer)
		return err == nil && answer[0] == 'R'
	}
	e.Start()
	return e
}

// DSN is how pgx names the database of a Postgres.
func (e *Engine) DSN() string { return "postgres://postgres@" + e.Addr + "/postgres?sslmode=disable" }
