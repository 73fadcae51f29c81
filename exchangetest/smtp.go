package exchangetest

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
)

// smtpSize is the limit of a message that Exchange Online announces.
const smtpSize = 157286400

// maxRecipients bounds the recipients of one message, as Exchange Online does.
const maxRecipients = 1000

// An smtpConn is a session of the submission server. It is the server's own
// from the first line to the last: go-smtp's would choose its own words.
type smtpConn struct {
	lineConn
	hve bool   // the server of High Volume Email
	id  string // of the session, as it stands in brackets
	tls bool
	old bool // TLS is older than 1.2

	hello   bool
	user    string // user= of the session; empty before it is authenticated
	bearer  bearer
	mailbox *Mailbox

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

// serveSMTP speaks SMTP submission (RFC 6409) in Exchange's words.
func (s *Server) serveSMTP(raw net.Conn) { s.serveSMTPAs(raw, false) }

func (s *Server) serveSMTPAs(raw net.Conn, hve bool) {
	c := newSMTPConn(s, s.newSession("SMTP", raw))
	c.hve = hve
	defer c.sess.end()
	c.serve(func() {
		c.Reply("220 %s.outlook.office365.com Microsoft ESMTP MAIL Service ready at %s [%s]",
			hostLabel, s.Now().UTC().Format("Mon, 2 Jan 2006 15:04:05 +0000"), c.id)
	}, c.handle)
}

func newSMTPConn(s *Server, sess *session) *smtpConn {
	return &smtpConn{id: newSessionID(), lineConn: newLineConn(s, sess, AtSMTP, sess.conn, "500 5.5.2 Line too long")}
}

// hostLabel is the first label of frontEnd.
var hostLabel, _, _ = strings.Cut(frontEnd, ".")

// newSessionID returns sixteen digits such as Exchange names a session by.
func newSessionID() string {
	var b [8]byte
	rand.Read(b[2:])
	b[0], b[1] = 0x08, 0xdc
	return fmt.Sprintf("%016X", binary.BigEndian.Uint64(b[:]))
}

// refuse writes a reply that ends in the brackets by which Microsoft's support
// finds a session.
func (c *smtpConn) refuse(text string) {
	c.Reply("%s [%s %s %s]", text, frontEnd, c.srv.Now().UTC().Format("2006-01-02T15:04:05.000Z"), c.id)
}

func (c *smtpConn) handle(line string) {
	verb, args, _ := strings.Cut(line, " ")
	args = strings.TrimSpace(args)
	if c.old {
		c.Reply("421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2. Visit https://aka.ms/smtp_auth_tls. [%s]", frontEnd)
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

func (c *smtpConn) greet(domain string) bool {
	if domain == "" {
		c.Reply("501 5.5.4 Invalid domain name")
		return false
	}
	c.hello = true
	c.mail = smtpMail{}
	return true
}

func (c *smtpConn) greeting() string {
	host, _, _ := net.SplitHostPort(c.sess.conn.RemoteAddr().String())
	return fmt.Sprintf("%s.outlook.office365.com Hello [%s]", hostLabel, host)
}

func (c *smtpConn) helo(domain string) {
	if c.greet(domain) {
		c.Reply("250 %s", c.greeting())
	}
}

func (c *smtpConn) ehlo(domain string) {
	if !c.greet(domain) {
		return
	}
	security := "STARTTLS"
	if c.tls {
		security = "AUTH LOGIN XOAUTH2"
	}
	for _, line := range []string{
		c.greeting(), fmt.Sprintf("SIZE %d", c.srv.maxMessage), "PIPELINING", "DSN", "ENHANCEDSTATUSCODES",
		security, "8BITMIME", "BINARYMIME", "CHUNKING",
	} {
		c.Reply("250-%s", line)
	}
	c.Reply("250 SMTPUTF8")
}

func (c *smtpConn) beginTLS() {
	if c.tls {
		c.Reply("503 5.5.2 Only one STARTTLS command can be issued per session")
		return
	}
	config := c.srv.pki.ServerConfig()
	config.MinVersion = tls.VersionTLS10 // to tell the client what is wrong with it
	if conn := c.startTLS("220 2.0.0 SMTP server ready", config); conn != nil {
		c.old = conn.ConnectionState().Version < tls.VersionTLS12
		c.tls, c.hello, c.mail = true, false, smtpMail{}
	}
}

// prompt sends a challenge (RFC 4954 §4) and returns what the client
// answers; ok is false if that ends the exchange or the session.
func (c *smtpConn) prompt(challenge string) (answer []byte, ok bool) {
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
func (c *smtpConn) discard(n int64) error {
	if err := c.Flush(); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, c.In, n)
	return err
}
