package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestCompose(t *testing.T) {
	m := &mailbox{options: options{address: "invoices@contoso.com"}, messageID: "<1@contoso.com>"}
	now := time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)
	raw := m.compose(now)
	if strings.Count(raw, "\n") != strings.Count(raw, "\r\n") || !strings.HasSuffix(raw, "\r\n") {
		t.Errorf("not every line ends in CRLF: %q", raw)
	}
	msg, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"From": m.address, "To": m.address, "Message-ID": m.messageID} {
		if got := msg.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if date, err := msg.Header.Date(); err != nil || !date.Equal(now) {
		t.Errorf("Date: %v, %v", date, err)
	}
}

func TestSend(t *testing.T) {
	s, box := emulate(t)
	m := newMailbox(s)
	if err := (step{"send", m.send}).run(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	got := box.Messages("INBOX")
	if len(got) != 1 || !strings.Contains(string(got[0]), "Message-ID: "+m.messageID+"\r\n") {
		t.Errorf("INBOX has %q, want the message %s", got, m.messageID)
	}
	first := m.messageID
	if err := (step{"send", m.send}).run(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	if m.messageID == first {
		t.Errorf("two messages have the identifier %s", first)
	}
}

// closeNotice tells when a connection is closed.
type closeNotice struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (c *closeNotice) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// TestSendInterrupted cancels the context when the message is under way, and
// lets the client go on only when the connection has been closed for it.
func TestSendInterrupted(t *testing.T) {
	checkLeaks(t)
	s, _ := emulate(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	closed := make(chan struct{})
	m := newMailbox(s)
	m.smtp.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &closeNotice{Conn: conn, closed: closed}, err
	}
	m.smtp.DebugWriter = &onText{Writer: io.Discard, text: "MAIL FROM:", do: func() {
		cancel()
		select {
		case <-closed:
		case <-time.After(5 * time.Second):
			t.Error("the connection is not closed")
		}
	}}
	if err := (step{"send", m.send}).run(ctx, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}
