package exchangetest

import (
	"bufio"
	"crypto/tls"
	"fmt"
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
	srv   *Server
	sess  *session
	raw   net.Conn
	wire  *dripConn // over TLS unless the client has yet to start that
	br    *bufio.Reader
	bw    *bufio.Writer
	plain bool
	over  bool

	mailbox *Mailbox // set by authentication
	drop    []popMessage
}

func (s *Server) servePOP(raw net.Conn) { s.servePOPOver(raw, false) }

// servePlainPOP is servePOP for the port on which the client starts TLS.
func (s *Server) servePlainPOP(raw net.Conn) { s.servePOPOver(raw, true) }

func (s *Server) servePOPOver(raw net.Conn, plain bool) {
	c := &popConn{srv: s, raw: raw, plain: plain, sess: s.newSession("POP", raw)}
	defer c.sess.end()
	if plain {
		c.use(raw)
	} else {
		c.use(tls.Server(raw, s.pki.serverConfig()))
	}
	defer func() {
		c.bw.Flush()
		c.wire.Close()
	}()
	if !c.faulted(Greeting) {
		c.reply("+OK The Microsoft Exchange POP3 service is ready. [%s]", encodeHost(frontEnd))
	}
	for !c.over {
		line, err := c.readLine()
		if err != nil {
			return
		}
		if verb, _, _ := strings.Cut(line, " "); !c.faulted(verb) {
			c.handle(line)
		}
	}
}

func (c *popConn) use(conn net.Conn) {
	c.wire = &dripConn{Conn: conn, srv: c.srv}
	c.br = bufio.NewReaderSize(conn, maxLine)
	c.bw = bufio.NewWriter(c.wire)
}

func (c *popConn) reply(format string, args ...any) {
	fmt.Fprintf(c.bw, format+"\r\n", args...)
}

// faulted reports whether a fault has given the answer to a command.
func (c *popConn) faulted(command string) bool {
	answered, over := c.srv.strikeLine(AtPOP, command, c.wire, c.bw, c.raw)
	c.over = c.over || over
	return answered
}

// readLine returns the next line without its end. Exchange's own limit is
// below what a token needs in one line, which is why AUTH takes two.
func (c *popConn) readLine() (string, error) {
	if c.br.Buffered() == 0 {
		if err := c.bw.Flush(); err != nil {
			return "", err
		}
	}
	line, err := c.br.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		c.reply(popOneLine)
	}
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(string(line[:len(line)-1]), "\r"), nil
}

func (c *popConn) handle(line string) {
	verb, args, _ := strings.Cut(line, " ")
	switch verb = strings.ToUpper(verb); {
	case verb == "CAPA":
		c.capa()
	case verb == "QUIT":
		c.quit()
	case verb == "NOOP" && c.mailbox != nil:
		c.reply("+OK")
	case verb == "STLS" && c.plain:
		c.startTLS()
	case c.mailbox != nil && popTransaction[verb] != nil:
		popTransaction[verb](c, args)
	case popTransaction[verb] != nil, verb == "STLS", verb == "NOOP":
		c.reply(popState)
	case verb != "AUTH" && verb != "USER" && verb != "PASS":
		c.reply(popUnknown)
	case c.mailbox != nil || c.plain:
		c.reply(popState)
	default:
		c.login(verb, args)
	}
}

func (c *popConn) capa() {
	c.reply("+OK")
	c.reply("TOP\r\nUIDL")
	if c.plain {
		c.reply("STLS")
	} else {
		c.reply("SASL PLAIN XOAUTH2\r\nUSER")
	}
	c.reply(".")
}

// startTLS begins TLS. What the client sent together with the command is
// dropped.
func (c *popConn) startTLS() {
	c.reply("+OK Begin TLS negotiation.")
	if c.bw.Flush() != nil {
		c.over = true
		return
	}
	conn := tls.Server(c.raw, c.srv.pki.serverConfig())
	if err := conn.Handshake(); err != nil {
		c.srv.Logger.Info("TLS handshake failed", "protocol", "POP", "error", err)
		c.over = true
		return
	}
	c.use(conn)
	c.plain = false
}

func (c *popConn) quit() {
	for _, m := range c.drop {
		if m.deleted {
			c.mailbox.remove(m.uid)
		}
	}
	c.reply("+OK Microsoft Exchange Server 2016 POP3 server signing off.")
	c.over = true
}
