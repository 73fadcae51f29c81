package exchangetest

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest/internal/clock"
	"github.com/exoauth/exoauth/exchangetest/internal/clouds"
	"github.com/exoauth/exoauth/exchangetest/internal/imapstore"
	"github.com/exoauth/exoauth/exchangetest/internal/pki"
)

// What a server knows is kept in types that guard themselves, of which Server has
// one each:
//
//	directory  directory.go; the tenants, apps, users, mailboxes and policies
//	           in their files, guarded by its mutex
//	issued     issued.go; the kinds in the files of their flows
//	records    observe.go, and session.go for one connection
//	faults     fault.go
//	loops      loop.go
//	web        web.go; the endpoints of Entra ID begin in entra.go
//	mailPorts  ports.go; the servers are in imap.go, pop.go and smtp.go
//	life       life.go
//
// What needs none of these is in packages below internal.
//
// A Host's lock may be held while the directory's is taken, that one while the
// records' is, and that one while a session's is. No others are nested.

// A Server is Entra ID and Exchange Online on loopback. Use [NewServer] or
// [NewUnstartedServer] to make one.
//
// The exported fields may be set between [NewUnstartedServer] and
// [Server.Start], and must not be changed afterwards.
type Server struct {
	// TokenLifetime is how long the access tokens of the token endpoint are
	// valid. Zero means a random time between 60 and 90 minutes for each,
	// as in Entra ID. With a token of more than two hours, such as the 24 to
	// 28 of clients that declare continuous access evaluation, comes
	// "refresh_in": half of its lifetime.
	TokenLifetime time.Duration

	// DeviceInterval is how long a client must wait between two polls of a
	// device code, which is what a test of the flow waits for. Zero means five
	// seconds, as in Entra ID. Parts of a second are told as a fraction, which
	// some clients do not read.
	DeviceInterval time.Duration

	// RefreshOnce has a refresh token be good for one use, and its second use
	// end the whole sign-in, as other authorization servers have it (RFC 9700
	// section 4.14.2). False means as in Entra ID, where an old one goes on to
	// be valid: a client that mixes them up is not found out.
	RefreshOnce bool

	// Logger is told what clients do and why they are refused. It never sees
	// a token or a secret. Nil means silence.
	Logger *slog.Logger

	// MoveBeforeLogin has the IMAP server announce MOVE before the client is
	// authenticated, as some of Exchange Online's do and others do not.
	MoveBeforeLogin bool

	// LoopLimit is how often a client may repeat a request within ten seconds
	// before it is refused: that of a user's flow for two minutes
	// (AADSTS50196), that of an application for one, with status 429 and a
	// Retry-After that says so. Zero means as often as it likes.
	LoopLimit int

	// IdleTimeout is how long an IMAP session may be silent before the server
	// ends it with "* BYE Connection is closed. 13". Zero means for ever.
	IdleTimeout time.Duration

	maxMessage int64 // smtpSize, but in tests

	clock    *clock.Clock
	skew     atomic.Int64 // of Entra ID's clock
	pki      *pki.Authority
	life     life
	web      web
	mail     mailPorts
	handover *imapstore.Listener // to go-imap's server

	dir     *directory
	issued  *issued
	faults  faults
	records records
	loops   loops
}

// NewServer starts a server on free ports of 127.0.0.1. The caller should call
// Close when finished. It panics where the machine has no loopback address to
// listen on.
func NewServer() *Server {
	s := NewUnstartedServer()
	s.Start()
	return s
}

// NewUnstartedServer returns a server that listens but does not answer yet, so
// that its fields may be set. The caller should call Start, and Close when
// finished.
func NewUnstartedServer() *Server {
	s := &Server{
		maxMessage: smtpSize,
		clock:      clock.New(),
		pki:        pki.New(append(clouds.Servers(), "localhost")),
		life:       life{conns: make(map[net.Conn]struct{}), ended: make(chan struct{})},
		web:        web{ln: listen(), hits: make(map[string]int)},
		handover:   imapstore.NewListener(),
		dir:        newDirectory(),
		issued:     newIssued(),
		loops:      loops{byForm: make(map[[sha256.Size]byte]*loop)},
	}
	s.openMailPorts()
	s.dir.home = s.AddTenant("contoso.onmicrosoft.com", "contoso.com")
	s.dir.consumers = s.addTenant(consumersID, []string{"outlook.com", "hotmail.com", "live.com"})
	s.web.transport = &http.Transport{TLSClientConfig: s.TLSConfig(), DialContext: s.dialHTTP}
	return s
}

// Start starts a server from [NewUnstartedServer]. It panics if the server was
// started or closed before.
func (s *Server) Start() {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	if s.life.started || s.life.closed {
		panic("exchangetest: Start of a server that was started or closed already")
	}
	s.life.started = true
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	s.startHTTP()
	s.startIMAP()
	for _, p := range s.mail.all() {
		s.life.running.Go(func() { s.life.accept(p, p.serve) })
	}
}

// Close ends every session and returns when all goroutines of the server have
// come to their end. What was recorded and what is in the mailboxes can still
// be read. A second call does nothing.
func (s *Server) Close() {
	if !s.life.end() {
		return
	}
	s.clock.Stop()
	s.web.close()
	for _, p := range s.mail.all() {
		p.Close()
	}
	for _, h := range s.life.hosts {
		h.close()
	}
	s.life.running.Wait()
	s.handover.Close()
	s.handover.Wait()
	s.life.http.Wait()
}

// Cloud describes the server in the way in which [exoauth.Clouds] describes
// those of Microsoft.
func (s *Server) Cloud() exoauth.Cloud {
	return exoauth.Cloud{
		Authority:    "https://" + s.web.ln.Addr().String(),
		Resource:     exoauth.Global.Resource,
		UserResource: exoauth.Global.UserResource,
		IMAP:         s.mail.imap.Addr().String(),
		SMTP:         s.mail.smtp.Addr().String(),
		POP:          s.mail.pop.Addr().String(),
	}
}

// TLSConfig returns a client configuration that trusts the server and nobody
// else. Each call returns a new one, which the caller may change.
func (s *Server) TLSConfig() *tls.Config {
	return s.pki.ClientConfig()
}

// CA returns the certificate of the server's certificate authority in PEM, for
// programs that are told whom to trust by a file.
func (s *Server) CA() []byte {
	return s.pki.PEM()
}

// must is for what fails only if this package is wrong.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("exchangetest: %v", err))
	}
}
