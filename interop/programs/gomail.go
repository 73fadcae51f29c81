package programs

import (
	"context"
	"errors"
	"net"

	"github.com/wneessen/go-mail"

	"github.com/exoauth/exoauth/smtpdial"
)

// goMail is wneessen/go-mail.
func goMail(a account) use {
	user, source, addr, tlsConfig := a.user, a.source, a.smtp, a.tls
	host, _ := split(addr)
	// page: wneessen/go-mail
	dialer := &smtpdial.Dialer{TokenSource: source, Addr: addr, TLSConfig: tlsConfig}
	client, err := mail.NewClient(host,
		mail.WithTLSPolicy(mail.NoTLS), // the connection has it already
		mail.WithDialContextFunc(func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialConn(ctx, user)
		}))
	// end
	return func(ctx context.Context) error {
		m := mail.NewMsg()
		if err := errors.Join(err, m.From(user), m.To(user)); err != nil {
			return err
		}
		m.Subject("Invoice 18")
		m.SetBodyString(mail.TypeTextPlain, "Paid.")
		return client.DialAndSendWithContext(ctx, m)
	}
}
