package programs

import (
	"context"

	"gopkg.in/gomail.v2"

	"github.com/exoauth/exoauth/xoauth2"
)

// gomailV2 is gopkg.in/gomail.v2.
func gomailV2(a account) use {
	user, source := a.user, a.source
	host, port := split(a.smtp)
	d := gomail.NewDialer(host, port, "", "")
	d.TLSConfig = a.tls
	// page: gopkg.in/gomail.v2
	d.Auth = xoauth2.SMTPAuth(user, source)
	// end
	return func(context.Context) error {
		m := gomail.NewMessage()
		m.SetHeader("From", user)
		m.SetHeader("To", user)
		m.SetHeader("Subject", "Invoice 18")
		m.SetBody("text/plain", "Paid.")
		return d.DialAndSend(m)
	}
}
