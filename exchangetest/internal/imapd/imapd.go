// Package imapd is the IMAP server (RFC 3501), in Exchange's words.
package imapd

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/access"
	"github.com/exoauth/exoauth/exchangetest/internal/fault"
	"github.com/exoauth/exoauth/exchangetest/internal/imapline"
	"github.com/exoauth/exoauth/exchangetest/internal/mailserver"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
	"github.com/exoauth/exoauth/xoauth2"
)

const (
	capsBefore = "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+"
	capsPlain  = "IMAP4 IMAP4rev1 LOGINDISABLED STARTTLS SASL-IR UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+"
	capsAfter  = "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CLIENTACCESSRULES CLIENTNETWORKPRESENCELOCATION BACKENDAUTHENTICATE CHILDREN IDLE NAMESPACE LITERAL+"

	imapID = `("name" "Microsoft.Exchange.Imap4.Imap4Server" "version" "15.20")`

	byeExpired = "Session invalidated - AccessTokenExpired"
	byeSilent  = "Connection is closed. 13"
	byeErrors  = "Connection closed. 14"

	literalPrompt = "+ Ready for additional command text."
	idlePrompt    = "+ IDLE accepted, awaiting DONE command."

	badArgument     = "BAD Command Argument Error. 11"
	badSet          = "BAD The specified message set is invalid."
	badCommand      = "BAD Command Error. 12"
	badState        = "BAD Command received in Invalid state."
	badNotConnected = "BAD User is authenticated but not connected."
	noConnected     = "NO User is authenticated but not connected."
)

// maxIMAPErrors is the error that ends a session, and maxNotConnected the one
// that ends a session without a mailbox.
const (
	maxIMAPErrors   = 10
	maxNotConnected = 2
)

// A Server serves connections.
type Server struct {
	*mailserver.Server
	MoveBeforeLogin bool // MOVE is announced before the client is authenticated
}

// Serve serves a connection. plain is for the port on which the client starts
// TLS.
func (s *Server) Serve(raw net.Conn, plain bool) {
	sess := s.Begin("IMAP", raw)
	defer sess.Close()
	c := newConn(s, sess, raw, plain)
	defer func() { c.wire.Close() }()
	c.serve()
}

func (c *conn) serve() {
	defer c.flush(false)
	if !c.faulted("*", fault.Greeting) {
		c.greet()
	}
	for !c.over {
		line, err := c.readLine()
		if err != nil {
			return
		}
		first := string(line)
		switch tag, verb, _ := imapline.Parse(first); {
		case c.faulted(tag, verb):
			c.skipLiterals(first)
		case c.mailbox != nil && !c.asksFor(verb):
			c.handle(first) // which refuses it, whatever is in a literal
			c.skipLiterals(first)
		default:
			if command, ok := c.complete(first); ok {
				c.handle(command)
			}
		}
	}
}

func (c *conn) greet() {
	c.printf("* OK The Microsoft Exchange IMAP4 service is ready. [%s]", mailserver.EncodedFrontEnd)
}

// handle answers a command.
func (c *conn) handle(line string) {
	tag, verb, args := imapline.Parse(line)
	switch {
	case tag == "":
		c.fail("*", badCommand)
	case verb == "CAPABILITY":
		c.capability(tag)
	case verb == "LOGOUT":
		c.logout(tag)
	case verb == "NOOP" && (c.mailbox == nil || c.unusable != nil):
		c.printf("%s OK NOOP completed.", tag)
	case c.unusable != nil:
		c.fail(tag, badNotConnected)
	case c.mailbox != nil && (verb == "LOGIN" || verb == "AUTHENTICATE"):
		c.fail(tag, badState)
	case c.mailbox != nil && verb != "ID":
		c.perform(tag, verb, args)
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
	case commands[verb].run != nil, verb == "UID":
		c.fail(tag, badState)
	default:
		c.fail(tag, badCommand)
	}
}

func (c *conn) capability(tag string) {
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
func (c *conn) startTLS(tag string) {
	c.printf("%s OK Begin TLS negotiation now.", tag)
	if c.flush(false) != nil {
		c.over = true
		return
	}
	conn := tls.Server(c.raw, c.TLS())
	if err := conn.Handshake(); err != nil {
		c.Logger.Info("TLS handshake failed", "protocol", "IMAP", "error", err)
		c.over = true
		return
	}
	c.use(conn)
	c.plain = false
}

func (c *conn) id(tag string) {
	c.printf("* ID %s", imapID)
	c.printf("%s OK ID completed", tag)
}

func (c *conn) logout(tag string) {
	c.printf("* BYE Microsoft Exchange Server 2016 IMAP4 server signing off.")
	c.printf("%s OK LOGOUT completed.", tag)
	c.over = true
}

// fail answers with an error.
func (c *conn) fail(tag, text string) {
	c.printf("%s %s", tag, text)
	c.erred()
}

// erred counts an error that the client was told of, and says goodbye when
// there were too many.
func (c *conn) erred() {
	c.errors++
	if c.errors >= maxIMAPErrors || c.unusable != nil && c.errors >= maxNotConnected {
		c.bye(byeErrors)
	}
}

// login takes a name and a password.
func (c *conn) login(tag, args string) {
	name, rest, ok := imapline.CutAstring(args)
	password, rest, ok2 := imapline.CutAstring(strings.TrimPrefix(rest, " "))
	if !ok || !ok2 || rest != "" {
		c.fail(tag, badArgument)
		return
	}
	b, err := c.Access.VerifyPassword(name, password, resource.IMAP)
	c.answer(tag, "LOGIN", c.admit(name, b, err))
}

func (c *conn) authenticate(tag, args string) {
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
		c.Attempt("", access.Bearer{}, mailserver.ErrNotBase64)
		c.fail(tag, badArgument)
		return
	}
	sasl := mailserver.SASL{Session: c.Session, Want: resource.IMAP, Admit: c.admit}
	if mech == "PLAIN" {
		err = sasl.PLAIN(decoded)
	} else {
		err = sasl.XOAUTH2(decoded)
	}
	c.answer(tag, "AUTHENTICATE", err)
}

// admit opens the mailbox for who has proven to be b, unless err says that
// nothing was proven.
func (c *conn) admit(user string, b access.Bearer, err error) error {
	if err == nil {
		c.mailbox, c.unusable, err = c.Access.Open(b, user, resource.IMAP)
	}
	c.Attempt(user, b, errors.Join(err, c.unusable))
	if err == nil {
		c.errors = 0
		c.Accept(b.Expires)
	}
	return err
}

// answer tells the client what came of its login. Of the reason it says
// nothing, except to whom IMAP is switched off for in a personal account.
func (c *conn) answer(tag, command string, err error) {
	if _, consumer := errors.AsType[*access.ConsumerError](err); consumer {
		c.fail(tag, noConnected)
		return
	}
	if err != nil {
		c.fail(tag, "NO "+command+" failed.")
		return
	}
	c.printf("%s OK %s completed.", tag, command)
}
