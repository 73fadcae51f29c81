//go:build unix

package smtpdial_test

import (
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/internal/dovecot"
	"github.com/exoauth/exoauth/internal/postfix"
)

// net/smtp sends through real servers.
func (s realServer) testConn(t *testing.T) {
	conn, err := s.dialer(s.token(sender, time.Hour, 0)).DialConn(t.Context(), sender)
	if err != nil {
		t.Fatal(err)
	}
	if err := sendBy(conn, "adele@"+postfix.Domain); err != nil {
		t.Fatal(err)
	}
	if got := s.delivered(); len(got) != 1 || !strings.Contains(got[0], "Subject: Invoice 17") {
		t.Errorf("delivered %q", got)
	}
	if conn, err := s.dialer("garbage").DialConn(t.Context(), sender); err == nil || conn != nil {
		t.Errorf("%v, %v, want a refusal alone", conn, err)
	}
}

func TestDialConnDovecotSubmission(t *testing.T) {
	relay := newRelay(t)
	server := dovecot.StartWith(t, dovecot.Options{Relay: relay.addr})
	realServer{
		addr:      server.Submission,
		token:     func(user string, d time.Duration, padding int) string { return server.Token(t, user, d, padding) },
		delivered: relay.delivered,
	}.testConn(t)
}

func TestDialConnPostfix(t *testing.T) {
	auth := dovecot.Start(t)
	server := postfix.Start(t, auth.AuthSocket)
	realServer{
		addr:      server.Addr,
		token:     func(user string, d time.Duration, padding int) string { return auth.Token(t, user, d, padding) },
		delivered: server.Delivered,
	}.testConn(t)
}
