// Package popd is the POP3 server (RFC 1939), in Exchange's words.
package popd

import (
	"crypto/tls"
	"net"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/fault"
	"github.com/exoauth/exoauth/exchangetest/internal/mailserver"
)

const (
	popAuthFailed  = "-ERR Authentication failure: unknown user name or bad password."
	popLogonFailed = "-ERR Logon failure: unknown user name or bad password."
	popOneLine     = "-ERR Protocol error. Connection is closed. 10"
	popUnknown     = "-ERR Protocol error. 19"
	popExpired     = "-ERR Session invalidated - AccessTokenExpired"
	popSilent      = "-ERR Connection is closed. 13"
	popState       = "-ERR Command is not valid in this state."
)

// A conn is a session of the POP3 server (RFC 1939).
type conn struct {
	mailserver.Lines
	plain   bool               // the client has yet to start TLS
	user    string             // as USER has named
	mailbox *directory.Mailbox // set by authentication
	drop    []popMessage
}

// Serve serves a connection. plain is for the port on which the client starts
// TLS.
func Serve(s *mailserver.Server, raw net.Conn, plain bool) {
	wire := raw
	if !plain {
		wire = tls.Server(raw, s.TLS())
	}
	sess := s.Begin("POP", raw)
	defer sess.Close()
	c := newConn(sess, wire)
	c.plain = plain
	c.Serve(func() {
		c.Reply("+OK The Microsoft Exchange POP3 service is ready. [%s]", mailserver.EncodedFrontEnd)
	}, c.handle)
}

func newConn(sess *mailserver.Session, wire net.Conn) *conn {
	goodbye := func(end mailserver.End) string {
		if end == mailserver.Expired {
			return popExpired
		}
		return popSilent
	}
	return &conn{Lines: mailserver.NewLines(sess, fault.AtPOP, wire, popOneLine, goodbye)}
}

func (c *conn) handle(line string) {
	verb, args, _ := strings.Cut(line, " ")
	switch verb = strings.ToUpper(verb); {
	case verb == "CAPA":
		c.capa()
	case verb == "QUIT":
		c.quit()
	case verb == "NOOP" && c.mailbox != nil:
		c.Reply("+OK")
	case verb == "STLS" && c.plain:
		c.plain = c.BeginTLS("+OK Begin TLS negotiation.", c.TLS()) == nil
	case c.mailbox != nil && popTransaction[verb] != nil:
		popTransaction[verb](c, args)
	case popTransaction[verb] != nil, verb == "STLS", verb == "NOOP":
		c.Reply(popState)
	case verb != "AUTH" && verb != "USER" && verb != "PASS":
		c.Reply(popUnknown)
	case c.mailbox != nil || c.plain:
		c.Reply(popState)
	default:
		c.login(verb, args)
	}
}

func (c *conn) capa() {
	c.Reply("+OK")
	c.Reply("TOP\r\nUIDL")
	if c.plain {
		c.Reply("STLS")
	} else {
		c.Reply("SASL PLAIN XOAUTH2\r\nUSER")
	}
	c.Reply(".")
}

func (c *conn) quit() {
	for _, m := range c.drop {
		if m.deleted {
			c.remove(m.UID)
		}
	}
	c.Reply("+OK Microsoft Exchange Server 2016 POP3 server signing off.")
	c.Over = true
}
