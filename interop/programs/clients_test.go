package programs

import (
	"context"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/diagnose"
	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokensource"
)

const mailbox = "invoices@contoso.com"

type tested struct {
	name, file string
	protocol   diagnose.Protocol
	open       func(account) use
	keeps      bool // connections; it learns that one has ended when it uses that
}

// clients are those of the page, in its order.
var clients = []tested{
	{"net/smtp", "netsmtp.go", diagnose.SMTP, netSMTP, false},
	{"go-smtp", "gosmtp.go", diagnose.SMTP, goSMTP, false},
	{"wneessen/go-mail", "gomail.go", diagnose.SMTP, goMail, false},
	{"gopkg.in/gomail.v2", "gomailv2.go", diagnose.SMTP, gomailV2, false},
	{"gopkg.in/mail.v2", "mailv2.go", diagnose.SMTP, mailV2, false},
	{"knadh/smtppool", "smtppool.go", diagnose.SMTP, pooled, true},
	{"jordan-wright/email", "email.go", diagnose.SMTP, jordanWright, false},
	{"jordan-wright/email, Pool", "email.go", diagnose.SMTP, jordanWrightPool, true},
	{"go-imap v1", "goimap1.go", diagnose.IMAP, goIMAP1, false},
	{"go-imap v2", "goimap2.go", diagnose.IMAP, goIMAP2, false},
	{"knadh/go-pop3", "gopop3.go", diagnose.POP, goPOP3, false},
}

// exchange is an application with full access to a mailbox in which there is a
// message.
type exchange struct {
	*exchangetest.Server
	app   *exchangetest.App
	inbox *exchangetest.Mailbox
}

func newExchange(t *testing.T) exchange {
	srv := exchangetest.Run(t)
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp, exchangetest.POPAccessAsApp, exchangetest.SMTPSendAsApp)
	inbox := contoso.AddMailbox(mailbox)
	inbox.Append("INBOX", []byte("Subject: Invoice 17\r\n\r\nPaid.\r\n"))
	contoso.Grant(app, mailbox)
	return exchange{srv, app, inbox}
}

// account is what the clients of the page are given.
func (e exchange) account() account {
	config := e.TLSConfig()
	config.ServerName = "127.0.0.1"
	cloud := e.Cloud()
	return account{user: mailbox, source: &source{exchange: e}, imap: cloud.IMAP, pop: cloud.POP, smtp: cloud.SMTP, tls: config}
}

// source is a Source by the server's clock, which no Source sees: it keeps a
// token until that has expired.
type source struct {
	exchange
	token *oauth2.Token
}

func (s *source) Token() (*oauth2.Token, error) { return s.TokenContext(context.Background()) }

func (s *source) TokenContext(ctx context.Context) (*oauth2.Token, error) {
	if s.token != nil && s.Now().Before(s.token.Expiry) {
		return s.token, nil
	}
	cfg := &tokensource.Config{
		Tenant: s.Tenant().ID, ClientID: s.app.ClientID, Credential: tokensource.Secret(s.app.Secret),
		Cloud: s.Cloud(), HTTPClient: s.HTTPClient(),
	}
	ahead := s.Now().Sub(time.Now())
	token, err := cfg.ClientCredentials().TokenContext(ctx)
	if err == nil {
		token.Expiry = token.Expiry.Add(ahead)
		s.token = token
	}
	return token, err
}

// done returns how often the client has read or sent.
func (e exchange) done(p diagnose.Protocol) int {
	if p == diagnose.SMTP {
		return len(e.Sent())
	}
	n := 0
	for _, s := range e.Sessions() {
		if s.Protocol == string(p) && s.Authenticated && s.Reason == "" {
			n++
		}
	}
	return n
}

// A client logs in and reads or sends, twice with one token and again when that
// has expired.
func TestClients(t *testing.T) {
	for _, client := range clients {
		t.Run(client.name, func(t *testing.T) {
			t.Parallel()
			e := newExchange(t)
			use := client.open(e.account())
			for again := range 3 {
				if again == 2 {
					e.Advance(2 * time.Hour)
				}
				err := use(t.Context())
				if err != nil && again == 2 && client.keeps {
					err = use(t.Context())
				}
				if err != nil {
					t.Fatalf("connection %d: %v", again, err)
				}
			}
			if got := e.done(client.protocol); got != 3 {
				t.Errorf("read or sent %d times, want 3", got)
			}
			if got := e.Hits("token"); got != 2 {
				t.Errorf("%d requests for tokens, want 2", got)
			}
			for _, s := range e.Sessions() {
				if s.Reason != "" && !client.keeps {
					t.Errorf("refused: %s", s.Reason)
				}
			}
		})
	}
}

// What Entra ID and Exchange refuse, the client's error tells in words that
// diagnose knows.
func TestClientsRefused(t *testing.T) {
	refusals := map[string]struct {
		refuse func(t *testing.T, e exchange)
		want   string
	}{
		"by Entra ID": {func(_ *testing.T, e exchange) { e.app.ExpireSecret(e.app.Secret) }, "expired-secret"},
		"by Exchange": {func(t *testing.T, e exchange) {
			if _, err := e.Tenant().Admin("Remove-ServicePrincipal -Identity " + e.app.ClientID + " -Confirm:$false"); err != nil {
				t.Fatal(err)
			}
		}, "app-not-registered"},
	}
	for _, client := range clients {
		for name, row := range refusals {
			t.Run(client.name+", "+name, func(t *testing.T) {
				t.Parallel()
				e := newExchange(t)
				row.refuse(t, e)
				err := client.open(e.account())(t.Context())
				if err == nil {
					t.Fatal("no error")
				}
				about := diagnose.Subject{Protocol: client.protocol, Flow: diagnose.AppOnly, Username: mailbox, ClientID: e.app.ClientID}
				findings := diagnose.Explain(err, about)
				for i, f := range findings {
					if f.Rule == row.want {
						t.Logf("finding %d of %d: %s", i+1, len(findings), f.Rule)
						return
					}
				}
				t.Errorf("%v: %v, want %s", err, findings, row.want)
			})
		}
	}
}
