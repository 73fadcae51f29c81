package programs

import (
	"context"
	"errors"
	"net"

	"github.com/knadh/go-pop3"

	"github.com/exoauth/exoauth/popdial"
)

// page: knadh/go-pop3

// popDialer is the Dialer of a pop3.Opt.
type popDialer func() (net.Conn, error)

func (f popDialer) Dial(_, _ string) (net.Conn, error) { return f() }

// end

// goPOP3 is knadh/go-pop3, of listmonk and libredesk, which has no SASL.
func goPOP3(a account) use {
	user, source, addr, tlsConfig := a.user, a.source, a.pop, a.tls
	return func(ctx context.Context) error {
		// page: knadh/go-pop3
		dialer := &popdial.Dialer{TokenSource: source, Addr: addr, TLSConfig: tlsConfig}
		client := pop3.New(pop3.Opt{Dialer: popDialer(func() (net.Conn, error) {
			return dialer.DialConn(ctx, user)
		})})
		c, err := client.NewConn() // it must not log in
		// end
		if err != nil {
			return err
		}
		count, _, err := c.Stat()
		if err == nil && count == 0 {
			err = errNoMail
		}
		return errors.Join(err, c.Quit())
	}
}
