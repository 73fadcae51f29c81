package mailserver

import (
	"crypto/tls"
	"net"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/fault"
	"github.com/exoauth/exoauth/exchangetest/internal/lineconn"
)

// Lines is a session of SMTP or POP3.
type Lines struct {
	*lineconn.Conn
	*Session
	At      fault.Place
	Goodbye func(End) string // the last line of a session that the server ends
}

// NewLines begins to speak over conn, which is the session's or TLS over it.
func NewLines(sess *Session, at fault.Place, conn net.Conn, tooLong string, goodbye func(End) string) Lines {
	return Lines{lineconn.New(sess.Conn, conn, sess.Clock, MaxLine, tooLong), sess, at, goodbye}
}

// Serve gives each command to handle until the session is over.
func (c *Lines) Serve(greet func(), handle func(line string)) {
	defer c.Conn.Close()
	if !c.Faulted(fault.Greeting) {
		greet()
	}
	for !c.Over {
		line, err := c.ReadLine()
		if err != nil {
			return
		}
		if verb, _, _ := strings.Cut(line, " "); !c.Faulted(verb) {
			handle(line)
		}
	}
}

// ReadLine returns the next line without its end. After an error nothing more is
// read.
func (c *Lines) ReadLine() (string, error) {
	end := c.Listen()
	if end == Open {
		line, err := c.Conn.ReadLine()
		if end = c.Hear(); end == Open {
			return line, err
		}
	}
	c.Because(end.String())
	c.Reply("%s", c.Goodbye(end))
	c.Over = true
	return "", net.ErrClosed
}

// Faulted reports whether a fault has given the answer to a command.
func (c *Lines) Faulted(command string) bool {
	return c.Faults.Strike(c.At, command, lineTarget{c}, nil)
}

// A lineTarget is what a fault strikes at.
type lineTarget struct{ *Lines }

// Slow implements [fault.Target].
func (t lineTarget) Slow(drip time.Duration, since time.Time) { t.Conn.Slow(drip, since) }

// Challenge implements [fault.Target].
func (t lineTarget) Challenge(text string) bool {
	t.WriteString(text)
	_, err := t.ReadLine()
	return err == nil
}

// Replace implements [fault.Target].
func (t lineTarget) Replace(f *fault.Fault) { t.WriteString(f.Lines("")) }

// End implements [fault.Target].
func (t lineTarget) End(f *fault.Fault) {
	t.Over = true
	t.Flush()
	if f.Reset {
		fault.Reset(t.Session.Conn)
	}
}

// BeginTLS begins TLS after a reply. It returns nil if the session is over.
func (c *Lines) BeginTLS(reply string, config *tls.Config) *tls.Conn {
	conn, err := c.StartTLS(reply, config)
	if err != nil {
		c.Logger.Info("TLS handshake failed", "protocol", c.At, "error", err)
	}
	return conn
}
