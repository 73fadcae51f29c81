//go:build unix

package imapdial_test

import (
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/dovecot"
	"github.com/exoauth/exoauth/internal/mailtest"
)

func TestDialConnDovecot(t *testing.T) {
	server := dovecot.Start(t)
	for name, addr := range map[string]string{"implicit TLS": server.IMAPS, "STARTTLS": server.IMAP} {
		t.Run(name, func(t *testing.T) {
			d := &imapdial.Dialer{
				TokenSource: staticSource(server.Token(t, mailbox, time.Hour, 0)),
				Addr:        addr,
				TLSConfig:   mailtest.ClientTLS(),
				StartTLS:    addr == server.IMAP,
			}
			conn, err := d.DialConn(t.Context(), mailbox)
			if err != nil {
				t.Fatal(err)
			}
			openInbox(t, imapclient.New(conn, nil))
		})
	}
}
