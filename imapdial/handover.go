package imapdial

import (
	"strings"

	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/exoauth/exoauth/internal/handoff"
	"github.com/exoauth/exoauth/internal/imapguard"
)

// guarded returns the connection for a client. Its greeting tells the client
// that it is authenticated already. If the capabilities are not known, the
// client asks for them.
func (a *attempt) guarded() *imapguard.Conn {
	s := a.session
	greeting := "* PREAUTH "
	if len(s.caps) > 0 {
		greeting += "[CAPABILITY " + strings.ToUpper(strings.Join(s.caps, " ")) + "] "
	}
	return imapguard.New(imapguard.Config{
		Conn: handoff.Conn{
			Conn:     s.wire.Tap(s.Conn.Conn),
			Greeting: []byte(greeting + "authenticated already\r\n"),
			Rest:     s.wire.Unread(),
		},
		Raw:      s.Raw(),
		Exceeded: func(e *imapguard.LimitError) error { return (*LimitError)(e) },
		Scrub:    a.Tokens.Text, // without a, which nobody needs for as long as the session stands
		Ended:    a.ended,
	}, imapguard.Limits(a.dialer.Limits))
}

// handOver gives the connection to imapclient.
func (a *attempt) handOver() (*imapclient.Client, error) {
	greeted := make(chan struct{})
	a.conn.Hold, a.conn.Renew = greeted, true
	own := a.options      // imapclient keeps a pointer
	own.DebugWriter = nil // the tap shows what imapclient would, in lines
	client := imapclient.New(a.conn, &own)
	err := client.WaitGreeting()
	close(greeted)
	if err != nil {
		client.Close()
		return nil, err
	}
	return client, nil
}
