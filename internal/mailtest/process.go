package mailtest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
)

// A Process is the binary of a test in another process, at a task.
type Process struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// Start starts the binary of the test in another process, which ends with the
// test. The variable of its environment has the task in JSON, for TestMain.
func Start(t *testing.T, variable string, task any) *Process {
	t.Helper()
	text, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{Cmd: exec.CommandContext(t.Context(), self, "-test.run=^$")}
	p.Env = append(os.Environ(), variable+"="+string(text))
	p.Stderr = os.Stderr
	if p.in, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewScanner(out)
	if err := p.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.End)
	return p
}

// Begin writes a line to the process, which begins its task with that.
func (p *Process) Begin() { fmt.Fprintln(p.in) }

// Answer returns the next line of the process.
func (p *Process) Answer(t *testing.T) string {
	t.Helper()
	if !p.out.Scan() {
		t.Fatal("the process is gone")
	}
	return p.out.Text()
}

// End kills the process. It may be called more than once.
func (p *Process) End() {
	p.in.Close()
	p.Process.Kill()
	p.Wait()
}
