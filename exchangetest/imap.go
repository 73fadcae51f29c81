package exchangetest

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"strings"
	"unicode/utf16"

	"github.com/exoauth/exoauth/exchangetest/internal/imapline"
	"github.com/exoauth/exoauth/exchangetest/internal/imapreply"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
	"github.com/exoauth/exoauth/xoauth2"
)

// frontEnd is the host that the mail servers say they are.
const frontEnd = "TE0P000CA0001.TESTP000.PROD.OUTLOOK.COM"

const (
	capsBefore = "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+"
	capsPlain  = "IMAP4 IMAP4rev1 LOGINDISABLED STARTTLS SASL-IR UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+"
	capsAfter  = "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CLIENTACCESSRULES CLIENTNETWORKPRESENCELOCATION BACKENDAUTHENTICATE CHILDREN IDLE NAMESPACE LITERAL+"

	imapID = `("name" "Microsoft.Exchange.Imap4.Imap4Server" "version" "15.20")`

	byeExpired = "Session invalidated - AccessTokenExpired"
	byeSilent  = "Connection is closed. 13"
	byeErrors  = "Connection closed. 14"

	badArgument     = imapreply.BadArgument
	badCommand      = "BAD Command Error. 12"
	badState        = "BAD Command received in Invalid state."
	badNotConnected = "BAD User is authenticated but not connected."
)

// maxIMAPErrors is the error that ends a session, and maxNotConnected the one
// that ends a session without a mailbox.
const (
	maxIMAPErrors   = 10
	maxNotConnected = 2
)

// serveIMAP speaks Exchange's own words until the client is authenticated and
// then leaves it to go-imap's server.
func (s *Server) serveIMAP(raw net.Conn) { s.serveIMAPOver(raw, false) }

// servePlainIMAP is serveIMAP for the port on which the client starts TLS.
func (s *Server) servePlainIMAP(raw net.Conn) { s.serveIMAPOver(raw, true) }

func (s *Server) serveIMAPOver(raw net.Conn, plain bool) {
	sess := s.newSession("IMAP", raw)
	defer sess.end()
	c := newIMAPConn(s, sess, raw, plain)
	defer func() { c.Conn.Close() }()
	defer c.flush(false)
	if !c.faulted("*", Greeting) {
		c.greet()
	}
	for !c.over {
		line, err := c.readCommand()
		if err != nil {
			return
		}
		if tag, verb, _ := imapline.Parse(line); !c.faulted(tag, verb) {
			c.handle(line)
		}
		if c.mailbox != nil && c.unusable == nil {
			s.handOver(c)
			return
		}
	}
}

func (c *imapConn) greet() {
	c.printf("* OK The Microsoft Exchange IMAP4 service is ready. [%s]", encodeHost(frontEnd))
}

// encodeHost returns what stands in brackets in the greeting: the host in
// UTF-16, little endian, in base64.
func encodeHost(host string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(host)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return base64.StdEncoding.EncodeToString(b)
}

// handle answers a command of a session that has no mailbox to work on.
func (c *imapConn) handle(line string) {
	tag, verb, args := imapline.Parse(line)
	switch {
	case tag == "":
		c.fail("*", badCommand)
	case verb == "CAPABILITY":
		c.capability(tag)
	case verb == "LOGOUT":
		c.logout(tag)
	case verb == "NOOP":
		c.printf("%s OK NOOP completed.", tag)
	case c.unusable != nil:
		c.fail(tag, badNotConnected)
	case c.plain && verb == "STARTTLS":
		c.startTLS(tag)
	case c.plain && (verb == "LOGIN" || verb == "AUTHENTICATE"):
		c.fail(tag, badState)
	case verb == "ID":
		c.id(tag)
	case verb == "AUTHENTICATE":
		c.authenticate(tag, args)
	case verb == "LOGIN":
		c.login(tag, args)
	case mailboxCommands[verb]:
		c.fail(tag, badState)
	default:
		c.fail(tag, badCommand)
	}
}

func (c *imapConn) capability(tag string) {
	caps := capsBefore
	switch {
	case c.plain:
		caps = capsPlain
	case c.mailbox != nil:
		caps = capsAfter
	case c.srv.MoveBeforeLogin:
		caps = strings.Replace(capsBefore, "UIDPLUS", "UIDPLUS MOVE", 1)
	}
	c.printf("* CAPABILITY %s", caps)
	c.printf("%s OK CAPABILITY completed.", tag)
}

// startTLS begins TLS. What the client sent together with the command is
// dropped: it was not protected (CVE-2011-0411).
func (c *imapConn) startTLS(tag string) {
	c.printf("%s OK Begin TLS negotiation now.", tag)
	if c.flush(false) != nil {
		c.over = true
		return
	}
	conn := tls.Server(c.raw, c.srv.pki.ServerConfig())
	if err := conn.Handshake(); err != nil {
		c.srv.Logger.Info("TLS handshake failed", "protocol", "IMAP", "error", err)
		c.over = true
		return
	}
	c.use(conn)
	c.plain = false
}

func (c *imapConn) id(tag string) {
	c.printf("* ID %s", imapID)
	c.printf("%s OK ID completed", tag)
}

func (c *imapConn) logout(tag string) {
	c.printf("* BYE Microsoft Exchange Server 2016 IMAP4 server signing off.")
	c.printf("%s OK LOGOUT completed.", tag)
	c.over = true
}

// fail answers with an error.
func (c *imapConn) fail(tag, text string) {
	c.printf("%s %s", tag, text)
	c.erred()
}

// erred counts an error that the client was told of, and says goodbye when
// there were too many.
func (c *imapConn) erred() {
	c.errors++
	if c.errors >= maxIMAPErrors || c.unusable != nil && c.errors >= maxNotConnected {
		c.bye(byeErrors)
	}
}

// login takes a name and a password.
func (c *imapConn) login(tag, args string) {
	name, rest, ok := imapline.CutAstring(args)
	password, rest, ok2 := imapline.CutAstring(strings.TrimPrefix(rest, " "))
	if !ok || !ok2 || rest != "" {
		c.fail(tag, badArgument)
		return
	}
	b, err := c.srv.verifyPassword(name, password, resource.IMAP)
	c.answer(tag, "LOGIN", c.admit(name, b, err))
}

func (c *imapConn) authenticate(tag, args string) {
	mech, response, inline := strings.Cut(args, " ")
	mech = strings.ToUpper(mech)
	if mech != xoauth2.Mechanism && mech != "PLAIN" {
		c.fail(tag, badArgument)
		return
	}
	if !inline {
		c.printf("+")
		line, err := c.readLine()
		if err != nil {
			return
		}
		response = string(line)
	}
	decoded, err := base64.StdEncoding.DecodeString(response)
	if err != nil {
		c.sess.attempt("", bearer{}, errNotBase64)
		c.fail(tag, badArgument)
		return
	}
	sasl := saslServer{c.srv, c.sess, resource.IMAP, c.admit}
	if mech == "PLAIN" {
		err = sasl.plain(decoded)
	} else {
		err = sasl.xoauth2(decoded)
	}
	c.answer(tag, "AUTHENTICATE", err)
}

// admit opens the mailbox for who has proven to be b, unless err says that
// nothing was proven.
func (c *imapConn) admit(user string, b bearer, err error) error {
	if err == nil {
		c.mailbox, c.unusable, err = c.srv.dir.open(b, user, resource.IMAP)
	}
	c.sess.attempt(user, b, errors.Join(err, c.unusable))
	if err == nil {
		c.errors = 0
		c.sess.accept(b.expires)
	}
	return err
}

// answer tells the client what came of its login. Of the reason it says
// nothing.
func (c *imapConn) answer(tag, command string, err error) {
	if err != nil {
		c.fail(tag, "NO "+command+" failed.")
		return
	}
	c.printf("%s OK %s completed.", tag, command)
}
