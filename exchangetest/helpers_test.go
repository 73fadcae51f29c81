package exchangetest

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A world is a server with an application that may do everything to a shared
// mailbox.
type world struct {
	*Server
	tenant  *Tenant
	app     *App
	mailbox *Mailbox
}

const shared = "invoices@contoso.com"

func newWorld(t testing.TB) *world {
	t.Helper()
	s := NewServer()
	t.Cleanup(s.Close)
	w := &world{Server: s, tenant: s.Tenant()}
	w.app = w.tenant.AddApp("Invoices", IMAPAccessAsApp, SMTPSendAsApp)
	w.mailbox = w.tenant.AddMailbox(shared)
	w.tenant.Grant(w.app, shared)
	return w
}

func must2(_ string, err error) { must(err) }

func (w *world) lastSession(t testing.TB) Session {
	t.Helper()
	list := w.Sessions()
	if len(list) == 0 {
		t.Fatal("no session was recorded")
	}
	return list[len(list)-1]
}

// xoauth2IR is written out here rather than taken from the package under whose
// roof the server parses it.
func xoauth2IR(user, token string) string {
	return base64.StdEncoding.EncodeToString([]byte("user=" + user + "\x01auth=Bearer " + token + "\x01\x01"))
}

// A wire is a client that knows no protocol.
type wire struct {
	t    testing.TB
	conn net.Conn
	br   *bufio.Reader
}

func (w *world) dial(t testing.TB, addr string) *wire {
	t.Helper()
	conn, err := w.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &wire{t, conn, bufio.NewReader(conn)}
}

// dialIMAP connects over TLS and reads the greeting.
func (w *world) dialIMAP(t testing.TB) *wire {
	t.Helper()
	c := w.dial(t, "outlook.office365.com:993")
	c.startTLS(w.Server, "outlook.office365.com")
	c.read()
	return c
}

// authenticated is dialIMAP and a session that is authenticated with token.
func (w *world) authenticated(t testing.TB, user, token string) *wire {
	t.Helper()
	c := w.dialIMAP(t)
	c.send("A AUTHENTICATE XOAUTH2 " + xoauth2IR(user, token))
	c.want("A OK AUTHENTICATE completed.")
	return c
}

// dialSMTP connects, starts TLS and says EHLO.
func (w *world) dialSMTP(t testing.TB) *wire {
	t.Helper()
	return w.dialSubmission(t, "smtp.office365.com")
}

func (w *world) dialSubmission(t testing.TB, host string) *wire {
	t.Helper()
	c := w.dial(t, host+":587")
	c.read()
	c.send("EHLO client.example.com")
	c.readReply()
	c.send("STARTTLS")
	c.want("220 2.0.0 SMTP server ready")
	c.startTLS(w.Server, host)
	c.send("EHLO client.example.com")
	c.readReply()
	return c
}

func (c *wire) startTLS(s *Server, name string) {
	c.t.Helper()
	config := s.TLSConfig()
	config.ServerName = name
	conn := tls.Client(c.conn, config)
	if err := conn.HandshakeContext(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	c.conn, c.br = conn, bufio.NewReader(conn)
}

// send writes lines in one go.
func (c *wire) send(lines ...string) {
	c.t.Helper()
	c.sendRaw(strings.Join(lines, "\r\n") + "\r\n")
}

func (c *wire) sendRaw(text string) {
	c.t.Helper()
	if _, err := c.conn.Write([]byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *wire) read() string {
	c.t.Helper()
	line, err := c.br.ReadString('\n')
	if err != nil {
		c.t.Fatalf("after %q: %v", line, err)
	}
	return line
}

// readReply reads a reply of SMTP, of however many lines.
func (c *wire) readReply() []string {
	c.t.Helper()
	var lines []string
	for {
		line := c.read()
		lines = append(lines, strings.TrimSuffix(line, "\r\n"))
		if len(line) < 4 || line[3] != '-' {
			return lines
		}
	}
}

// want reads lines and compares them byte for byte, the CRLF included.
func (c *wire) want(lines ...string) {
	c.t.Helper()
	for _, want := range lines {
		if got := c.read(); got != want+"\r\n" {
			c.t.Fatalf("got  %q\nwant %q", got, want+"\r\n")
		}
	}
}

// wantMatch reads a line that the whole of pattern must match.
func (c *wire) wantMatch(pattern string) {
	c.t.Helper()
	if got := c.read(); !regexp.MustCompile(`^` + pattern + `\r\n$`).MatchString(got) {
		c.t.Fatalf("got  %q\nwant %q", got, pattern)
	}
}

// wantEOF expects the server to have closed the connection.
func (c *wire) wantEOF() {
	c.t.Helper()
	if line, err := c.br.ReadString('\n'); err == nil {
		c.t.Fatalf("the connection is still open: %q", line)
	} else if ne, ok := err.(net.Error); ok && ne.Timeout() {
		c.t.Fatal("the connection is still open")
	}
}
