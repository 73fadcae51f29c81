package imapdial

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/imapwire"
	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/internal/verdict"
	"github.com/exoauth/exoauth/internal/wire"
	"github.com/exoauth/exoauth/xoauth2"
)

// session is a connection on the way to a client. Its methods return plain
// errors; attempt gives them the step.
type session struct {
	*dial.Conn
	wire    *wire.Conn
	addr    string
	caps    []string // as the server last told, nil if it has not; see offers
	mech    string   // SASL mechanism
	inline  bool     // the server takes an initial response
	server  *string  // is set to the front end in the greeting
	early   bool     // the greeting is still to come
	known   bool     // to be Exchange Online, by its address
	lastTag int
}

func newSession(conn *dial.Conn, w *wire.Conn) *session {
	return &session{Conn: conn, wire: w, mech: xoauth2.Mechanism, server: new(string)}
}

// greet reads the greeting.
func (s *session) greet() error {
	r, err := s.read()
	switch {
	case err != nil:
		return err
	case r.Tag != "*" || r.Kind == "PREAUTH" || !r.IsStatus():
		return s.unexpected(r.Line)
	case r.Kind != "OK":
		return r.Err()
	}
	*s.server = s.wire.Scrub(wire.FrontEnd(r.Text))
	return nil
}

// upgrade runs STARTTLS. What the server said in the clear is forgotten.
func (s *session) upgrade(config *tls.Config) (op Op, err error) {
	if err := s.command("STARTTLS"); err != nil {
		return OpStartTLS, err
	}
	s.caps = nil
	if err := s.wire.Drained(); err != nil {
		return OpStartTLS, err
	}
	return OpTLS, s.StartTLS(config)
}

// offered makes sure that the server takes XOAUTH2, or OAUTHBEARER if that is
// all it has, from its greeting or by asking. LOGINDISABLED is about passwords
// and does not matter.
func (s *session) offered() error {
	if s.caps == nil {
		if err := s.command("CAPABILITY"); err != nil {
			return err
		}
	}
	switch {
	case s.offers("AUTH=" + xoauth2.Mechanism):
	case s.offers("AUTH=" + xoauth2.OAuthBearer):
		s.mech = xoauth2.OAuthBearer
	default:
		return fmt.Errorf("%w, only %s", ErrNoXOAUTH2, plain.Line(s.wire.Scrub(strings.Join(s.caps, " "))))
	}
	s.inline = s.offers("SASL-IR") || s.offers("IMAP4rev2")
	return nil
}

// offers reports whether the server has announced a capability, in upper or
// lower case.
func (s *session) offers(capability string) bool {
	return slices.ContainsFunc(s.caps, func(c string) bool { return strings.EqualFold(c, capability) })
}

// authenticate runs AUTHENTICATE. A refusal is an *imap.Error, and an
// *xoauth2.Error besides if the server sent a challenge first.
func (s *session) authenticate(username, token string) error {
	client := xoauth2.NewClient(username, token)
	if s.mech == xoauth2.OAuthBearer {
		client = xoauth2.NewOAuthBearerClient(username, token, s.addr)
	}
	s.caps = nil // they change with the authentication
	var tags []string
	return dial.SASL(s.wire, client, token, func(mech, initial string) (err error) {
		command := "AUTHENTICATE " + mech
		if s.inline {
			command += " " + initial
		}
		tags, err = s.send(command)
		if s.early {
			s.early = false
			if err := s.greet(); err != nil {
				return &dial.StepError{Op: string(OpGreeting), Err: err}
			}
		}
		return err
	}, func() (dial.Reply, error) { return s.saslReply(tags) })
}

// saslReply reads the answer to AUTHENTICATE, or a challenge before it.
func (s *session) saslReply(tags []string) (dial.Reply, error) {
	r, err := s.readTagged(tags...)
	switch {
	case err != nil:
		return dial.Reply{}, err
	case r.Tag != "+":
		return dial.Reply{OK: r.Kind == "OK", Err: r.Err()}, nil
	case r.Text == "=": // go-imap's server writes an empty challenge so (go-imap #760)
		r.Text = ""
	}
	return dial.Reply{Goes: true, Challenge: r.Text, Err: s.unexpected(r.Line)}, nil
}

// probe asks a question that only an open mailbox answers, since the OK of
// Exchange to AUTHENTICATE proves nothing. The two commands share one round
// trip, and a server may complete them in any order (RFC 9051 §5.5).
func (s *session) probe() error {
	tags, err := s.send("CAPABILITY", "NAMESPACE")
	if err != nil {
		return err
	}
	namespace := tags[1]
	var unknown *imapwire.Response // the answer of a server that may not know NAMESPACE
	for len(tags) > 0 {
		r, err := s.complete(tags...)
		switch {
		case err == nil:
		case r.Tag == namespace && !s.known && verdict.Of(r.Text) == verdict.Unknown && !transient(r.Err()):
			unknown = &r
		default:
			return err
		}
		tags = slices.DeleteFunc(tags, func(tag string) bool { return tag == r.Tag })
	}
	if unknown != nil && unknown.Kind != "BAD" && s.offers("NAMESPACE") {
		return unknown.Err()
	}
	return nil
}

// command sends one command and waits for its completion.
func (s *session) command(name string) error {
	tags, err := s.send(name)
	if err != nil {
		return err
	}
	_, err = s.complete(tags...)
	return err
}

// complete returns the response that completes one of the commands, with an
// *imap.Error if that is not OK. A failure to read one leaves the response
// zero.
func (s *session) complete(tags ...string) (imapwire.Response, error) {
	r, err := s.readTagged(tags...)
	switch {
	case err != nil:
		return imapwire.Response{}, err
	case r.Tag == "+":
		return imapwire.Response{}, s.unexpected(r.Line)
	case r.Kind != "OK":
		return r, r.Err()
	}
	return r, nil
}

// send writes commands in one segment and returns their tags. If the server has
// said goodbye and gone, the goodbye is the error.
func (s *session) send(commands ...string) (tags []string, err error) {
	lines := make([]string, len(commands))
	for i, command := range commands {
		s.lastTag++
		tags = append(tags, "A"+strconv.Itoa(s.lastTag))
		lines[i] = tags[i] + " " + command
	}
	err = s.wire.WriteLines(lines...)
	if err != nil && !s.early {
		_, last := s.readTagged()
		if bye, ok := errors.AsType[*imap.Error](last); ok {
			err = bye
		}
	}
	return tags, err
}

// readTagged returns the response that completes one of the commands, or a
// continuation request. A BYE before it is the error, whatever follows.
func (s *session) readTagged(tags ...string) (imapwire.Response, error) {
	var bye error
	for {
		r, err := s.read()
		switch {
		case err != nil && bye != nil:
			return r, bye
		case err != nil:
			return r, err
		case r.Tag == "*" && r.Kind == "BYE":
			bye = r.Err()
		case r.Tag == "*":
		case r.Tag != "+" && !slices.Contains(tags, r.Tag):
			return r, s.unexpected(r.Line)
		case bye != nil && r.Kind != "OK" && r.IsStatus():
			return r, fmt.Errorf("%w, then %w", bye, r.Err())
		case bye != nil:
			return r, bye
		default:
			return r, nil
		}
	}
}

// read returns the next response and notes the capabilities in it.
func (s *session) read() (imapwire.Response, error) {
	line, err := s.wire.ReadLine()
	if err != nil {
		return imapwire.Response{}, err
	}
	r, ok := imapwire.Parse(line)
	if !ok {
		return r, s.unexpected(line)
	}
	if r.IsStatus() { // anything else is parsed, not shown
		r.Hide(s.wire.Scrub)
	}
	if r.Tag == "*" && !r.IsStatus() { // the text of a status has no literals
		if err := s.skipLiterals(line); err != nil {
			return r, err
		}
	}
	if caps, ok := r.Capabilities(); ok {
		s.caps = caps
	}
	return r, nil
}

func (s *session) skipLiterals(line string) error {
	for {
		n, ok := imapwire.LiteralSize(line)
		if !ok {
			return nil
		}
		err := s.wire.Skip(n)
		if err != nil {
			return err
		}
		if line, err = s.wire.ReadLine(); err != nil {
			return err
		}
	}
}

// unexpected returns the error for a line that is out of place.
func (s *session) unexpected(line string) error {
	return fmt.Errorf("%w: the server said %q", ErrProtocol, plain.Head(s.wire.Scrub(line), 200))
}
