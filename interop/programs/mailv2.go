package programs

import (
	"context"

	"gopkg.in/mail.v2"

	"github.com/exoauth/exoauth/xoauth2"
)

// mailV2 is gopkg.in/mail.v2, of grafana/alerting.
func mailV2(a account) use {
	user, source := a.user, a.source
	host, port := split(a.smtp)
	d := mail.NewDialer(host, port, "", "")
	d.TLSConfig, d.StartTLSPolicy = a.tls, mail.MandatoryStartTLS
	// page: gopkg.in/mail.v2
	d.Auth = xoauth2.SMTPAuth(user, source)
	// end
	return func(context.Context) error {
		m := mail.NewMessage()
		m.SetHeader("From", user)
		m.SetHeader("To", user)
		m.SetHeader("Subject", "Invoice 18")
		m.SetBody("text/plain", "Paid.")
		return d.DialAndSend(m)
	}
}
