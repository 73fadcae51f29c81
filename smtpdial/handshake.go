package smtpdial

import (
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/smtpwire"
	"github.com/exoauth/exoauth/internal/wire"
	"github.com/exoauth/exoauth/xoauth2"
)

// maxCommand is the length of a command line, CRLF included, that every
// server must take (RFC 4954 §4, RFC 5321 §4.5.3.1.4).
const maxCommand = 512

// session is a connection on the way to a client. Its methods return plain
// errors; attempt gives them the step.
type session struct {
	*dial.Conn
	wire       *wire.Conn
	addr       string
	localName  string
	mech       string   // SASL mechanism
	hello      []string // the answer to the last EHLO
	longInline bool     // the server takes a long initial response inline
	lost       bool     // no further command can be sent
}

func newSession(conn *dial.Conn, w *wire.Conn) *session {
	return &session{Conn: conn, wire: w, mech: xoauth2.Mechanism}
}

func addressLiteral(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	switch {
	case !ok:
		return "localhost"
	case tcp.IP.To4() != nil:
		return "[" + tcp.IP.String() + "]"
	default:
		return "[IPv6:" + tcp.IP.String() + "]"
	}
}

// upgrade runs STARTTLS. What the server said in the clear is forgotten.
func (s *session) upgrade(config *tls.Config) (op Op, err error) {
	if err := s.sayHello(); err != nil {
		return OpHello, err
	}
	if _, ok := s.extension("STARTTLS"); !ok {
		return OpStartTLS, ErrNoStartTLS
	}
	if _, err := s.command("STARTTLS", 220); err != nil {
		return OpStartTLS, err
	}
	if err := s.wire.Drained(); err != nil {
		return OpStartTLS, err
	}
	return OpTLS, s.StartTLS(config)
}

func (s *session) sayHello() error {
	if strings.ContainsFunc(s.localName, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return fmt.Errorf("LocalName %q has a space or a control character", s.localName)
	}
	r, err := s.command("EHLO "+s.localName, 250)
	s.hello = r.Lines
	return err
}

// extension returns the parameters of an extension that the server offers.
func (s *session) extension(name string) (params string, ok bool) {
	for _, line := range s.hello[min(1, len(s.hello)):] {
		keyword, params, _ := strings.Cut(line, " ")
		if strings.EqualFold(keyword, name) {
			return params, true
		}
	}
	return "", false
}

// offered makes sure that the server takes XOAUTH2, or OAUTHBEARER if that is
// all it has.
func (s *session) offered() error {
	params, ok := s.extension("AUTH")
	mechanisms := strings.Fields(strings.ToUpper(params))
	switch {
	case !ok:
		return fmt.Errorf("%w, nor any other mechanism", ErrNoXOAUTH2)
	case slices.Contains(mechanisms, xoauth2.Mechanism):
	case slices.Contains(mechanisms, xoauth2.OAuthBearer):
		s.mech = xoauth2.OAuthBearer
	default:
		return fmt.Errorf("%w, only %q", ErrNoXOAUTH2, params)
	}
	return nil
}

// authenticate runs AUTH. A refusal is an *smtp.SMTPError, and an *xoauth2.Error
// besides if the server sent a challenge first.
func (s *session) authenticate(username, token string) error {
	client := xoauth2.NewClient(username, token)
	if s.mech == xoauth2.OAuthBearer {
		client = xoauth2.NewOAuthBearerClient(username, token, s.addr)
	}
	return dial.SASL(s.wire, client, token, func(mech, initial string) error {
		command := "AUTH " + mech
		if inline := command + " " + initial; s.longInline || len(inline)+len("\r\n") <= maxCommand {
			command = inline
		}
		return s.write(command)
	}, func() (dial.Reply, error) {
		r, err := s.read()
		if err != nil {
			return dial.Reply{}, err
		}
		return dial.Reply{Goes: r.Code == 334, Challenge: strings.TrimSpace(r.Lines[0]), OK: r.Code == 235, Err: r.Err()}, nil
	})
}

// write sends a command.
func (s *session) write(command string) error {
	return s.lastWords(s.wire.WriteLines(command))
}

// lastWords returns the error of a Write. If the server has hung up with an
// unsolicited refusal, such as 421, it returns that instead.
func (s *session) lastWords(err error) error {
	if err == nil {
		return nil
	}
	if last, unread := s.read(); unread == nil && last.Code >= 400 {
		s.lost = true
		return last.Err()
	}
	return err
}

// command sends one command and returns its reply, with an *smtp.SMTPError
// if that has none of the codes wanted.
func (s *session) command(line string, want ...int) (smtpwire.Reply, error) {
	if err := s.write(line); err != nil {
		return smtpwire.Reply{}, err
	}
	return s.expect(want...)
}

func (s *session) expect(want ...int) (smtpwire.Reply, error) {
	r, err := s.read()
	if err == nil && !slices.Contains(want, r.Code) {
		err = r.Err()
	}
	return r, err
}

func (s *session) read() (smtpwire.Reply, error) {
	r, err := smtpwire.ReadReply(s.wire)
	if line, ok := err.(smtpwire.ErrMalformed); ok {
		err = fmt.Errorf("%w: %w", ErrProtocol, line)
	}
	return r, err
}
