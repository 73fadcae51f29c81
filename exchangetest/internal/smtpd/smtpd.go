// Package smtpd is the SMTP submission server (RFC 6409), in Exchange's words,
// and that of High Volume Email.
package smtpd

import (
	"cmp"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/access"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/fault"
	"github.com/exoauth/exoauth/exchangetest/internal/mailserver"
)

// Size is the limit of a message that Exchange Online announces.
const Size = 157286400

// maxRecipients bounds the recipients of one message, as Exchange Online does.
const maxRecipients = 1000

// A conn is a session of the submission server. It is the server's own
// from the first line to the last: go-smtp's would choose its own words.
type conn struct {
	mailserver.Lines
	maxMessage    int64
	maxRecipients int
	hve           bool   // the server of High Volume Email
	id            string // of the session, as it stands in brackets
	tls           bool
	old           bool // TLS is older than 1.2

	hello   bool
	user    string // user= of the session; empty before it is authenticated
	bearer  access.Bearer
	mailbox *directory.Mailbox

	mail smtpMail
}

// An smtpMail is the message under way.
type smtpMail struct {
	started bool
	from    string
	to      []string
	chunks  []byte // of BDAT
	tooBig  bool
}

// A Server serves connections.
type Server struct {
	*mailserver.Server
	MaxMessage int64 // zero means Size
}

// Serve serves a connection. hve is for the server of High Volume Email.
func (s *Server) Serve(raw net.Conn, hve bool) {
	sess := s.Begin("SMTP", raw)
	defer sess.Close()
	c := newConn(s, sess)
	if c.hve = hve; hve {
		c.maxMessage, c.maxRecipients = min(c.maxMessage, hveSize), hveRecipients
	}
	c.Lines.Serve(func() {
		c.Reply("220 %s.outlook.office365.com Microsoft ESMTP MAIL Service ready at %s [%s]",
			hostLabel, s.Clock.Now().UTC().Format("Mon, 2 Jan 2006 15:04:05 +0000"), c.id)
	}, c.handle)
}

func newConn(s *Server, sess *mailserver.Session) *conn {
	goodbye := func(mailserver.End) string { return "421 4.4.1 Connection timed out" }
	return &conn{id: newSessionID(), maxMessage: cmp.Or(s.MaxMessage, Size), maxRecipients: maxRecipients, Lines: mailserver.NewLines(sess, fault.AtSMTP, sess.Conn, "500 5.5.2 Line too long", goodbye)}
}

// hostLabel is the first label of mailserver.FrontEnd.
var hostLabel, _, _ = strings.Cut(mailserver.FrontEnd, ".")

// newSessionID returns sixteen digits such as Exchange names a session by.
func newSessionID() string {
	var b [8]byte
	rand.Read(b[2:])
	b[0], b[1] = 0x08, 0xdc
	return fmt.Sprintf("%016X", binary.BigEndian.Uint64(b[:]))
}

// refuse writes a reply that ends in the brackets by which Microsoft's support
// finds a session.
func (c *conn) refuse(text string) {
	c.Reply("%s [%s %s %s]", text, mailserver.FrontEnd, c.Clock.Now().UTC().Format("2006-01-02T15:04:05.000Z"), c.id)
}

func (c *conn) handle(line string) {
	verb, args, _ := strings.Cut(line, " ")
	args = strings.TrimSpace(args)
	if c.old {
		c.Reply("421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2. Visit https://aka.ms/smtp_auth_tls. [%s]", mailserver.FrontEnd)
		c.Over = true
		return
	}
	switch strings.ToUpper(verb) {
	case "EHLO":
		c.ehlo(args)
	case "HELO":
		c.helo(args)
	case "STARTTLS":
		c.beginTLS()
	case "AUTH":
		c.auth(args)
	case "MAIL":
		c.mailFrom(args)
	case "RCPT":
		c.rcptTo(args)
	case "DATA":
		c.data()
	case "BDAT":
		c.bdat(args)
	case "RSET":
		c.mail = smtpMail{}
		c.Reply("250 2.0.0 Resetting")
	case "NOOP":
		c.Reply("250 2.0.0 OK")
	case "QUIT":
		c.Reply("221 2.0.0 Service closing transmission channel")
		c.Over = true
	default:
		c.refuse("500 5.3.3 Unrecognized command 'unknown'")
	}
}

func (c *conn) greet(domain string) bool {
	if domain == "" {
		c.Reply("501 5.5.4 Invalid domain name")
		return false
	}
	c.hello = true
	c.mail = smtpMail{}
	return true
}

func (c *conn) greeting() string {
	host, _, _ := net.SplitHostPort(c.Session.Conn.RemoteAddr().String())
	return fmt.Sprintf("%s.outlook.office365.com Hello [%s]", hostLabel, host)
}

func (c *conn) helo(domain string) {
	if c.greet(domain) {
		c.Reply("250 %s", c.greeting())
	}
}

func (c *conn) ehlo(domain string) {
	if !c.greet(domain) {
		return
	}
	security := "STARTTLS"
	if c.tls {
		security = "AUTH LOGIN XOAUTH2"
	}
	for _, line := range []string{
		c.greeting(), fmt.Sprintf("SIZE %d", c.maxMessage), "PIPELINING", "DSN", "ENHANCEDSTATUSCODES",
		security, "8BITMIME", "BINARYMIME", "CHUNKING",
	} {
		c.Reply("250-%s", line)
	}
	c.Reply("250 SMTPUTF8")
}

func (c *conn) beginTLS() {
	if c.tls {
		c.Reply("503 5.5.2 Only one STARTTLS command can be issued per session")
		return
	}
	config := c.TLS()
	config.MinVersion = tls.VersionTLS10 // to tell the client what is wrong with it
	if conn := c.BeginTLS("220 2.0.0 SMTP server ready", config); conn != nil {
		c.old = conn.ConnectionState().Version < tls.VersionTLS12
		c.tls, c.hello, c.mail = true, false, smtpMail{}
	}
}

// prompt sends a challenge (RFC 4954 §4) and returns what the client
// answers; ok is false if that ends the exchange or the session.
func (c *conn) prompt(challenge string) (answer []byte, ok bool) {
	c.Reply("334 %s", base64.StdEncoding.EncodeToString([]byte(challenge)))
	line, err := c.ReadLine()
	if err != nil {
		return nil, false
	}
	answer, err = base64.StdEncoding.DecodeString(line)
	return answer, err == nil
}

// discard reads n bytes and forgets them. Their number is the client's, who may
// wait for the answer that is there already.
func (c *conn) discard(n int64) error {
	return c.wait(func() error {
		_, err := io.CopyN(io.Discard, c.In, n)
		return err
	})
}

// wait has the client's silence count while read waits for it, from before it can
// know the answer that it was waiting for.
func (c *conn) wait(read func() error) error {
	end := c.Listen()
	if end == mailserver.Open {
		err := c.Flush()
		if err == nil {
			err = read()
		}
		if end = c.Hear(); end == mailserver.Open {
			return err
		}
	}
	c.Because(end.String())
	c.Reply("%s", c.Goodbye(end))
	return net.ErrClosed
}
