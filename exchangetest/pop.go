package exchangetest

import (
	"crypto/tls"
	"net"
	"strings"
)

const (
	popAuthFailed  = "-ERR Authentication failure: unknown user name or bad password."
	popLogonFailed = "-ERR Logon failure: unknown user name or bad password."
	popOneLine     = "-ERR Protocol error. Connection is closed. 10"
	popUnknown     = "-ERR Protocol error. 19"
	popState       = "-ERR Command is not valid in this state."
)

// A popConn is a session of the POP3 server (RFC 1939).
type popConn struct {
	lineConn
	plain   bool     // the client has yet to start TLS
	user    string   // as USER has named
	mailbox *Mailbox // set by authentication
	drop    []popMessage
}

func (s *Server) servePOP(raw net.Conn) { s.servePOPOver(raw, false) }

// servePlainPOP is servePOP for the port on which the client starts TLS.
func (s *Server) servePlainPOP(raw net.Conn) { s.servePOPOver(raw, true) }

func (s *Server) servePOPOver(raw net.Conn, plain bool) {
	conn := raw
	if !plain {
		conn = tls.Server(raw, s.pki.ServerConfig())
	}
	c := newPOPConn(s, s.newSession("POP", raw), conn)
	c.plain = plain
	defer c.sess.end()
	c.serve(func() {
		c.Reply("+OK The Microsoft Exchange POP3 service is ready. [%s]", encodeHost(frontEnd))
	}, c.handle)
}

func newPOPConn(s *Server, sess *session, conn net.Conn) *popConn {
	return &popConn{lineConn: newLineConn(s, sess, AtPOP, conn, popOneLine)}
}

func (c *popConn) handle(line string) {
	verb, args, _ := strings.Cut(line, " ")
	switch verb = strings.ToUpper(verb); {
	case verb == "CAPA":
		c.capa()
	case verb == "QUIT":
		c.quit()
	case verb == "NOOP" && c.mailbox != nil:
		c.Reply("+OK")
	case verb == "STLS" && c.plain:
		c.plain = c.startTLS("+OK Begin TLS negotiation.", c.srv.pki.ServerConfig()) == nil
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

func (c *popConn) capa() {
	c.Reply("+OK")
	c.Reply("TOP\r\nUIDL")
	if c.plain {
		c.Reply("STLS")
	} else {
		c.Reply("SASL PLAIN XOAUTH2\r\nUSER")
	}
	c.Reply(".")
}

func (c *popConn) quit() {
	for _, m := range c.drop {
		if m.deleted {
			c.mailbox.remove(m.UID)
		}
	}
	c.Reply("+OK Microsoft Exchange Server 2016 POP3 server signing off.")
	c.Over = true
}
