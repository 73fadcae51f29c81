package programs

import (
	"context"
	"time"

	"github.com/knadh/smtppool"

	"github.com/exoauth/exoauth/xoauth2"
)

// pooled is knadh/smtppool with the options of listmonk.
func pooled(a account) use {
	user, source := a.user, a.source
	opt := smtppool.Opt{MaxConns: 10, IdleTimeout: 15 * time.Second, PoolWaitTimeout: 5 * time.Second, MaxMessageRetries: 2}
	opt.Host, opt.Port = split(a.smtp)
	opt.TLSConfig = a.tls
	// page: knadh/smtppool
	opt.Auth = xoauth2.SMTPAuth(user, source)
	// end
	pool, err := smtppool.New(opt)
	return func(context.Context) error {
		if err != nil {
			return err
		}
		return pool.Send(smtppool.Email{From: user, To: []string{user}, Subject: "Invoice 18", Text: []byte("Paid.\r\n")})
	}
}
