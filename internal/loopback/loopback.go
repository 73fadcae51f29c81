// Package loopback takes the answer of a sign-in in a browser, on an address of
// this machine (RFC 8252 §7.3).
package loopback

import (
	"cmp"
	"crypto/subtle"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// MaxAnswer bounds the form that a browser posts. A code is a few KiB.
	MaxAnswer = 64 << 10
	// pageTime is how long a browser has to take the last page.
	pageTime = 2 * time.Second
)

// A Server takes the answer of one sign-in. It refuses anything else, which
// changes nothing, since any page in any browser here can send requests to it.
type Server struct {
	Redirect string // the address for the answer, with its port

	host   string // and port, as a browser names them
	path   string
	at     []net.Listener
	server *http.Server
	state  string

	taken   atomic.Bool
	answer  chan url.Values
	outcome chan Outcome  // of the sign-in, for the page
	shown   chan struct{} // closed when the page has been sent
}

// IsLocalhost reports whether host is a name of this machine that a sign-in may
// use.
func IsLocalhost(host string) bool { return host == "localhost" || host == "127.0.0.1" }

// ParseURL reads the redirect address of a program, http://localhost by
// default. It reports false for an address that is not on this machine.
func ParseURL(address string) (u *url.URL, ok bool) {
	if address == "" {
		address = "http://localhost"
	}
	u, err := url.Parse(address)
	if err == nil && u.Scheme == "http" && IsLocalhost(u.Hostname()) && u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == "" {
		return u, true
	}
	return nil, false
}

// Listen listens on the port in at, or on a free one. It must be followed by
// [Server.Serve].
func Listen(at *url.URL) (*Server, error) {
	listeners, err := listenHere(net.Listen, at.Hostname(), cmp.Or(at.Port(), "0"))
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(listeners[0].Addr().String())
	u := *at
	u.Host = net.JoinHostPort(at.Hostname(), port)
	l := &Server{Redirect: u.String(), host: browserHost(&u), path: u.Path, at: listeners, answer: make(chan url.Values), outcome: make(chan Outcome, 1), shown: make(chan struct{})}
	if l.path == "" {
		l.path = "/" // which browsers add
	}
	return l, nil
}

// listenFunc has the form of net.Listen.
type listenFunc func(network, address string) (net.Listener, error)

// listenHere listens on 127.0.0.1 and, for the name localhost, on the same port
// of [::1] if this machine has IPv6: a browser may try that address first, and
// another user's program there would get the code (RFC 8252 §8.3). If the port
// is in use there, it takes another one, unless port names one.
func listenHere(listen listenFunc, host, port string) ([]net.Listener, error) {
	const tries = 10
	for try := 1; ; try++ {
		four, err := listen("tcp4", net.JoinHostPort("127.0.0.1", port))
		if err != nil {
			return nil, err
		}
		if host != "localhost" || !hasIPv6(listen) {
			return []net.Listener{four}, nil
		}
		_, same, _ := net.SplitHostPort(four.Addr().String())
		six, err := listen("tcp6", net.JoinHostPort("::1", same))
		if err == nil {
			return []net.Listener{four, six}, nil
		}
		four.Close()
		if port != "0" || try == tries {
			return nil, err
		}
	}
}

func hasIPv6(listen listenFunc) bool {
	l, err := listen("tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// browserHost returns what a browser puts into the header Host, without the
// port that goes without saying.
func browserHost(u *url.URL) string { return strings.TrimSuffix(u.Host, ":80") }

// Serve starts to answer, and returns a channel with the answer that has this
// state. It must be followed by [Server.Finish].
func (l *Server) Serve(state string) <-chan url.Values {
	l.state = state
	l.server = &http.Server{
		Handler:        l,
		ReadTimeout:    10 * time.Second,
		MaxHeaderBytes: MaxAnswer,
		ErrorLog:       log.New(io.Discard, "", 0),
	}
	for _, listener := range l.at {
		go l.server.Serve(listener)
	}
	return l.answer
}

// Finish ends the server. On return the address is free, and a browser that
// waits has been sent the page: the program may end with its next line.
func (l *Server) Finish(o Outcome) {
	l.outcome <- o
	for _, listener := range l.at {
		listener.Close()
	}
	if l.taken.Load() {
		select {
		case <-l.shown:
		case <-time.After(pageTime):
		}
	}
	l.server.Close()
}

// ServeHTTP takes one answer that has the right state, by GET (the response
// mode query) or POST (form_post).
func (l *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Host != l.host: // a name that another site has pointed here
		http.Error(w, "Misdirected Request", http.StatusMisdirectedRequest)
	case r.URL.Path != l.path:
		http.NotFound(w, r)
	case r.Method == http.MethodGet:
		l.take(w, r.URL.Query())
	case r.Method == http.MethodPost:
		r.Body = http.MaxBytesReader(w, r.Body, MaxAnswer)
		if err := r.ParseForm(); err != nil {
			showPage(w, http.StatusBadRequest, pageUnreadable)
			return
		}
		l.take(w, r.PostForm)
	default:
		w.Header().Set("Allow", "GET, POST")
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
	}
}

// take hands the answer over and waits for what comes of it.
func (l *Server) take(w http.ResponseWriter, answer url.Values) {
	if !SameState(l.state, answer.Get("state")) {
		showPage(w, http.StatusBadRequest, pageStranger)
		return
	}
	if !l.taken.CompareAndSwap(false, true) {
		showPage(w, http.StatusConflict, pageTaken)
		return
	}
	var o Outcome
	select {
	case l.answer <- answer:
		o = <-l.outcome
	case o = <-l.outcome: // nobody waits for the answer any more
	}
	showOutcome(w, o)
	http.NewResponseController(w).Flush()
	close(l.shown)
}

// SameState compares the states of two messages of a sign-in. It takes the same
// time whatever differs. An empty state is none.
func SameState(want, got string) bool {
	return want != "" && subtle.ConstantTimeCompare([]byte(want), []byte(got)) == 1
}
