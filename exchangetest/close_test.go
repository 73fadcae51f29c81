package exchangetest

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// goroutines returns the stacks of those that belong to servers.
func goroutines() string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var ours []string
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		for _, of := range []string{"exoauth/exchangetest", "imapserver.", "http.(*conn).serve"} {
			if strings.Contains(stack, of) && !strings.Contains(stack, "testing.tRunner") {
				ours = append(ours, stack)
				break
			}
		}
	}
	return strings.Join(ours, "\n\n")
}

// Close with clients in every state leaves no goroutine and no open connection.
func TestClose(t *testing.T) {
	w := newWorld(t)
	token := w.app.Token(nil)
	w.post(t, "contoso.com", w.form())
	idle := w.authenticated(t, shared, token)
	idle.send("1 SELECT INBOX", "2 IDLE")
	for idle.read() != idlePrompt+"\r\n" {
	}
	literal := w.authenticated(t, shared, token)
	literal.send("1 APPEND INBOX {10}")
	literal.want(literalPrompt)
	data := w.dialSMTP(t)
	data.send("AUTH XOAUTH2 " + xoauth2IR(shared, token))
	data.want(smtpOK)
	data.send("MAIL FROM:<>", "RCPT TO:<a@example.com>", "DATA")
	data.want("250 2.1.0 Sender OK", "250 2.1.5 Recipient OK", "354 Start mail input; end with <CRLF>.<CRLF>")
	clients := []*wire{idle, literal, data, w.authenticated(t, shared, token), w.dialIMAP(t), w.dialSMTP(t), w.dial(t, w.Cloud().IMAP)}
	w.Close()
	for _, s := range w.Sessions() {
		if !s.Closed {
			t.Errorf("open: %+v", s)
		}
	}
	for i := 0; goroutines() != ""; i++ {
		if i == 1000 {
			t.Fatalf("left over:\n%s", goroutines())
		}
		runtime.Gosched()
	}
	for _, c := range clients {
		c.wantEOF()
	}
	if _, err := w.DialContext(t.Context(), "tcp", w.Cloud().IMAP); err == nil {
		t.Error("the server still listens")
	}
	w.Close()
	if len(w.Requests()) != 1 || len(w.mailbox.Messages("INBOX")) != 0 {
		t.Error("records or mailboxes cannot be read after Close")
	}
}

// Close waits for a session that takes its time to end.
func TestCloseWaits(t *testing.T) {
	s := NewUnstartedServer()
	logged := false
	s.Logger = slog.New(slowHandler{slog.DiscardHandler, &logged})
	s.Start()
	c := (&world{Server: s}).dial(t, s.Cloud().SMTP)
	c.read()
	c.send("STARTTLS")
	c.want("220 2.0.0 SMTP server ready")
	s.Close()
	if !logged {
		t.Error("Close returned while the session was at its last words")
	}
}

// slowHandler takes long to log that a TLS handshake failed.
type slowHandler struct {
	slog.Handler
	logged *bool
}

func (slowHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h slowHandler) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "TLS handshake failed" {
		for range 10000 {
			runtime.Gosched()
		}
		*h.logged = true
	}
	return nil
}

func TestCloseUnstarted(t *testing.T) {
	s := NewUnstartedServer()
	s.Tenant().AddMailbox(shared).Append("INBOX", []byte("\r\n"))
	s.Close()
	s.Close()
	mustPanic(t, "started or closed already", s.Start)
}

// Many clients at once, and Close in the midst of them.
func TestCloseUnderLoad(t *testing.T) {
	w := newWorld(t)
	token := w.app.Token(nil)
	var wg, ready sync.WaitGroup
	for i := range 16 {
		ready.Add(1)
		wg.Go(func() {
			conn, err := tls.Dial("tcp", w.Cloud().IMAP, w.TLSConfig())
			if err == nil {
				defer conn.Close()
				fmt.Fprintf(conn, "1 AUTHENTICATE XOAUTH2 %s\r\n2 SELECT INBOX\r\n3 IDLE\r\n", xoauth2IR(shared, token))
				br := bufio.NewReader(conn)
				for line, err := br.ReadString('\n'); err == nil && !strings.HasPrefix(line, "1 OK"); {
					line, err = br.ReadString('\n')
				}
			}
			ready.Done()
			w.mailbox.Append("INBOX", fmt.Appendf(nil, "Subject: %d\r\n\r\n", i))
			io.Copy(io.Discard, conn)
		})
	}
	ready.Wait()
	w.Close()
	wg.Wait()
	logins := 0
	for _, s := range w.Sessions() {
		if !s.Closed {
			t.Errorf("still there: %+v", s)
		}
		if s.User == shared && s.Authenticated {
			logins++
		}
	}
	if logins != 16 {
		t.Errorf("%d of 16 clients were logged in", logins)
	}
	if _, err := tls.Dial("tcp", w.Cloud().IMAP, w.TLSConfig()); err == nil {
		t.Error("a closed server takes connections")
	}
}
