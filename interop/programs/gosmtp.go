package programs

import (
	"context"
	"errors"
	"strings"

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/xoauth2"
)

// goSMTP is go-smtp without smtpdial.
func goSMTP(a account) use {
	user, source := a.user, a.source
	return func(ctx context.Context) error {
		c, err := smtp.DialStartTLS(a.smtp, a.tls)
		if err != nil {
			return err
		}
		defer c.Close()
		// page: go-smtp
		if err := c.Auth(xoauth2.NewSourceClient(ctx, user, source)); err != nil {
			return err
		}
		// end
		return errors.Join(c.SendMail(user, []string{user}, strings.NewReader(a.message())), c.Quit())
	}
}
