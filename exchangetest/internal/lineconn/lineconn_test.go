package lineconn

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/clock"
	"github.com/exoauth/exoauth/exchangetest/internal/pki"
)

// A script is a client that sends its parts, each when it is waited for.
type script struct {
	net.Conn
	parts  []string
	writes []string
	broken bool
	closed bool
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.parts) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.parts[0])
	if s.parts[0] = s.parts[0][n:]; s.parts[0] == "" {
		s.parts = s.parts[1:]
	}
	return n, nil
}

func (s *script) Write(p []byte) (int, error) {
	if s.broken {
		return 0, errors.New("broken")
	}
	s.writes = append(s.writes, string(p))
	return len(p), nil
}

func (s *script) Close() error {
	s.closed = true
	return nil
}

// echo answers each line with itself.
func echo(s *script) (*Conn, error) {
	c := New(s, s, clock.New(), 16, "too long")
	for {
		line, err := c.ReadLine()
		if err != nil {
			return c, err
		}
		c.Reply("<%s>", line)
	}
}

// Answers go out when the client has to be waited for, and not before.
func TestReadLine(t *testing.T) {
	for _, test := range []struct {
		name         string
		parts, wrote []string
	}{
		{"one by one", []string{"a\r\n", "b\r\n"}, []string{"<a>\r\n", "<b>\r\n"}},
		{"together", []string{"a\r\nb\r\n"}, []string{"<a>\r\n<b>\r\n"}},
		{"one and a half", []string{"a\r\nb", "\r\n"}, []string{"<a>\r\n", "<b>\r\n"}},
		{"half a line", []string{"a\r\nb"}, []string{"<a>\r\n"}},
		{"bare LF", []string{"a\nb\n"}, []string{"<a>\r\n<b>\r\n"}},
		{"CR within", []string{"a\rb\r\r\n"}, []string{"<a\rb\r>\r\n"}},
		{"empty", []string{"\r\n"}, []string{"<>\r\n"}},
		{"the longest", []string{strings.Repeat("x", 14) + "\r\n"}, []string{"<" + strings.Repeat("x", 14) + ">\r\n"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &script{parts: test.parts}
			c, err := echo(s)
			c.Close()
			if err != io.EOF || !c.Over || !s.closed || !slices.Equal(s.writes, test.wrote) {
				t.Errorf("%q, %v", s.writes, err)
			}
		})
	}
}

func TestLineTooLong(t *testing.T) {
	s := &script{parts: []string{"a\r\n" + strings.Repeat("x", 15) + "\r\n"}}
	c, err := echo(s)
	c.Close()
	if err != bufio.ErrBufferFull || !c.Over || strings.Join(s.writes, "") != "<a>\r\ntoo long\r\n" {
		t.Errorf("%q, %v", s.writes, err)
	}
}

// Nothing is read from a client that does not take answers.
func TestClientGone(t *testing.T) {
	s := &script{parts: []string{"a\r\n", "b\r\n"}, broken: true}
	if c, err := echo(s); err == nil || !c.Over || len(s.parts) != 1 {
		t.Errorf("%v, and %q are left", err, s.parts)
	}
	c := New(s, s, clock.New(), 16, "")
	if conn, err := c.StartTLS("220 go ahead", nil); conn != nil || err != nil || !c.Over {
		t.Errorf("%v, %v", conn, err)
	}
}

func TestWriteString(t *testing.T) {
	s := new(script)
	c := New(s, s, clock.New(), 16, "")
	c.WriteString("a %s")
	c.WriteString("b")
	if len(s.writes) > 0 {
		t.Errorf("%q before it was flushed", s.writes)
	}
	if err := c.Flush(); err != nil || !slices.Equal(s.writes, []string{"a %sb"}) {
		t.Errorf("%q, %v", s.writes, err)
	}
}

// After STARTTLS all is TLS and as slow as before, and nothing is left of what
// the client had sent.
func TestStartTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		authority := pki.New(nil) // by the clock of the test
		client, server := net.Pipe()
		defer client.Close()
		go func() {
			io.WriteString(client, "STARTTLS\r\nINJECTED\r\n")
			io.ReadFull(client, make([]byte, len("220 go ahead\r\n")))
			config := authority.ClientConfig()
			config.ServerName = "127.0.0.1"
			over := tls.Client(client, config)
			io.WriteString(over, "EHLO\r\n")
			io.Copy(io.Discard, over)
		}()
		c := New(server, server, clock.New(), 1024, "")
		defer c.Close()
		c.ReadLine()
		start := time.Now()
		c.Slow(time.Minute, start)
		conn, err := c.StartTLS("220 go ahead", authority.ServerConfig())
		if conn == nil || err != nil || !conn.ConnectionState().HandshakeComplete || c.Over {
			t.Fatalf("%v, %v", conn, err)
		}
		if line, err := c.ReadLine(); err != nil || line != "EHLO" {
			t.Errorf("%q, %v", line, err)
		}
		c.Reply("1")
		if err := c.Flush(); err != nil || time.Since(start) != time.Duration(len("220 go ahead\r\n1\r\n"))*time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestStartTLSFails(t *testing.T) {
	s := &script{parts: []string{"no handshake"}}
	c := New(s, s, clock.New(), 1024, "")
	if conn, err := c.StartTLS("220 go ahead", pki.New(nil).ServerConfig()); conn != nil || err == nil || !c.Over {
		t.Errorf("%v, %v", conn, err)
	}
}
