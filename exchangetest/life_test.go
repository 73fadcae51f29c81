package exchangetest

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
)

// A troubled listener fails as often as there are errors, before it has a
// connection, and is closed then.
type troubled struct {
	net.Listener
	errs []error
	conn net.Conn
}

func (l *troubled) Accept() (net.Conn, error) {
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return nil, err
	}
	conn := l.conn
	l.conn = nil
	if conn == nil {
		return nil, net.ErrClosed
	}
	return conn, nil
}

// A shortage of file descriptors does not end a server.
func TestAcceptGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &life{conns: make(map[net.Conn]struct{}), ended: make(chan struct{})}
		ours, theirs := net.Pipe()
		defer theirs.Close()
		errs := []error{&net.OpError{Op: "accept", Err: syscall.EMFILE}, &net.OpError{Op: "accept", Err: syscall.ENFILE}, errors.New("x")}
		handled := false
		l.accept(&troubled{errs: errs, conn: ours}, func(net.Conn) { handled = true })
		l.running.Wait()
		if !handled {
			t.Error("the connection was not taken")
		}
	})
}

// Close does not wait for the next try.
func TestAcceptEnds(t *testing.T) {
	l := &life{conns: make(map[net.Conn]struct{}), ended: make(chan struct{})}
	l.end()
	l.accept(&troubled{errs: []error{errors.New("x")}}, func(net.Conn) {})
}

func TestGrantToNobodyLocksNothing(t *testing.T) {
	w := newWorld(t)
	mustPanic(t, "Grant: the application is nil", func() { w.tenant.Grant(nil, shared) })
	w.tenant.Grant(w.app, shared)
}
