package tokensource

import (
	"cmp"
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
	// maxAnswer bounds the form that a browser posts. A code is a few KiB.
	maxAnswer = 64 << 10
	// pageTime is how long a browser has to take the last page.
	pageTime = 2 * time.Second
)

// loopback is a web server on this machine that takes the answer of one
// sign-in. What is not that answer is refused and changes nothing, since any
// page in any browser here can send requests to it.
type loopback struct {
	redirect string // with the port
	host     string // and port, as a browser names them
	path     string
	at       []net.Listener
	server   *http.Server
	state    string

	taken   atomic.Bool
	answer  chan url.Values
	outcome chan error    // of the sign-in, for the page
	shown   chan struct{} // closed when the page has been sent
}

func isLocalhost(host string) bool { return host == "localhost" || host == "127.0.0.1" }

// loopbackURL reads the redirect address of a program, http://localhost by
// default.
func loopbackURL(address string) (*url.URL, *ConfigError) {
	if address == "" {
		address = "http://localhost"
	}
	u, err := url.Parse(address)
	if err == nil && u.Scheme == "http" && isLocalhost(u.Hostname()) && u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == "" {
		return u, nil
	}
	return nil, &ConfigError{
		Field: "AuthCodeOptions.RedirectURL", Value: unlessSecret(address), Problem: "not an address on this machine",
		Remedy: "leave it empty, or set it to http://localhost or http://127.0.0.1, with a path or a port where they are registered",
	}
}

// listenLoopback takes the port in at, or a free one.
func listenLoopback(at *url.URL) (*loopback, error) {
	listeners, err := listenHere(net.Listen, at.Hostname(), cmp.Or(at.Port(), "0"))
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(listeners[0].Addr().String())
	u := *at
	u.Host = net.JoinHostPort(at.Hostname(), port)
	l := &loopback{redirect: u.String(), host: browserHost(&u), path: u.Path, at: listeners, answer: make(chan url.Values), outcome: make(chan error, 1), shown: make(chan struct{})}
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

// serve starts to answer. It must be followed by finish.
func (l *loopback) serve(state string) {
	l.state = state
	l.server = &http.Server{
		Handler:        l,
		ReadTimeout:    10 * time.Second,
		MaxHeaderBytes: maxAnswer,
		ErrorLog:       log.New(io.Discard, "", 0),
	}
	for _, listener := range l.at {
		go l.server.Serve(listener)
	}
}

// finish ends the server. On return the address is free, and a browser that
// waits has been sent the page: the program may end with its next line.
func (l *loopback) finish(err error) {
	l.outcome <- err
	for _, listener := range l.at {
		listener.Close()
	}
	if l.taken.Load() {
		timer := time.NewTimer(pageTime)
		defer timer.Stop()
		select {
		case <-l.shown:
		case <-timer.C:
		}
	}
	l.server.Close()
}

// ServeHTTP takes one answer that has the right state, by GET (the response
// mode query) or POST (form_post).
func (l *loopback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Host != l.host: // a name that another site has pointed here
		http.Error(w, "Misdirected Request", http.StatusMisdirectedRequest)
	case r.URL.Path != l.path:
		http.NotFound(w, r)
	case r.Method == http.MethodGet:
		l.take(w, r.URL.Query())
	case r.Method == http.MethodPost:
		r.Body = http.MaxBytesReader(w, r.Body, maxAnswer)
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
func (l *loopback) take(w http.ResponseWriter, answer url.Values) {
	if !sameState(l.state, answer.Get("state")) {
		showPage(w, http.StatusBadRequest, pageStranger)
		return
	}
	if !l.taken.CompareAndSwap(false, true) {
		showPage(w, http.StatusConflict, pageTaken)
		return
	}
	var err error
	select {
	case l.answer <- answer:
		err = <-l.outcome
	case err = <-l.outcome: // nobody waits for the answer any more
	}
	showOutcome(w, err)
	http.NewResponseController(w).Flush()
	close(l.shown)
}
