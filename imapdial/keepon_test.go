package imapdial_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokensource"
)

const notConnectedLine = "User is authenticated but not connected."

// A trouble is a way in which the next session fails to come.
type trouble struct {
	token  error                         // of the TokenSource
	source func() (*oauth2.Token, error) // in its place
	dial   error                         // of DialContext
	play   mailtest.Script               // of the server
	change func(d *imapdial.Dialer)      // from the beginning
	first  func() mailtest.Script        // the session before the trouble; nil is an hour of NOOPs
}

// rig is a Dialer whose server and source are in trouble while troubled is
// true.
type rig struct {
	*imapdial.Dialer
	trouble
	healthy  mailtest.Script
	troubled atomic.Bool
	tries    atomic.Int32 // in trouble
	tokens   atomic.Int32
}

func newRig(t testing.TB, why trouble) *rig {
	r := &rig{Dialer: scripted(t, nil), trouble: why, healthy: answering(time.Hour)}
	if why.first != nil {
		r.healthy = why.first()
	}
	r.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		play := r.healthy
		if r.troubled.Load() && r.play != nil {
			r.tries.Add(1)
			play = r.play
		}
		if r.troubled.Load() && (r.source != nil || r.token != nil) {
			play = deserted
		}
		if r.troubled.Load() && r.dial != nil {
			r.tries.Add(1)
			return nil, r.dial
		}
		return mailtest.OverTLS(play).For(t)(ctx, network, addr)
	}
	r.TokenSource = sourceFunc(func(ctx context.Context) (*oauth2.Token, error) {
		issued := r.tokens.Add(1)
		switch {
		case r.troubled.Load() && r.source != nil:
			r.tries.Add(1)
			return r.source()
		case r.troubled.Load() && r.token != nil:
			r.tries.Add(1)
			return nil, r.token
		}
		return &oauth2.Token{AccessToken: fmt.Sprintf("token-%d", issued)}, nil
	})
	if why.change != nil {
		why.change(r.Dialer)
	}
	return r
}

// azidentityError is as azidentity.AuthenticationFailedError is without a
// network: it neither unwraps nor has a method Retryable.
type azidentityError struct{ text string }

func (e *azidentityError) Error() string { return e.text }
func (*azidentityError) NonRetriable()   {}

var (
	noSuchHost    = &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "login.microsoftonline.com", IsNotFound: true}}
	captivePortal = &tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: new(x509.Certificate), Host: "login.microsoftonline.com"}}
)

// troubles pass. Each is that of a mailbox that has been open.
var troubles = map[string]trouble{
	"source: a plain error":                          {token: errors.New("the vault is sealed")},
	"source: azidentity without a network":           {token: &azidentityError{"ClientSecretCredential authentication failed. FromClientSecret(): dial tcp: lookup login.microsoftonline.com: no such host"}},
	"source: MSAL Go without a network":              {token: fmt.Errorf("http call(%s)(%s) error: %v", "https://login.microsoftonline.com", "GET", noSuchHost)},
	"source: error that says it is not temporary":    {token: temporaryError(false)},
	"source: cache away":                             {token: &tokencache.Error{Err: errors.New("redis: connection pool timeout")}},
	"source: cancelled by another who waited":        {token: context.Canceled},
	"source: neither a token nor an error":           {source: func() (*oauth2.Token, error) { return nil, nil }},
	"source: empty token":                            {source: func() (*oauth2.Token, error) { return new(oauth2.Token), nil }},
	"source: x/oauth2, 400":                          {token: &oauth2.RetrieveError{Response: &http.Response{StatusCode: 400}, ErrorCode: "invalid_client"}},
	"Entra ID: NXDOMAIN":                             {token: &tokensource.Error{Err: &url.Error{Op: "Post", Err: noSuchHost}}},
	"Entra ID: captive portal, certificate":          {token: &tokensource.Error{Err: &url.Error{Op: "Post", Err: captivePortal}}},
	"Entra ID: captive portal, its page":             {token: &tokensource.Error{StatusCode: 200, Err: errors.New("the sign-in host answered with text/html")}},
	"Entra ID: proxy wants a password":               {token: &tokensource.Error{Err: &url.Error{Op: "Post", Err: errors.New(http.StatusText(http.StatusProxyAuthRequired))}}},
	"Entra ID: refused without a reason":             {token: &tokensource.Error{StatusCode: 400, Code: "invalid_request"}},
	"Entra ID: assertion's file is away":             {token: &tokensource.Error{Err: &tokensource.ConfigError{Field: "AssertionFile", Problem: "cannot be read", Err: &fs.PathError{Op: "open", Path: "token", Err: syscall.ENOENT}}}},
	"network: NXDOMAIN":                              {dial: noSuchHost},
	"network: connection refused":                    {dial: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}},
	"network: proxy refuses":                         {dial: errors.New("socks connect tcp outlook.office365.com:993: general SOCKS server failure")},
	"network: captive portal, certificate":           {dial: captivePortal},
	"network: captive portal, HTTP":                  {play: func(p *mailtest.Peer) { p.Say("HTTP/1.1 302 Found", "Location: http://portal.example.com/") }},
	"server: silence until the Dialer's own Timeout": {play: mailtest.Silence},
	"server: no XOAUTH2": {play: func(p *mailtest.Peer) { p.Say("* OK [CAPABILITY IMAP4rev1] x"); p.Hear() },
		change: func(d *imapdial.Dialer) { d.Addr = mailtest.Host + ":993" }, first: func() mailtest.Script {
			return func(p *mailtest.Peer) {
				p.Say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] x")
				p.Say(p.Tag("AUTHENTICATE") + " OK in")
				openProbe(p)
				answer(p, time.Hour)
			}
		}},
	"server: words that are no IMAP": {play: greeted(func(p *mailtest.Peer, _ string) { p.Say(")(") })},
	"server: refusal":                {play: refusing("NO AUTHENTICATE failed.")},
	"server: refusal, a reason":      {play: refusing(`NO [Error="AuthFailed:LogonDenied-None-OAuthLog:AuthExc_Auth Failed."]`)},
	"server: BYE before NO": {play: greeted(func(p *mailtest.Peer, tag string) {
		p.Say("* BYE Too many connections. 42", tag+" NO AUTHENTICATE failed.")
	})},
	"server: too many connections":     {play: refusing("NO [ALERT] Too many simultaneous connections. (Failure)")},
	"server: unavailable":              {play: refusing("NO Server Unavailable. 15")},
	"server: throttled":                {play: refusing("NO " + throttledFor + "60000 milliseconds")},
	"mailbox: not connected, probe":    {play: authenticated(func(p *mailtest.Peer, capability, _ string) { p.Say(capability + " BAD " + notConnectedLine) })},
	"mailbox: not connected, to login": {play: refusing("NO " + notConnectedLine)},
	"mailbox: not connected, command":  {play: answering(0, "tag BAD "+notConnectedLine)},
	"mailbox: not connected, BYE":      {play: answering(0, "tag BAD "+notConnectedLine, "* BYE Connection closed. 14")},
	"mailbox: probe refused":           {play: authenticated(func(p *mailtest.Peer, _, namespace string) { p.Say(namespace + " BAD Command Error. 12") })},
}

// A failure that passes does not end Keep, however long it lasts, once the
// mailbox has been open.
func TestKeepGoesOn(t *testing.T) {
	const outage = 3 * time.Hour
	for name, trouble := range troubles {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
				defer cancel()
				r := newRig(t, trouble)
				again := errors.New("called again after the outage")
				start, sessions := time.Now(), 0
				err := r.Keep(ctx, mailbox, nil, func(ctx context.Context, c *imapclient.Client) error {
					if sessions++; sessions > 1 && !r.troubled.Load() {
						return again
					}
					err := noops(ctx, c)
					if sessions == 1 {
						r.troubled.Store(true)
						time.AfterFunc(outage, func() { r.troubled.Store(false) })
					}
					return err
				})
				if err != again {
					t.Fatalf("after %v: %v", time.Since(start), err)
				}
				if r.tries.Load() < 5 {
					t.Errorf("%d tries in %v", r.tries.Load(), outage)
				}
				if late := time.Since(start) - time.Hour - outage; late > 6*time.Minute {
					t.Errorf("called again %v after the outage", late)
				}
			})
		})
	}
	t.Logf("%d failures", len(troubles))
}

// What passes is tried again before there has been a session, too, unless it
// looks like what a person must mend.
func TestKeepGoesOnFromTheStart(t *testing.T) {
	for _, name := range []string{
		"source: a plain error", "source: azidentity without a network", "source: cache away", "Entra ID: NXDOMAIN",
		"Entra ID: captive portal, certificate", "network: connection refused", "network: proxy refuses", "server: BYE before NO",
		"server: silence until the Dialer's own Timeout", "server: unavailable", "server: throttled", "server: words that are no IMAP",
		"mailbox: probe refused",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
				defer cancel()
				r := newRig(t, troubles[name])
				r.troubled.Store(true)
				time.AfterFunc(time.Hour, func() { r.troubled.Store(false) })
				called := errors.New("called")
				if err := r.Keep(ctx, mailbox, nil, func(context.Context, *imapclient.Client) error { return called }); err != called {
					t.Errorf("error %v", err)
				}
			})
		})
	}
	t.Run("no fresh token after a refusal", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := servers(t, refusing("NO AUTHENTICATE failed."), forever)
			asked := 0
			l.TokenSource = sourceFunc(func(context.Context) (*oauth2.Token, error) {
				if asked++; asked == 2 {
					return nil, noSuchHost
				}
				return &oauth2.Token{AccessToken: fmt.Sprintf("token-%d", asked)}, nil
			})
			if err := l.Keep(t.Context(), mailbox, nil, func(context.Context, *imapclient.Client) error { return nil }); err != nil {
				t.Error(err)
			}
		})
	})
}

// "Not connected" of a mailbox that has been open is what diagnose says waiting
// of three to five minutes mends.
func TestKeepWaitsWhileNotConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		no := refusing("NO " + notConnectedLine)
		l := servers(t, answering(time.Hour), no, no, no, forever)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
		defer cancel()
		l.Keep(ctx, mailbox, nil, noops)
		if len(l.dials) != 5 {
			t.Fatalf("dials at %v, want 5", l.dials)
		}
		for i := 2; i < 5; i++ {
			if got := l.dials[i] - l.dials[i-1]; got < 3*time.Minute || got > 5*time.Minute {
				t.Errorf("dial %d after %v, want three to five minutes", i+1, got)
			}
		}
	})
}

// What a person must mend ends Keep, and the error says what it is.
func TestKeepStops(t *testing.T) {
	interaction := fmt.Errorf("sign in at https://www.example.com/: %w", tokensource.ErrInteractionRequired)
	config := &tokensource.ConfigError{Field: "Tenant", Value: "contoso com", Problem: "neither an id nor a domain", Remedy: "look it up"}
	away := &tokensource.ConfigError{Field: "AssertionFile", Problem: "cannot be read", Err: &fs.PathError{Op: "open", Path: "token", Err: syscall.ENOENT}}
	source := func(err error) func(d *imapdial.Dialer) {
		return func(d *imapdial.Dialer) {
			d.TokenSource = sourceFunc(func(context.Context) (*oauth2.Token, error) { return nil, err })
		}
	}
	for name, test := range map[string]struct {
		username string // "" is mailbox
		plays    []mailtest.Script
		change   func(d *imapdial.Dialer)
		op       imapdial.Op
		reason   string // in the error
		dials    int
	}{
		"sign-in needed":                    {change: source(interaction), op: imapdial.OpToken, reason: "a person has to sign in"},
		"sign-in needed, of Entra ID":       {change: source(&tokensource.Error{StatusCode: 400, Code: "interaction_required"}), op: imapdial.OpToken, reason: "interaction_required"},
		"setting of tokensource":            {change: source(config), op: imapdial.OpToken, reason: "Tenant"},
		"setting of tokensource, in others": {change: source(&tokensource.Error{Err: config}), op: imapdial.OpToken, reason: "neither an id nor a domain"},
		"file that was never there":         {change: source(away), op: imapdial.OpToken, reason: "cannot be read"},
		"no source":                         {change: func(d *imapdial.Dialer) { d.TokenSource = nil }, op: imapdial.OpToken, reason: "TokenSource is nil"},
		"user name with a line end":         {username: "a\r\nb", op: imapdial.OpAuthenticate, reason: "control character"},
		"refused again with a fresh token": {plays: []mailtest.Script{greeted(func(p *mailtest.Peer, tag string) {
			p.Say(tag + " NO AUTHENTICATE failed.")
			p.Say(p.Tag("AUTHENTICATE") + " NO AUTHENTICATE failed.")
		})}, change: func(d *imapdial.Dialer) { d.TokenSource = &renewingSource{tokens: []string{"stale", "fresh"}} },
			op: imapdial.OpAuthenticate, reason: "AUTHENTICATE failed.", dials: 1},
		"refused, and the source has no other": {plays: []mailtest.Script{refusing("NO AUTHENTICATE failed.")}, op: imapdial.OpAuthenticate, reason: "AUTHENTICATE failed.", dials: 1},
		"refused, and somebody has to sign in": {plays: []mailtest.Script{refusing("NO AUTHENTICATE failed.")}, change: func(d *imapdial.Dialer) {
			asked := 0
			d.TokenSource = sourceFunc(func(context.Context) (*oauth2.Token, error) {
				if asked++; asked > 1 {
					return nil, interaction
				}
				return &oauth2.Token{AccessToken: "stale"}, nil
			})
		}, op: imapdial.OpAuthenticate, reason: "a person has to sign in", dials: 1},
		"refused after a while": {plays: []mailtest.Script{nil, refusing("NO AUTHENTICATE failed.")}, op: imapdial.OpAuthenticate, reason: "AUTHENTICATE failed.", dials: 2},
		"not connected, at the probe": {plays: []mailtest.Script{troubles["mailbox: not connected, probe"].play},
			op: imapdial.OpOpen, reason: notConnectedLine, dials: 1},
		"not connected, at a command without the probe": {plays: []mailtest.Script{greeted(func(p *mailtest.Peer, tag string) {
			p.Say(tag + " OK AUTHENTICATE completed.")
			for tag, _ := p.TagVerb(); tag != ""; tag, _ = p.TagVerb() {
				p.Say(tag + " BAD " + notConnectedLine)
			}
		})}, change: func(d *imapdial.Dialer) { d.SkipProbe = true }, op: imapdial.OpSession, reason: notConnectedLine, dials: 1},
		"account blocked after a session": {plays: []mailtest.Script{answering(time.Hour), refusing("NO LOGIN failed. Account is blocked. Login to your account via a web browser to verify your identity.")},
			op: imapdial.OpAuthenticate, reason: "Account is blocked", dials: 2},
		"account without a mailbox": {plays: []mailtest.Script{refusing("NO [AUTHORIZATIONFAILED] Account does not have a valid mailbox.")},
			op: imapdial.OpAuthenticate, reason: "valid mailbox", dials: 1},
		"certificate of somebody else": {change: func(d *imapdial.Dialer) { d.TLSConfig = nil }, op: imapdial.OpTLS, reason: "unknown authority", dials: 1},
		"no XOAUTH2": {plays: []mailtest.Script{func(p *mailtest.Peer) { p.Say("* OK [CAPABILITY IMAP4rev1] x") }},
			change: func(d *imapdial.Dialer) { d.Addr = mailtest.Host + ":993" }, op: imapdial.OpCapability, reason: "neither AUTH=XOAUTH2", dials: 1},
		"another protocol": {plays: []mailtest.Script{func(p *mailtest.Peer) { p.Say("220 mail.example.com ESMTP") }}, op: imapdial.OpGreeting, reason: "220 mail.example.com", dials: 1},
		"no such host": {change: func(d *imapdial.Dialer) {
			d.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, noSuchHost }
		}, op: imapdial.OpConnect, reason: "no such host"},
		"address without a port": {change: func(d *imapdial.Dialer) {
			d.Addr, d.DialContext = "localhost", nil
		}, op: imapdial.OpConnect, reason: "missing port"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				plays := test.plays
				if plays == nil { // there is no token, or no connection, so none authenticates
					plays = []mailtest.Script{deserted}
				}
				l := servers(t, plays...)
				if test.change != nil {
					test.change(l.Dialer)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
				defer cancel()
				username := mailbox
				if test.username != "" {
					username = test.username
				}
				err := l.Keep(ctx, username, nil, noops)
				t.Log(err)
				if e, ok := errors.AsType[*imapdial.Error](err); !ok || e.Op != test.op || ctx.Err() != nil || !strings.Contains(fmt.Sprint(err), test.reason) {
					t.Errorf("error %v, want one of step %s with %q", err, test.op, test.reason)
				}
				if test.dials > 0 && len(l.dials) != test.dials {
					t.Errorf("%d dials, want %d", len(l.dials), test.dials)
				}
			})
		})
	}
}

// What kept the mailbox closed is in the error when the context ends.
func TestKeepTellsTheLastFailure(t *testing.T) {
	for name, test := range map[string]struct {
		plays []mailtest.Script
		want  string // in the error; "" for the error of the context alone
	}{
		"during the second try":         {[]mailtest.Script{nil, mailtest.Silence}, "connection refused"},
		"during the pause":              {[]mailtest.Script{nil}, "connection refused"},
		"during a try that was refused": {[]mailtest.Script{greeted(func(p *mailtest.Peer, _ string) { p.Say("* BYE Too many connections. 42"); mailtest.Silence(p) })}, "Too many connections"},
		"while the mailbox is open":     {[]mailtest.Script{nil, nil, forever}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := servers(t, test.plays...)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second+time.Millisecond)
				defer cancel()
				err := l.Keep(ctx, mailbox, nil, noops)
				if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want that of the context and %q", err, test.want)
				}
				if test.want == "" && err != context.DeadlineExceeded {
					t.Errorf("error %v, want that of the context alone", err)
				}
			})
		})
	}
}
