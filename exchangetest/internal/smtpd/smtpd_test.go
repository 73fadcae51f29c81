package smtpd

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"regexp"
	"testing"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/access"
	"github.com/exoauth/exoauth/exchangetest/internal/clock"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/fault"
	"github.com/exoauth/exoauth/exchangetest/internal/mailserver"
	"github.com/exoauth/exoauth/exchangetest/internal/record"
)

// Whatever a client sends, an SMTP session comes to its end with the input, in
// lines that begin as those of SMTP do.
func FuzzSMTPInput(f *testing.F) {
	for _, seed := range []string{
		"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@contoso.com>\r\nDATA\r\nx\r\n.\r\n", "HELO a\r\nAUTH LOGIN\r\nYQ==\r\n*\r\n", "AUTH XOAUTH2 =\r\n",
		"MAIL FROM:<>\r\nRCPT TO:<a@contoso.com>\r\nBDAT 3\r\nabcBDAT 0 LAST\r\n", "BDAT -1\r\n", "BDAT 99\r\nx", "MAIL FROM:<a SIZE=1\r\n", "\r\n\x00\r\n",
	} {
		f.Add([]byte(seed))
	}
	clk, discard, records := clock.New(), slog.New(slog.DiscardHandler), new(record.Records)
	dir := directory.New(clk, "contoso.com")
	s := &Server{Server: &mailserver.Server{
		Access: &access.Access{Directory: dir, Records: records, Logger: discard},
		Faults: &fault.Faults{Clock: clk, Logger: discard}, Records: records, Clock: clk, Logger: discard,
	}}
	user, err := dir.Home.AddUser("fuzz@contoso.com")
	if err != nil {
		f.Fatal(err)
	}
	reply := regexp.MustCompile(`^([2-5]\d\d[ -][^\r\n]*\r\n)*$`)
	f.Fuzz(func(t *testing.T, input []byte) {
		wire := &scripted{in: bytes.NewReader(input)}
		sess := s.Begin("SMTP", wire)
		c := newConn(s, sess)
		c.tls, c.hello, c.user, c.mailbox = true, true, user.UPN, user.Mailbox
		c.Lines.Serve(func() {}, c.handle)
		sess.Close()
		if !reply.Match(wire.out.Bytes()) {
			t.Errorf("answer %q", wire.out.Bytes())
		}
		records.Forget()
	})
}

// A scripted connection is one to a client that has said all it will.
type scripted struct {
	net.Conn
	in  io.Reader
	out bytes.Buffer
}

func (c *scripted) Read(p []byte) (int, error)    { return c.in.Read(p) }
func (c *scripted) Write(p []byte) (int, error)   { return c.out.Write(p) }
func (*scripted) Close() error                    { return nil }
func (*scripted) SetReadDeadline(time.Time) error { return nil }
func (*scripted) RemoteAddr() net.Addr            { return &net.TCPAddr{IP: net.IPv6loopback} }
