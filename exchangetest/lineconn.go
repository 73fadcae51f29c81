package exchangetest

import (
	"crypto/tls"
	"net"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/lineconn"
)

// A lineConn is a session of SMTP or POP3.
type lineConn struct {
	*lineconn.Conn
	srv  *Server
	sess *session
	at   Place
}

func newLineConn(s *Server, sess *session, at Place, conn net.Conn, tooLong string) lineConn {
	return lineConn{lineconn.New(sess.conn, conn, s.clock, maxLine, tooLong), s, sess, at}
}

// serve gives each command to handle until the session is over.
func (c *lineConn) serve(greet func(), handle func(line string)) {
	defer c.Close()
	if !c.faulted(Greeting) {
		greet()
	}
	for !c.Over {
		line, err := c.ReadLine()
		if err != nil {
			return
		}
		if verb, _, _ := strings.Cut(line, " "); !c.faulted(verb) {
			handle(line)
		}
	}
}

// faulted reports whether a fault has given the answer to a command.
func (c *lineConn) faulted(command string) bool {
	f := c.srv.strike(c.at, command, nil)
	if f == nil {
		return false
	}
	c.Slow(f.Drip, f.struck)
	if f.Challenge != "" {
		c.WriteString(f.challenge())
		if _, err := c.ReadLine(); err != nil {
			return true
		}
	}
	if !f.replaces() {
		return false
	}
	c.WriteString(f.lines(""))
	if f.ends() {
		c.Over = true
		c.Flush()
	}
	if f.Reset {
		reset(c.sess.conn)
	}
	return true
}

// startTLS begins TLS after a reply. It returns nil where the session is over.
func (c *lineConn) startTLS(reply string, config *tls.Config) *tls.Conn {
	conn, err := c.StartTLS(reply, config)
	if err != nil {
		c.srv.Logger.Info("TLS handshake failed", "protocol", c.at, "error", err)
	}
	return conn
}
