package programs

import (
	"context"
	"errors"

	"github.com/emersion/go-imap/client"

	"github.com/exoauth/exoauth/imapdial"
)

// goIMAP1 is go-imap v1, of Gitea.
func goIMAP1(a account) use {
	user, source, addr, tlsConfig := a.user, a.source, a.imap, a.tls
	return func(ctx context.Context) error {
		// page: go-imap v1
		dialer := &imapdial.Dialer{TokenSource: source, Addr: addr, TLSConfig: tlsConfig}
		conn, err := dialer.DialConn(ctx, user)
		if err != nil {
			return err
		}
		c, err := client.New(conn) // it must not log in
		// end
		if err != nil {
			return err
		}
		if err := c.Login(user, "password"); err != client.ErrAlreadyLoggedIn {
			return errors.Join(errors.New("LOGIN was sent"), err)
		}
		inbox, err := c.Select("INBOX", true)
		if err == nil && inbox.Messages == 0 {
			err = errNoMail
		}
		return errors.Join(err, c.Logout())
	}
}
