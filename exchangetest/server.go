package exchangetest

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
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
// Set the exported fields between [NewUnstartedServer] and [Server.Start], and
// do not change them afterwards.
type Server struct {
	// TokenLifetime is how long the access tokens of the token endpoint are
	// valid. Zero means a random time between 60 and 90 minutes for each, as in
	// Entra ID. If it is more than two hours, the response has "refresh_in",
	// half of the lifetime, as Entra ID sends it to clients with continuous
	// access evaluation, whose tokens are valid for 24 to 28 hours.
	TokenLifetime time.Duration

	// DeviceInterval is how long a client must wait between two polls for a
	// device code. Zero means five seconds, as in Entra ID. Set it lower to
	// make a test faster; the response has parts of a second as a fraction,
	// which some clients cannot read.
	DeviceInterval time.Duration

	// RefreshOnce makes a refresh token valid for one use only; a second use
	// ends the whole sign-in, as with other authorization servers (RFC 9700
	// §4.14.2). False means that old refresh tokens remain valid, as in Entra
	// ID, so a client that mixes them up goes unnoticed.
	RefreshOnce bool

	// Logger receives what clients do and why they are refused. Nothing logged
	// contains a token or a secret. Nil means no logging.
	Logger *slog.Logger

	// MoveBeforeLogin makes the IMAP server announce MOVE before
	// authentication, as only some servers of Exchange Online do.
	MoveBeforeLogin bool

	// LoopLimit is how often a client may send the same token request within
	// ten seconds. Further requests are refused: in a flow for a user for two
	// minutes (AADSTS50196), and with client credentials for one minute, with
	// status 429 and a Retry-After. Polls for a device code do not count. Zero
	// means no limit.
	LoopLimit int

	// IdleTimeout is how long a client may be silent before a mail server ends
	// the session, with "* BYE Connection is closed. 13" in IMAP, "-ERR
	// Connection is closed. 13" in POP3, and "421 4.4.1 Connection timed out"
	// in SMTP. Zero means forever.
	IdleTimeout time.Duration

	// Listen has the addresses to listen on. An empty field means a free port of
	// 127.0.0.1. Whoever can reach another address can read every mailbox of the
	// server, so choose one that only your tests can reach.
	Listen Addrs

	// Name is the host name or IP address by which clients reach the server. It
	// stands in [Server.Cloud], [Server.Addrs] and the documents of Entra ID, and
	// the certificate is valid for it. Empty means the address listened on, or
	// 127.0.0.1 for a server that listens on every address.
	Name string

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
// that you can set its fields. The caller should call Start, and Close when
// finished.
func NewUnstartedServer() *Server {
	s := &Server{
		clock: clock.New(), pki: pki.New(append(clouds.Servers(), "localhost")),
		records: new(record.Records), web: listen(freePort),
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
// started or closed before, or if it cannot listen on an address of
// Server.Listen.
func (s *Server) Start() {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	if s.life.started || s.life.closed {
		panic("exchangetest: Start of a server that was started or closed already")
	}
	s.life.started = true
	if s.Name != "" {
		s.pki.AddName(s.Name)
	}
	relisten(&s.web, s.Listen.Entra)
	s.mail.relisten(s.Listen)
	s.entra.Address = s.address(s.web)
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
// ended. The records and the mailboxes can still be read. A second call does
// nothing.
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

// Now returns the time on the server's clock: the machine's time plus what
// [Server.Advance] added.
func (s *Server) Now() time.Time { return s.clock.Now() }

// Advance moves the server's clock forward by d. Mail sessions whose token has
// expired by then end, and so do those whose client was silent for longer than
// Server.IdleTimeout: at once if they are waiting for the client, otherwise
// after the current command. Advance panics if d is negative.
func (s *Server) Advance(d time.Duration) {
	if d < 0 {
		panic("exchangetest: Advance by a negative duration")
	}
	s.clock.Advance(d)
}

// SetSkew sets the clock of Entra ID ahead of that of Exchange Online, or
// behind it if d is negative. Entra ID issues tokens, and judges the assertions
// of clients, by a clock that is wrong by d.
func (s *Server) SetSkew(d time.Duration) { s.mint.Skew.Store(int64(d)) }

// Cloud returns the addresses of the server, in the form in which
// [exoauth.Clouds] has Microsoft's.
func (s *Server) Cloud() exoauth.Cloud {
	return exoauth.Cloud{
		Authority:    "https://" + s.address(s.web),
		Resource:     exoauth.Global.Resource,
		UserResource: exoauth.Global.UserResource,
		IMAP:         s.address(s.mail.imap),
		SMTP:         s.address(s.mail.smtp),
		POP:          s.address(s.mail.pop),
	}
}

// address returns where clients find a listener.
func (s *Server) address(ln net.Listener) string {
	at := ln.Addr().(*net.TCPAddr)
	host := s.Name
	if host == "" && at.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(cmp.Or(host, at.IP.String()), strconv.Itoa(at.Port))
}

// Addrs are the addresses of the server, each a host:port.
type Addrs struct {
	Entra        string // by HTTPS
	IMAP         string // with TLS from the first octet: port 993 in Exchange Online
	IMAPStartTLS string // on which the client starts TLS: port 143
	POP          string // with TLS from the first octet: port 995
	POPStartTLS  string // on which the client starts TLS: port 110
	SMTP         string // on which the client starts TLS: port 587

	// HVE is the address of High Volume Email, which is
	// smtp.hve.mx.microsoft:587 in Microsoft 365, formerly
	// smtp-hve.office365.com:587. Unlike the other SMTP server, it refuses a
	// token that expires within ten minutes, and its refusals have other texts.
	HVE string
}

// Addrs returns the addresses by which clients reach the server.
func (s *Server) Addrs() Addrs {
	m := s.mail
	return Addrs{
		Entra: s.address(s.web), IMAP: s.address(m.imap), IMAPStartTLS: s.address(m.plainIMAP),
		POP: s.address(m.pop), POPStartTLS: s.address(m.plainPOP), SMTP: s.address(m.smtp), HVE: s.address(m.hve),
	}
}

// TLSConfig returns a client configuration that trusts only the server. Each
// call returns a new one, which the caller may change.
func (s *Server) TLSConfig() *tls.Config { return s.pki.ClientConfig() }

// CA returns the certificate of the server's certificate authority in PEM, for
// programs that read it from a file.
func (s *Server) CA() []byte { return s.pki.PEM() }

// DialContext connects to the server if addr is that of an IMAP, POP3 or SMTP
// server of [exoauth.Clouds], of outlook.com or of High Volume Email. This
// includes the ports 143 and 110, for STARTTLS and STLS. It connects to any
// other addr as [net.Dialer.DialContext] does. The connection is not encrypted
// yet. The server's certificate is valid for all these names, and for
// 127.0.0.1, ::1 and localhost.
func (s *Server) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, s.mail.own(addr))
}

// HTTPClient returns a client that trusts only the server, and connects to it
// if a URL has a login host of [exoauth.Clouds], so a production configuration
// works unchanged. Close closes its idle connections.
func (s *Server) HTTPClient() *http.Client { return &http.Client{Transport: s.transport} }

func (s *Server) dialHTTP(ctx context.Context, network, addr string) (net.Conn, error) {
	if host, port, err := net.SplitHostPort(addr); err == nil && port == "443" && clouds.LoginHosts()[strings.ToLower(host)] {
		addr = s.web.Addr().String()
	}
	var d net.Dialer
	return d.DialContext(ctx, network, addr)
}

// SetTokenHandler puts a handler before the token endpoint, which can answer
// itself or only observe: wrap takes the built-in handler and returns the one
// to use. A nil wrap removes the handler. Its answers are recorded in
// [Server.Requests] like the endpoint's own. The form of a request is parsed
// already, and its body can be read again.
func (s *Server) SetTokenHandler(wrap func(next http.Handler) http.Handler) { s.entra.WrapToken(wrap) }

// Hits returns the number of requests to an endpoint of Entra ID so far. The
// name of an endpoint is the last part of its path: "token", "devicecode",
// "authorize", "openid-configuration", "keys" or "instance"; or it is
// "UserRealm".
func (s *Server) Hits(endpoint string) int { return s.entra.Hits(endpoint) }

// must panics on an error that only a fault of this package can cause.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("exchangetest: %v", err))
	}
}

// check panics if a call is a mistake, with the reason.
func check(method string, err error) {
	if err != nil {
		panic(fmt.Sprintf("exchangetest: %s: %v", method, err))
	}
}
