package imapd

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/exchangetest/internal/clock"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/drip"
	"github.com/exoauth/exoauth/exchangetest/internal/fault"
	"github.com/exoauth/exoauth/exchangetest/internal/mailserver"
	"github.com/exoauth/exoauth/exchangetest/internal/mailstore"
	"github.com/exoauth/exoauth/exchangetest/internal/record"
)

func newServer(t testing.TB) (*Server, *directory.Tenant) {
	t.Helper()
	c, discard := clock.New(), slog.New(slog.DiscardHandler)
	s := &Server{Server: &mailserver.Server{
		Faults: &fault.Faults{Clock: c, Logger: discard}, Records: new(record.Records), Clock: c, Logger: discard,
		TLS: func() *tls.Config { return nil },
	}}
	return s, directory.New(c, "contoso.com").Home
}

var boxes int

// newMailbox returns a mailbox with a message.
func newMailbox(t testing.TB, tenant *directory.Tenant) *directory.Mailbox {
	t.Helper()
	boxes++
	m, err := tenant.AddMailbox(fmt.Sprintf("fuzz%d@contoso.com", boxes))
	if err == nil {
		_, _, err = m.Box.Append("INBOX", mailstore.Message{Data: []byte("Subject: 1\r\n\r\n")})
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// loggedIn is a session with a mailbox, whose client has sent what in has.
func loggedIn(s *Server, m *directory.Mailbox, server net.Conn, in io.Reader) *conn {
	sess := s.Begin("IMAP", server)
	return &conn{
		raw: server, wire: drip.New(server, s.Clock), srv: s, Session: sess,
		br: bufio.NewReaderSize(in, mailserver.MaxLine), mailbox: m,
	}
}

// converse sends input to an authenticated session and returns what it says.
func converse(s *Server, m *directory.Mailbox, input string) string {
	client, server := net.Pipe()
	c := loggedIn(s, m, server, strings.NewReader(input))
	go func() {
		c.serve()
		c.Session.Close()
		server.Close()
	}()
	output, _ := io.ReadAll(client)
	_, answers, _ := strings.Cut(string(output), "\r\n") // after the greeting
	return answers
}

// Whatever a client sends, an authenticated session comes to its end with the
// input, the goroutine that idles included.
func FuzzIMAPInput(f *testing.F) {
	for _, seed := range []string{
		"1 CAPABILITY\r\n2 LOGOUT\r\n", "1 SELECT INBOX\r\n2 IDLE\r\nDONE\r\n", "1 APPEND INBOX {3}\r\nabc\r\n",
		"1 APPEND INBOX {3+}\r\nabc\r\n2 NOOP\r\n", "1 UID FETCH 1:* (BODY[])\r\n", "1 LIST \"\" {1+}\r\n*\r\n", "\r\n\r\n", "1 IDLE\r\n",
		"1 AUTHENTICATE XOAUTH2\r\n", "1 SELECT {5}\r\nINBOX\r\n2 STORE 1 +FLAGS (\\Deleted)\r\n3 EXPUNGE\r\n",
	} {
		f.Add([]byte(seed))
	}
	s, tenant := newServer(f)
	f.Fuzz(func(t *testing.T, input []byte) {
		client, server := net.Pipe()
		c := loggedIn(s, newMailbox(t, tenant), server, server)
		go func() {
			client.Write(input)
			client.Write([]byte("\r\n"))
			client.Close()
		}()
		go io.Copy(io.Discard, client)
		c.serve()
		c.Session.Close()
		server.Close()
	})
}
