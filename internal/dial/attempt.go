package dial

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"time"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/internal/wire"
	"github.com/exoauth/exoauth/trace"
)

// The steps that this package names in failures.
const (
	OpQueue        = "queue"
	OpToken        = "token"
	OpConnect      = "connect"
	OpAuthenticate = "authenticate"
)

// Protocol is the part of an attempt that depends on the mail protocol.
type Protocol interface {
	// Prepare brings a connection up to the authentication. If it fails, op is
	// the step.
	Prepare(conn *Conn) (op string, err error)
	// Authenticate sends a token over the connection prepared last. It may be
	// called again after a refusal.
	Authenticate(token string) error
	// Open completes an authenticated session. Op is the step.
	Open() (op string, err error)
}

// Attempt is one call of a Dial. The fields from Source to Shared are those
// of the Dialer, with its defaults.
type Attempt struct {
	Reporter
	Protocol Protocol
	Invalid  error // what is wrong with the user name, nil if nothing; costs no request

	Source      oauth2.TokenSource
	ValidFor    time.Duration // how long a token must still be valid; zero is no minimum
	TLSConfig   *tls.Config
	DialContext DialFunc
	Timeout     time.Duration
	MaxDials    int
	Pace        time.Duration // how long a failure keeps its turn
	DebugWriter io.Writer
	Shared      *Shared

	Server string        // as its last greeting named it
	Tokens Tokens        // that were sent
	Token  *oauth2.Token // the last one of them, nil if there is none

	conn    *Conn
	dialing bool       // within Dial
	event   trace.Dial // of it
}

// Dial waits for its turn, and bounds the time from then on. The connection that
// Prepare was given last is then authenticated and independent of ctx. The error
// is one of [Attempt.Fail].
func (a *Attempt) Dial(ctx context.Context) error {
	begun := time.Now()
	a.dialing = true
	err := a.dial(ctx)
	a.dialing = false
	e := &a.event
	e.Protocol, e.Addr, e.Username, e.Server = a.protocol(), a.Addr, a.Username, a.Server
	e.Took, e.Tokens, e.Err = time.Since(begun), len(a.Tokens), err
	a.Hooks.Dial(*e)
	return err
}

func (a *Attempt) dial(ctx context.Context) error {
	if a.Invalid != nil {
		return a.Fail(ctx, OpAuthenticate, a.Invalid)
	}
	begun := time.Now()
	leave, err := a.Shared.Enter(ctx, a.MaxDials)
	if begun = since(&a.event.Steps.Queue, begun); err != nil {
		return a.Fail(ctx, OpQueue, err)
	}
	bounded, cancel := WithTimeout(ctx, a.Timeout)
	defer cancel()
	err = a.run(bounded)
	if early := a.Pace - time.Since(begun); err != nil && early > 0 {
		time.AfterFunc(early, leave)
	} else {
		leave()
	}
	return err
}

func (a *Attempt) run(ctx context.Context) error {
	if err := login(ctx, a, a.Source, a.ValidFor); err != nil {
		return err
	}
	a.Log(ctx, slog.LevelDebug, "authenticated", "server", a.Server)
	begun := time.Now()
	op, err := a.Protocol.Open()
	since(&a.event.Steps.Open, begun)
	if err == nil && !a.conn.Release() {
		err = net.ErrClosed
	}
	if err != nil {
		a.conn.Close()
		return a.Fail(ctx, op, err)
	}
	return nil
}

// Fail returns the dialer's error for a step.
func (a *Attempt) Fail(ctx context.Context, op string, err error) error {
	op, e := a.fail(ctx, op, err, a.Server, a.Tokens)
	if a.dialing { // not in a session, where several goroutines may fail
		a.event.Step = op
	}
	return e
}

// since adds the time since begun to a step, and returns the end of that.
func since(step *time.Duration, begun time.Time) (now time.Time) {
	now = time.Now()
	*step += now.Sub(begun)
	return now
}

// Wire returns a conversation on conn in which the tokens are masked.
func (a *Attempt) Wire(conn *Conn) *wire.Conn {
	w := wire.NewConn(conn, a.Shared.DebugWriter(a.DebugWriter))
	w.Mask(a.Tokens...)
	return w
}

// TLS returns the settings for the server.
func (a *Attempt) TLS() *tls.Config { return a.Shared.ClientTLS(a.TLSConfig, a.Addr) }

func (a *Attempt) connect(ctx context.Context, refusal error) error {
	begun := time.Now()
	conn, err := Dial(ctx, a.DialContext, a.Addr)
	if begun = since(&a.event.Steps.Connect, begun); err != nil {
		return a.Fail(ctx, OpConnect, After(err, refusal))
	}
	a.conn = conn
	op, err := a.Protocol.Prepare(conn)
	since(&a.event.Steps.Greeting, begun.Add(conn.handshake))
	a.event.Steps.TLS += conn.handshake
	if err != nil {
		conn.Close()
		return a.Fail(ctx, op, After(err, refusal))
	}
	a.Log(ctx, slog.LevelDebug, "connected", "server", a.Server)
	return nil
}

func (a *Attempt) authenticate(token *oauth2.Token) error {
	a.Token = token
	if token.AccessToken != "" {
		a.Tokens = append(a.Tokens, token.AccessToken)
	}
	defer since(&a.event.Steps.Authenticate, time.Now())
	return a.Protocol.Authenticate(token.AccessToken)
}

func (a *Attempt) took(token time.Duration) { a.event.Steps.Token = token }

func (a *Attempt) judge(err error) Answer { return a.Judge(err) }

func (a *Attempt) refused(ctx context.Context, refusal error) {
	a.Log(ctx, slog.LevelInfo, "token refused, trying a fresh one", "refusal", refusal)
}

func (a *Attempt) close() { a.conn.Close() }
