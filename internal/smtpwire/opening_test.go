package smtpwire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/internal/mailtest"
)

const greeting = "220 mail.example.com authenticated already\r\n"

// opening returns an opening and the server's end of it.
func opening(hello ...string) (*Opening, net.Conn) {
	client, server := mailtest.Pipe()
	return NewOpening(client, hello), server
}

func TestOpeningAnswersForTheServer(t *testing.T) {
	hello := []string{"mail.example.com Hello [192.0.2.1]", "SIZE 1000", "auth XOAUTH2", "STARTTLS", "8BITMIME"}
	const ehlo = "250-mail.example.com\r\n250-SIZE 1000\r\n250 8BITMIME\r\n"
	const auth, tls = "503 5.5.1 authenticated already\r\n", "503 5.5.1 TLS has begun already\r\n"
	for name, row := range map[string]struct {
		writes      []string
		says, hears string // the connection says to the client, and the server hears
	}{
		"nothing":                          {nil, "", ""},
		"EHLO":                             {[]string{"EHLO me\r\n"}, ehlo, ""},
		"EHLO in lower case":               {[]string{"ehlo me\r\n"}, ehlo, ""},
		"EHLO without a name":              {[]string{"EHLO\r\n"}, ehlo, ""},
		"EHLO with LF alone":               {[]string{"EHLO me\n"}, ehlo, ""},
		"EHLO in pieces":                   {[]string{"EH", "LO me\r", "\n"}, ehlo, ""},
		"EHLO that has not ended":          {[]string{"EHLO me\r"}, "", ""},
		"EHLO twice":                       {[]string{"EHLO me\r\n", "EHLO me\r\n"}, ehlo + ehlo, ""},
		"EHLO twice in one write":          {[]string{"EHLO me\r\nEHLO me\r\n"}, ehlo + ehlo, ""},
		"HELO":                             {[]string{"HELO me\r\n"}, "250 mail.example.com\r\n", ""},
		"AUTH":                             {[]string{"AUTH PLAIN AGEAYg==\r\n"}, auth, ""},
		"AUTH without a response":          {[]string{"AUTH LOGIN\r\n"}, auth, ""},
		"STARTTLS":                         {[]string{"STARTTLS\r\n"}, tls, ""},
		"EHLO after a refusal":             {[]string{"STARTTLS\r\n", "EHLO me\r\n"}, tls + ehlo, ""},
		"a word that begins with EHLO":     {[]string{"EHLOX\r\n"}, "", "EHLOX\r\n"},
		"another command":                  {[]string{"NOOP\r\n"}, "", "NOOP\r\n"},
		"another command in pieces":        {[]string{"NO", "OP", "\r\n"}, "", "NOOP\r\n"},
		"EHLO and another in one write":    {[]string{"EHLO me\r\nNOOP\r\n"}, ehlo, "NOOP\r\n"},
		"another and EHLO in one write":    {[]string{"NOOP\r\nEHLO me\r\n"}, "", "NOOP\r\nEHLO me\r\n"},
		"EHLO after another":               {[]string{"NOOP\r\n", "EHLO me\r\n"}, "", "NOOP\r\nEHLO me\r\n"},
		"EHLO in a message":                {[]string{"DATA\r\n", "EHLO me\r\n.\r\n"}, "", "DATA\r\nEHLO me\r\n.\r\n"},
		"another and the beginning of one": {[]string{"EHLO me\r\nMAIL\r\nRC", "PT\r\n"}, ehlo, "MAIL\r\nRCPT\r\n"},
		"an empty line":                    {[]string{"\r\n"}, "", "\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, server := opening(hello...)
				defer server.Close()
				for _, w := range row.writes {
					if n, err := io.WriteString(o, w); n != len(w) || err != nil {
						t.Errorf("wrote %d of %d octets: %v", n, len(w), err)
					}
				}
				var says bytes.Buffer
				go func() {
					io.Copy(&says, o)
				}()
				synctest.Wait()
				if got := says.String(); got != greeting+row.says {
					t.Errorf("the client reads %q, want %q", got, greeting+row.says)
				}
				o.Close()
				if hears, _ := io.ReadAll(server); string(hears) != row.hears {
					t.Errorf("the server hears %q, want %q", hears, row.hears)
				}
			})
		})
	}
}

// The answer to EHLO is one that every client can read.
func TestOpeningCutsTheAnswerToSize(t *testing.T) {
	long := strings.Repeat("x", 300)
	for name, row := range map[string]struct {
		hello []string
		want  string
	}{
		"no extension":            {[]string{"mail.example.com"}, "250 mail.example.com\r\n"},
		"only those left out":     {[]string{"mail.example.com", "AUTH", "starttls"}, "250 mail.example.com\r\n"},
		"no name":                 {[]string{""}, "250 \r\n"},
		"a name of 300 octets":    {[]string{long}, "250 " + long[:255] + "\r\n"},
		"a keyword like AUTH":     {[]string{"m", "AUTHX"}, "250-m\r\n250 AUTHX\r\n"},
		"a line of 512 octets":    {[]string{"m", strings.Repeat("x", 506)}, "250-m\r\n250 " + strings.Repeat("x", 506) + "\r\n"},
		"a line of 513 octets":    {[]string{"m", strings.Repeat("x", 507)}, "250 m\r\n"},
		"an extension of nothing": {[]string{"m", ""}, "250-m\r\n250 \r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			o, server := opening(row.hello...)
			defer server.Close()
			defer o.Close()
			in := bufio.NewReader(o)
			in.ReadString('\n')
			io.WriteString(o, "EHLO me\r\n")
			got := make([]byte, len(row.want))
			if _, err := io.ReadFull(in, got); err != nil || string(got) != row.want || in.Buffered() > 0 {
				t.Errorf("the client reads %q, %v, want %q", got, err, row.want)
			}
		})
	}
}

// A Read that waits for the client's first command is as good as one that waits
// for the server: a deadline, Close and the command end it.
func TestOpeningUnblocksAReader(t *testing.T) {
	for name, row := range map[string]struct {
		act   func(o *Opening, server net.Conn)
		after time.Duration
		err   error
		want  string
	}{
		"read deadline":            {func(o *Opening, _ net.Conn) { o.SetReadDeadline(time.Now().Add(time.Minute)) }, time.Minute, os.ErrDeadlineExceeded, ""},
		"deadline":                 {func(o *Opening, _ net.Conn) { o.SetDeadline(time.Now().Add(time.Minute)) }, time.Minute, os.ErrDeadlineExceeded, ""},
		"deadline that has passed": {func(o *Opening, _ net.Conn) { o.SetDeadline(time.Unix(1, 0)) }, 0, os.ErrDeadlineExceeded, ""},
		"deadline that is moved": {func(o *Opening, _ net.Conn) {
			o.SetDeadline(time.Now().Add(time.Second))
			o.SetDeadline(time.Now().Add(time.Hour))
		}, time.Hour, os.ErrDeadlineExceeded, ""},
		"Close":                     {func(o *Opening, _ net.Conn) { o.Close() }, 0, net.ErrClosed, ""},
		"EHLO":                      {func(o *Opening, _ net.Conn) { io.WriteString(o, "EHLO me\r\n") }, 0, nil, "250 m\r\n"},
		"a command":                 {func(o *Opening, s net.Conn) { io.WriteString(o, "NOOP\r\n"); io.WriteString(s, "250 ok\r\n") }, 0, nil, "250 ok\r\n"},
		"a command, server is gone": {func(o *Opening, s net.Conn) { s.Close(); io.WriteString(o, "NOOP\r\n") }, 0, io.EOF, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, server := opening("m")
				defer server.Close()
				defer o.Close()
				bufio.NewReaderSize(o, 1024).ReadString('\n')
				read := make(chan error, 1)
				start := time.Now()
				p := make([]byte, 100)
				n := 0
				go func() {
					var err error
					n, err = o.Read(p)
					read <- err
				}()
				synctest.Wait()
				if len(read) > 0 {
					t.Fatal("Read has not waited")
				}
				row.act(o, server)
				if err := <-read; !errors.Is(err, row.err) || string(p[:n]) != row.want {
					t.Errorf("read %q, %v, want %q, %v", p[:n], err, row.want, row.err)
				}
				if took := time.Since(start); took != row.after {
					t.Errorf("took %v, want %v", took, row.after)
				}
			})
		})
	}
}

// FuzzOpening writes in pieces: what the server hears is what was written, but
// for whole lines at the beginning.
func FuzzOpening(f *testing.F) {
	f.Add([]byte("EHLO x\r\nAUTH PLAIN\r\nMAIL FROM:<>\r\nEHLO y\r\n"), uint8(3))
	f.Add([]byte("\nEHLO x"), uint8(0))
	f.Fuzz(func(t *testing.T, said []byte, size uint8) {
		client, server := mailtest.Pipe()
		o := NewOpening(client, []string{"mail.example.com", "SIZE 1"})
		for rest := said; len(rest) > 0; {
			n, err := o.Write(rest[:min(len(rest), int(size)+1)])
			if err != nil || n == 0 {
				t.Fatalf("wrote %d, %v", n, err)
			}
			rest = rest[n:]
		}
		o.Close()
		heard, _ := io.ReadAll(server)
		if len(heard) == 0 {
			return
		}
		before, ok := bytes.CutSuffix(said, heard)
		if !ok || len(before) > 0 && !bytes.HasSuffix(before, []byte("\n")) {
			t.Errorf("of %q the server heard %q", said, heard)
		}
	})
}
