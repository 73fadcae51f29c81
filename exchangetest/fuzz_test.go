package exchangetest

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/emersion/go-imap/v2"
)

// What is stuffed with dots and sent comes out as it was, with nothing left
// of the message in what is read as the next command.
func FuzzReadDots(f *testing.F) {
	for _, seed := range []string{"", "a\r\n", ".\r\n", "a\r\n.", "\n.\r\n", "a\r\n..\r\nb"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		stuffed := bytes.ReplaceAll(append([]byte("\r\n"), message...), []byte("\r\n."), []byte("\r\n.."))[2:]
		want := message
		if !bytes.HasSuffix(message, []byte("\r\n")) && len(message) > 0 {
			stuffed, want = append(stuffed, "\r\n"...), append(bytes.Clone(message), "\r\n"...)
		}
		br := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(stuffed), bytes.NewReader([]byte(".\r\nQUIT"))), 16)
		got, err := readDots(br, len(want))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
		if rest, _ := io.ReadAll(br); string(rest) != "QUIT" {
			t.Fatalf("%q was left", rest)
		}
	})
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
	s := NewServer()
	f.Cleanup(s.Close)
	tenant := s.Tenant()
	f.Fuzz(func(t *testing.T, input []byte) {
		client, server := net.Pipe()
		c := &imapConn{
			Conn: server, srv: s, sess: s.newSession("IMAP", server), br: bufio.NewReaderSize(server, maxLine),
			mailbox: newMailbox(tenant, "fuzz@contoso.com"),
			filter:  filter{finished: make(chan struct{})},
		}
		c.mailbox.Append("INBOX", []byte("Subject: 1\r\n\r\n"), imap.FlagSeen)
		go func() {
			client.Write(input)
			client.Write([]byte("\r\n"))
			client.Close()
		}()
		go io.Copy(io.Discard, client)
		s.handOver(c)
		server.Close()
	})
}
