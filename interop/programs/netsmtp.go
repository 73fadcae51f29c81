package programs

import (
	"context"
	"errors"
	"io"
	"net/smtp"

	"github.com/exoauth/exoauth/xoauth2"
)

func netSMTP(a account) use {
	user, source := a.user, a.source
	return func(ctx context.Context) error {
		c, err := smtp.Dial(a.smtp)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.StartTLS(a.tls); err != nil {
			return err
		}
		// page: net/smtp
		if err := c.Auth(xoauth2.SMTPAuthContext(ctx, user, source)); err != nil {
			return err
		}
		// end
		if err := errors.Join(c.Mail(user), c.Rcpt(user)); err != nil {
			return err
		}
		w, err := c.Data()
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, a.message()); err != nil {
			return err
		}
		return errors.Join(w.Close(), c.Quit())
	}
}
