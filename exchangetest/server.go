package exchangetest

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest/internal/access"
	"github.com/exoauth/exoauth/exchangetest/internal/clock"
	"github.com/exoauth/exoauth/exchangetest/internal/clouds"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/entra"
	"github.com/exoauth/exoauth/exchangetest/internal/fault"
	"github.com/exoauth/exoauth/exchangetest/internal/imapd"
	"github.com/exoauth/exoauth/exchangetest/internal/mailserver"
	"github.com/exoauth/exoauth/exchangetest/internal/pki"
	"github.com/exoauth/exoauth/exchangetest/internal/record"
	"github.com/exoauth/exoauth/exchangetest/internal/smtpd"
	"github.com/exoauth/exoauth/exchangetest/internal/token"
)

// A Server is Entra ID and Exchange Online on loopback. Use [Run], [NewServer] or
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
	// section 4.14.2). False means as in Entra ID: an old one goes on to be
	// valid, and a client that mixes them up is not found out.
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

	// IdleTimeout is how long a client may keep a mail server waiting before
	// the session is ended: "* BYE Connection is closed. 13" in IMAP, "-ERR
	// Connection is closed. 13" in POP3, and "421 4.4.1 Connection timed out"
	// in SMTP. Zero means for ever.
	IdleTimeout time.Duration

	maxMessage int64 // zero means Exchange's limit

	clock   *clock.Clock
	pki     *pki.Authority
	dir     *directory.Directory
	mint    *token.Mint
	faults  *fault.Faults
	records *record.Records
	entra   *entra.Server
	life    life
	mail    mailPorts

	home, consumers *Tenant
	web             net.Listener
	transport       *http.Transport // of clients
}

// NewServer starts a server on free ports of 127.0.0.1. The caller should call
// Close when finished. It panics if the machine has no loopback address to
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
		clock: clock.New(), pki: pki.New(append(clouds.Servers(), "localhost")),
		records: new(record.Records), web: listen(),
		life: life{conns: make(map[net.Conn]struct{}), ended: make(chan struct{})},
	}
	s.dir = directory.New(s.clock, "contoso.onmicrosoft.com", "contoso.com")
	s.mint = token.New(s.clock)
	s.faults = &fault.Faults{Clock: s.clock, Logger: slog.New(slog.DiscardHandler)}
	s.entra = entra.New(entra.Config{
		Directory: s.dir, Mint: s.mint, Faults: s.faults, Records: s.records, Clock: s.clock, Address: s.web.Addr().String(),
	})
	s.home, s.consumers = newTenant(s, s.dir.Home), newTenant(s, s.dir.Consumers)
	s.mail = openMailPorts()
	s.transport = &http.Transport{TLSClientConfig: s.TLSConfig(), DialContext: s.dialHTTP}
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
	s.faults.Logger, s.mint.Lifetime = s.Logger, s.TokenLifetime
	s.entra.Logger, s.entra.DeviceInterval, s.entra.RefreshOnce, s.entra.LoopLimit = s.Logger, s.DeviceInterval, s.RefreshOnce, s.LoopLimit
	s.life.serveHTTP(s.httpServer(s.entra.Handler()), s.web, true)
	m := &mailserver.Server{
		Access: &access.Access{Directory: s.dir, Mint: s.mint, Records: s.records, Logger: s.Logger},
		Faults: s.faults, Records: s.records, Clock: s.clock, Logger: s.Logger,
		TLS: s.pki.ServerConfig, IdleTimeout: s.IdleTimeout,
	}
	s.mail.serve(&s.life, m, &imapd.Server{Server: m, MoveBeforeLogin: s.MoveBeforeLogin}, &smtpd.Server{Server: m, MaxMessage: s.maxMessage})
}

// Close ends every session and returns when all goroutines of the server have
// come to their end. What was recorded and what is in the mailboxes can still
// be read. A second call does nothing.
func (s *Server) Close() {
	if !s.life.end() {
		return
	}
	s.clock.Stop()
	s.transport.CloseIdleConnections()
	s.web.Close()
	s.mail.close()
	s.life.running.Wait()
	s.life.http.Wait()
	for _, f := range s.faults.Never() {
		if s.Logger != nil {
			s.Logger.Warn("a fault has never struck", "fault", f)
		}
	}
}

// Now returns the time on the server's clock, which is the machine's plus what
// [Server.Advance] added.
func (s *Server) Now() time.Time { return s.clock.Now() }

// Advance moves the server's clock forward by d. Sessions of mail servers whose
// token has expired by then end, as do those whose client was silent for longer
// than Server.IdleTimeout: at once if they wait for their client, otherwise after
// the command they are at. It panics if d is negative.
func (s *Server) Advance(d time.Duration) {
	if d < 0 {
		panic("exchangetest: Advance by a negative duration")
	}
	s.clock.Advance(d)
}

// SetSkew sets the clock of Entra ID ahead of that of Exchange Online, or
// behind it if d is negative: tokens are issued, and assertions of clients
// judged, by a clock that is wrong by d.
func (s *Server) SetSkew(d time.Duration) { s.mint.Skew.Store(int64(d)) }

// Cloud describes the server in the way in which [exoauth.Clouds] describes
// those of Microsoft.
func (s *Server) Cloud() exoauth.Cloud {
	return exoauth.Cloud{
		Authority:    "https://" + s.web.Addr().String(),
		Resource:     exoauth.Global.Resource,
		UserResource: exoauth.Global.UserResource,
		IMAP:         s.mail.imap.Addr().String(),
		SMTP:         s.mail.smtp.Addr().String(),
		POP:          s.mail.pop.Addr().String(),
	}
}

// Addrs are host:port of the mail servers that are not in [Server.Cloud].
type Addrs struct {
	IMAP string // on which the client starts TLS: port 143 in Exchange Online
	POP  string // on which the client starts TLS: port 110

	// HVE is that of High Volume Email, smtp.hve.mx.microsoft:587 in Microsoft
	// 365, formerly smtp-hve.office365.com:587. Unlike the other SMTP server it
	// refuses a token that expires within ten minutes, and has its own words
	// for a refusal.
	HVE string
}

// Addrs returns the addresses of the mail servers that few clients ask for.
func (s *Server) Addrs() Addrs {
	return Addrs{IMAP: s.mail.plainIMAP.Addr().String(), POP: s.mail.plainPOP.Addr().String(), HVE: s.mail.hve.Addr().String()}
}

// TLSConfig returns a client configuration that trusts the server and nobody
// else. Each call returns a new one, which the caller may change.
func (s *Server) TLSConfig() *tls.Config { return s.pki.ClientConfig() }

// CA returns the certificate of the server's certificate authority in PEM, for
// programs that read from a file whom to trust.
func (s *Server) CA() []byte { return s.pki.PEM() }

// DialContext dials the server's own port if addr is that of an IMAP, POP3 or
// SMTP server of [exoauth.Clouds] or of outlook.com, the ports 143 and 110
// included, on which the client starts TLS, or of High Volume Email; and any
// other addr as [net.Dialer.DialContext] does. It does not speak TLS; the
// server's certificate is valid for all these names, and for 127.0.0.1, ::1 and
// localhost.
func (s *Server) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, s.mail.own(addr))
}

// HTTPClient returns a client that trusts the server and nobody else, and that
// connects to the server if a URL names a login host of [exoauth.Clouds], so that
// a configuration made for production works unchanged. Its idle connections are
// closed by Close.
func (s *Server) HTTPClient() *http.Client { return &http.Client{Transport: s.transport} }

func (s *Server) dialHTTP(ctx context.Context, network, addr string) (net.Conn, error) {
	if host, port, err := net.SplitHostPort(addr); err == nil && port == "443" && clouds.LoginHosts()[strings.ToLower(host)] {
		addr = s.web.Addr().String()
	}
	var d net.Dialer
	return d.DialContext(ctx, network, addr)
}

// SetTokenHandler puts a handler before the token endpoint, to answer in its
// stead or to look on: wrap is given the built-in handler and returns the one
// to use. Nil takes it away. What the handler answers is recorded in
// [Server.Requests] like the endpoint's own answers. The request's form has
// been parsed, and its body can be read again.
func (s *Server) SetTokenHandler(wrap func(next http.Handler) http.Handler) { s.entra.WrapToken(wrap) }

// Hits returns how often an endpoint of Entra ID was asked so far. It is named by
// the last part of its path: "token", "devicecode", "authorize",
// "openid-configuration", "keys", "instance"; and "UserRealm".
func (s *Server) Hits(endpoint string) int { return s.entra.Hits(endpoint) }

// must is for what fails only if this package is wrong.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("exchangetest: %v", err))
	}
}

// check panics with the reason why a call cannot be meant.
func check(method string, err error) {
	if err != nil {
		panic(fmt.Sprintf("exchangetest: %s: %v", method, err))
	}
}
