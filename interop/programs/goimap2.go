package programs

import (
	"context"
	"errors"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/exoauth/exoauth/xoauth2"
)

var errNoMail = errors.New("the inbox is empty")

// goIMAP2 is go-imap v2 without imapdial.
func goIMAP2(a account) use {
	user, source := a.user, a.source
	return func(ctx context.Context) error {
		c, err := imapclient.DialTLS(a.imap, &imapclient.Options{TLSConfig: a.tls})
		if err != nil {
			return err
		}
		defer c.Close()
		// page: go-imap v2
		if err := c.Authenticate(xoauth2.NewSourceClient(ctx, user, source)); err != nil {
			return err
		}
		// end
		inbox, err := c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
		if err == nil && inbox.NumMessages == 0 {
			err = errNoMail
		}
		return errors.Join(err, c.Logout().Wait())
	}
}
