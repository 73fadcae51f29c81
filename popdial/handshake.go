package popdial

import (
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/internal/wire"
	"github.com/exoauth/exoauth/xoauth2"
)

// session is a connection on the way to a client. Its methods return plain
// errors; attempt gives them the step.
type session struct {
	*dial.Conn
	wire  *wire.Conn
	addr  string
	mech  string // SASL mechanism
	begun bool   // the server waits for the initial response
	known bool   // to be Exchange Online, by its address
}

func newSession(conn *dial.Conn, w *wire.Conn) *session {
	return &session{Conn: conn, wire: w, mech: xoauth2.Mechanism}
}

// greet reads the greeting and returns the front end that it names.
func (s *session) greet() (server string, err error) {
	r, err := s.expect()
	return s.wire.Scrub(wire.FrontEnd(r.text)), err
}

// upgrade runs STLS.
func (s *session) upgrade(config *tls.Config) (op Op, err error) {
	if err := s.write("STLS"); err != nil {
		return OpStartTLS, err
	}
	if _, err := s.expect(); err != nil {
		return OpStartTLS, err
	}
	if err := s.wire.Drained(); err != nil {
		return OpStartTLS, err
	}
	return OpTLS, s.StartTLS(config)
}

// offered makes sure that the server takes XOAUTH2, or OAUTHBEARER if it does
// not. It simply begins, since CAPA would take another round trip.
func (s *session) offered() error {
	err := s.begin(xoauth2.Mechanism)
	if errors.Is(err, ErrNoXOAUTH2) && !s.known && s.begin(xoauth2.OAuthBearer) == nil {
		return nil
	}
	return err
}

// begin takes the first of the two steps of AUTH (RFC 5034 §4). Exchange takes
// no initial response in the line of AUTH.
func (s *session) begin(mech string) error {
	if err := s.write("AUTH " + mech); err != nil {
		return err
	}
	r, err := s.read()
	switch refusal := r.err(); {
	case err != nil:
		return err
	case r.status == "+":
		s.mech, s.begun = mech, true
		return nil
	case r.status == "+OK":
		return s.unexpected(r.line)
	case refusal.Retryable():
		return refusal
	default:
		return fmt.Errorf("%w: %w", ErrNoXOAUTH2, refusal)
	}
}

// authenticate runs the rest of AUTH, or all of it after a refusal. A refusal is
// a *ReplyError, and an *xoauth2.Error besides if the server sent a challenge
// first.
func (s *session) authenticate(username, token string) error {
	client := xoauth2.NewClient(username, token)
	if s.mech == xoauth2.OAuthBearer {
		client = xoauth2.NewOAuthBearerClient(username, token, s.addr)
	}
	err := dial.SASL(s.wire, client, token, func(mech, initial string) error {
		if !s.begun {
			if err := s.begin(mech); err != nil {
				return err
			}
		}
		s.begun = false
		return s.write(initial)
	}, func() (dial.Reply, error) {
		r, err := s.read()
		if err != nil {
			return dial.Reply{}, err
		}
		if r.status == "+" {
			return dial.Reply{Goes: true, Challenge: r.text, Err: s.unexpected(r.line)}, nil
		}
		return dial.Reply{OK: r.status == "+OK", Err: r.err()}, nil
	})
	return s.tooLong(err, token)
}

// tooLong wraps err in ErrTokenTooLong if the token is too long and Exchange
// has not judged it, but found fault with the line or hung up.
func (s *session) tooLong(err error, token string) error {
	reply, replied := errors.AsType[*ReplyError](err)
	if err == nil || !s.known || len(token) <= maxToken || replied && !reply.malformed() {
		return err
	}
	return fmt.Errorf("%w (it has %d): %w", ErrTokenTooLong, len(token), err)
}

// write sends a line. If the server has hung up with an unsolicited refusal,
// that is the error.
func (s *session) write(line string) error {
	err := s.wire.WriteLines(line)
	if err == nil {
		return nil
	}
	if last, unread := s.read(); unread == nil && last.status == "-ERR" {
		return last.err()
	}
	return err
}

// expect reads a reply, which must be +OK.
func (s *session) expect() (reply, error) {
	r, err := s.read()
	switch {
	case err != nil:
	case r.status == "-ERR":
		err = r.err()
	case r.status != "+OK":
		err = s.unexpected(r.line)
	}
	return r, err
}

// read reads the first line of a reply.
func (s *session) read() (reply, error) {
	line, err := s.wire.ReadLine()
	switch r, ok := parse(line, s.wire.Scrub); {
	case err != nil:
		return r, err
	case !ok:
		return r, s.unexpected(line)
	default:
		return r, nil
	}
}

// unexpected returns the error for a line that is out of place.
func (s *session) unexpected(line string) error {
	return fmt.Errorf("%w: the server said %q", ErrProtocol, plain.Head(s.wire.Scrub(line), 200))
}
