package programs

import (
	"context"
	"time"

	"github.com/jordan-wright/email"

	"github.com/exoauth/exoauth/xoauth2"
)

func letter(user string) *email.Email {
	e := email.NewEmail()
	e.From, e.To, e.Subject, e.Text = user, []string{user}, "Invoice 18", []byte("Paid.\r\n")
	return e
}

// jordanWright is jordan-wright/email.
func jordanWright(a account) use {
	user, source, addr, tlsConfig := a.user, a.source, a.smtp, a.tls
	return func(ctx context.Context) error {
		e := letter(user)
		// page: jordan-wright/email
		return e.SendWithStartTLS(addr, xoauth2.SMTPAuthContext(ctx, user, source), tlsConfig)
		// end
	}
}

// jordanWrightPool is its Pool.
func jordanWrightPool(a account) use {
	user, source, addr, tlsConfig := a.user, a.source, a.smtp, a.tls
	// page: jordan-wright/email, Pool
	pool, err := email.NewPool(addr, 3, xoauth2.SMTPAuth(user, source), tlsConfig)
	// end
	return func(context.Context) error {
		if err != nil {
			return err
		}
		return pool.Send(letter(user), 5*time.Second)
	}
}
