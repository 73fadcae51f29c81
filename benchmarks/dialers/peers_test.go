package dialers

import (
	"context"
	"net"
	netsmtp "net/smtp"
	"strconv"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-smtp"
	"github.com/wneessen/go-mail"
	gomail "github.com/wneessen/go-mail/smtp"
	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/xoauth2"
)

// goIMAP is DialTLS and Authenticate of go-imap, which take a token in hand.
func goIMAP(probe bool) way {
	return func(ctx context.Context, f *far, source oauth2.TokenSource) error {
		token, err := source.Token()
		if err != nil {
			return err
		}
		conn, err := dialInstead(f.imap.Addr)(ctx, "tcp", "")
		if err != nil {
			return err
		}
		over := tlsOver(f, conn)
		if err := over.HandshakeContext(ctx); err != nil {
			return err
		}
		c := imapclient.New(over, nil)
		defer func() { go c.Close() }()
		if err := c.Authenticate(xoauth2.NewClient(mailbox, token.AccessToken)); err != nil || !probe {
			return err
		}
		c.Caps()
		_, err = c.Namespace().Wait()
		return err
	}
}

func goSMTP(ctx context.Context, f *far, source oauth2.TokenSource) error {
	token, err := source.Token()
	if err != nil {
		return err
	}
	conn, err := dialInstead(f.smtp.Addr)(ctx, "tcp", "")
	if err != nil {
		return err
	}
	c, err := smtp.NewClientStartTLS(conn, serverName(f))
	if err != nil {
		return err
	}
	defer func() { go c.Close() }()
	return c.Auth(xoauth2.NewClient(mailbox, token.AccessToken))
}

func netSMTP(ctx context.Context, f *far, source oauth2.TokenSource) error {
	conn, err := dialInstead(f.smtp.Addr)(ctx, "tcp", "")
	if err != nil {
		return err
	}
	c, err := netsmtp.NewClient(conn, "127.0.0.1")
	if err != nil {
		return err
	}
	defer func() { go c.Close() }()
	if err := c.StartTLS(serverName(f)); err != nil {
		return err
	}
	return c.Auth(xoauth2.SMTPAuth(mailbox, source))
}

// goMailAuth is an smtp.Auth of net/smtp for go-mail.
type goMailAuth struct{ netsmtp.Auth }

func (a goMailAuth) Start(server *gomail.ServerInfo) (string, []byte, error) {
	return a.Auth.Start(&netsmtp.ServerInfo{Name: server.Name, TLS: server.TLS, Auth: server.Auth})
}

func goMail(ctx context.Context, f *far, source oauth2.TokenSource) error {
	host, port, _ := net.SplitHostPort(f.smtp.Addr)
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	c, err := mail.NewClient(host, mail.WithPort(number), mail.WithTLSPolicy(mail.TLSMandatory), mail.WithTLSConfig(serverName(f)),
		mail.WithDialContextFunc(dialInstead(f.smtp.Addr)), mail.WithSMTPAuthCustom(goMailAuth{xoauth2.SMTPAuth(mailbox, source)}))
	if err != nil {
		return err
	}
	if err := c.DialWithContext(ctx); err != nil {
		return err
	}
	go c.Close()
	return nil
}
