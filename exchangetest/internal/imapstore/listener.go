package imapstore

import (
	"net"
	"sync"

	"github.com/emersion/go-imap/v2/imapserver"
)

// A Listener gives connections to go-imap's server, which only takes them from
// a listener. It must be made by [NewListener].
type Listener struct {
	conns chan net.Conn
	wg    sync.WaitGroup
}

// NewListener returns a listener that no server listens to yet.
func NewListener() *Listener { return &Listener{conns: make(chan net.Conn)} }

// Serve has a server take the connections, until Close.
func (l *Listener) Serve(server *imapserver.Server) {
	l.wg.Go(func() { server.Serve(l) })
}

// HandOver gives a connection to the server.
func (l *Listener) HandOver(conn net.Conn) { l.conns <- conn }

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	conn, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

// Close implements net.Listener. No connection may be handed over any more.
func (l *Listener) Close() error {
	close(l.conns)
	return nil
}

// Wait returns when the server has done with the listener, after Close.
func (l *Listener) Wait() { l.wg.Wait() }

// Addr implements net.Listener.
func (*Listener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
