// Package engines runs real Redis and Postgres servers for tests, from the
// operating system's packages, on a loopback port and with their data in a
// folder of their own.
package engines

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/exoauth/exoauth/internal/mailtest"
)

// An Engine is a server that runs until its test ends.
type Engine struct {
	Addr string // on 127.0.0.1

	t       testing.TB
	dir     string
	command func() *exec.Cmd
	ready   func(net.Conn) bool
	running *exec.Cmd
	stopped chan struct{} // closed when running has
}

// newEngine returns an Engine that has not been started, with a folder of its
// own that belongs to the user whose server it is.
func newEngine(t testing.TB, name string) *Engine {
	t.Helper()
	dir, err := os.MkdirTemp("", name) // t.TempDir is root's alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	e := &Engine{Addr: net.JoinHostPort("127.0.0.1", mailtest.FreePorts(t, 1)[0]), t: t, dir: dir}
	t.Cleanup(func() {
		e.Kill()
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("the log of %s:\n%s", name, log[max(0, len(log)-4096):])
		}
	})
	return e
}

// Kill ends the server as a crash does.
func (e *Engine) Kill() {
	if e.running != nil {
		e.running.Process.Kill()
		<-e.stopped
		e.running = nil
	}
}

// Start starts the server, or starts it again with its data, and returns when
// it answers. One that stops while it starts is started once more: Postgres
// does so while processes of a killed server are still there.
func (e *Engine) Start() {
	e.t.Helper()
	e.Kill()
	log, err := os.OpenFile(filepath.Join(e.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		e.t.Fatal(err)
	}
	defer log.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 1500 {
		if e.running == nil {
			e.running = e.command()
			e.running.Stdout, e.running.Stderr = log, log
			if err := e.running.Start(); err != nil {
				e.t.Fatal(err)
			}
			e.stopped = make(chan struct{})
			go func(cmd *exec.Cmd, stopped chan struct{}) {
				cmd.Wait()
				close(stopped)
			}(e.running, e.stopped)
		}
		if e.answers() {
			return
		}
		select {
		case <-e.stopped:
			e.running = nil
		default:
		}
		<-tick.C
	}
	e.t.Fatalf("%s does not answer on %s", filepath.Base(e.running.Path), e.Addr)
}

func (e *Engine) answers() bool {
	conn, err := net.DialTimeout("tcp", e.Addr, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	return e.ready(conn)
}

// find returns the path of a program in PATH, or in one of the folders that
// match a pattern. Without it the test is skipped, or fails under CI.
func find(t testing.TB, program, folders, debian string) string {
	t.Helper()
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	if found, _ := filepath.Glob(filepath.Join(folders, program)); len(found) > 0 {
		return slices.Max(found)
	}
	why := program + " is not installed; on Debian and Ubuntu: apt-get install " + debian
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
	return ""
}
