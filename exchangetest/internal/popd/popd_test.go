package popd

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"testing"

	"github.com/exoauth/exoauth/exchangetest/internal/clock"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/fault"
	"github.com/exoauth/exoauth/exchangetest/internal/mailserver"
	"github.com/exoauth/exoauth/exchangetest/internal/mailstore"
	"github.com/exoauth/exoauth/exchangetest/internal/record"
)

// Whatever a client sends, a POP3 session comes to its end with the input, in
// lines that begin as POP3's do.
func FuzzPOPInput(f *testing.F) {
	for _, seed := range []string{
		"CAPA\r\nQUIT\r\n", "STAT\r\nLIST\r\nUIDL 1\r\nRETR 1\r\nTOP 1 0\r\nDELE 1\r\nRSET\r\nQUIT\r\n", "AUTH XOAUTH2\r\nx\r\n", "TOP 1 -1\r\n", "RETR 99999999999999999999\r\n", "\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	clk, discard := clock.New(), slog.New(slog.DiscardHandler)
	s := &mailserver.Server{Faults: &fault.Faults{Clock: clk, Logger: discard}, Records: new(record.Records), Clock: clk, Logger: discard}
	mailbox, err := directory.New(clk, "contoso.com").Home.AddMailbox("fuzz@contoso.com")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		client, server := net.Pipe()
		sess := s.Begin("POP", server)
		c := newConn(sess, server)
		c.mailbox = mailbox
		c.drop = []popMessage{{Message: mailstore.Message{UID: 1, Data: []byte("Subject: 1\r\n\r\n.\r\n")}}}
		go func() {
			client.Write(input)
			client.Write([]byte("\r\nQUIT\r\n"))
		}()
		go func() {
			c.Serve(func() {}, c.handle)
			sess.Close()
			server.Close()
		}()
		out, _ := io.ReadAll(client)
		client.Close()
		if first := bytes.TrimSpace(out); len(first) > 0 && first[0] != '+' && first[0] != '-' {
			t.Errorf("answer %q", out)
		}
	})
}
