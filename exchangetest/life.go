package exchangetest

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// A life is what Start and Close change.
type life struct {
	mu      sync.Mutex
	started bool
	closed  bool
	conns   map[net.Conn]struct{} // of mail servers
	servers []*http.Server
	hosts   []*Host
	ended   chan struct{} // closed by end

	running sync.WaitGroup // accept loops and mail sessions
	http    sync.WaitGroup // HTTP connections
}

// end closes the connections. It reports whether it is the first call.
func (l *life) end() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	already := l.closed
	if !already {
		close(l.ended)
	}
	l.closed = true
	for conn := range l.conns {
		conn.Close()
	}
	for _, server := range l.servers {
		server.Close()
	}
	for _, h := range l.hosts {
		h.close()
	}
	return !already
}

// httpServer returns a server for a handler. It speaks HTTP/1.1 alone: one
// goroutine for each connection, which Close can wait for.
func (s *Server) httpServer(handler http.Handler) *http.Server {
	server := &http.Server{
		Handler: handler, TLSConfig: s.pki.ServerConfig(), ConnState: s.life.countHTTP,
		ErrorLog:  slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
		Protocols: new(http.Protocols),
	}
	server.Protocols.SetHTTP1(true)
	return server
}

// serveHTTP serves on ln until the end. The caller holds the mutex.
func (l *life) serveHTTP(server *http.Server, ln net.Listener, tls bool) {
	l.servers = append(l.servers, server)
	l.running.Go(func() {
		if tls {
			server.ServeTLS(ln, "", "")
		} else {
			server.Serve(ln)
		}
	})
}

// accept gives each connection of ln to handle, in a goroutine of its own,
// until ln is closed. It tries again after any other error, such as that of too
// many open files.
func (l *life) accept(ln net.Listener, handle func(net.Conn)) {
	var pause time.Duration
	for {
		conn, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			select {
			case <-time.After(pause):
				continue
			case <-l.ended:
				return
			}
		}
		pause = 0
		if !l.track(conn) {
			conn.Close()
			return
		}
		l.running.Go(func() {
			defer l.untrack(conn)
			handle(conn)
		})
	}
}

func (l *life) track(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.conns[conn] = struct{}{}
	return true
}

func (l *life) untrack(conn net.Conn) {
	conn.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, conn)
}

func (l *life) countHTTP(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		l.http.Add(1)
	case http.StateClosed, http.StateHijacked:
		l.http.Done()
	}
}

func listen(addr string) net.Listener {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		panic(fmt.Sprintf("exchangetest: %v", err))
	}
	return ln
}

// freePort is the address for a port that nobody uses.
const freePort = "127.0.0.1:0"

// relisten puts a listener on addr in the place of ln, unless addr is empty.
func relisten(ln *net.Listener, addr string) {
	if addr == "" {
		return
	}
	(*ln).Close()
	*ln = listen(addr)
}
