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
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/exchangetest/internal/clock"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/fault"
	"github.com/exoauth/exoauth/exchangetest/internal/mailserver"
	"github.com/exoauth/exoauth/exchangetest/internal/record"
)

func newServer(t testing.TB) (*Server, *directory.Tenant) {
	t.Helper()
	c, discard := clock.New(), slog.New(slog.DiscardHandler)
	s := New(&mailserver.Server{
		Faults: &fault.Faults{Clock: c, Logger: discard}, Records: new(record.Records), Clock: c, Logger: discard,
		TLS: func() *tls.Config { return nil },
	})
	t.Cleanup(s.Close)
	return s, directory.New(c, "contoso.com").Home
}

var boxes int

// newMailbox returns a mailbox with a message.
func newMailbox(t testing.TB, tenant *directory.Tenant) *directory.Mailbox {
	t.Helper()
	boxes++
	m, err := tenant.AddMailbox(fmt.Sprintf("fuzz%d@contoso.com", boxes))
	if err == nil {
		err = m.Box.Append("INBOX", []byte("Subject: 1\r\n\r\n"), &imap.AppendOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// handedOver is a session with a mailbox, whose client has sent what in has.
func handedOver(s *Server, m *directory.Mailbox, server net.Conn, in io.Reader) *conn {
	return &conn{
		Conn: server, srv: s, Session: s.Begin("IMAP", server), br: bufio.NewReaderSize(in, mailserver.MaxLine),
		mailbox: m, filter: filter{finished: make(chan struct{})},
	}
}

// converse sends input to an authenticated session and returns what it says.
func converse(s *Server, m *directory.Mailbox, input string) []byte {
	client, server := net.Pipe()
	c := handedOver(s, m, server, strings.NewReader(input))
	go func() {
		s.handOver(c)
		c.flush(false)
		c.Session.Close()
		server.Close()
	}()
	output, _ := io.ReadAll(client)
	return output
}

// Where go-imap's server gives up, the client is told that this is the end.
func TestServerGivesUp(t *testing.T) {
	s, _ := newServer(t)
	// No mailbox is more than it bears.
	if got := converse(s, nil, "A NOOP\r\n"); string(got) != "* BYE Connection closed. 14\r\n" {
		t.Errorf("%q", got)
	}
}

// How long a client may be silent is the server's to say, not go-imap's.
func TestDeadlines(t *testing.T) {
	client, server := net.Pipe()
	c := &conn{Conn: server}
	c.SetReadDeadline(time.Unix(1, 0))
	c.SetWriteDeadline(time.Unix(1, 0))
	go client.Write([]byte("x"))
	if _, err := server.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
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
		c := handedOver(s, newMailbox(t, tenant), server, server)
		go func() {
			client.Write(input)
			client.Write([]byte("\r\n"))
			client.Close()
		}()
		go io.Copy(io.Discard, client)
		s.handOver(c)
		c.Session.Close()
		server.Close()
	})
}
