package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/exoauth/exoauth/exchangetest"
)

// A seeding is what is there when the server starts.
type seeding struct {
	srv       *exchangetest.Server
	app       *exchangetest.App
	user      *exchangetest.User
	mailboxes []string
	shared    []*exchangetest.Mailbox // of these addresses
}

// redirects are where sign-in pages lead back to: any port of this machine.
var redirects = []string{"http://localhost", "http://localhost/callback", "http://127.0.0.1", "http://127.0.0.1/callback"}

func seed(srv *exchangetest.Server, mailboxes int) *seeding {
	t := srv.Tenant()
	s := &seeding{srv: srv}
	s.app = t.AddApp("Mail program", exchangetest.IMAPAccessAsApp, exchangetest.POPAccessAsApp, exchangetest.SMTPSendAsApp, "Mail.Send")
	s.app.SetPublicFlows(true)
	for _, uri := range redirects {
		s.app.AddRedirectURI(exchangetest.Desktop, uri)
	}
	for i := range mailboxes {
		address := "invoices@contoso.com"
		if i > 0 {
			address = fmt.Sprintf("shared%d@contoso.com", i+1)
		}
		m := t.AddMailbox(address)
		t.Grant(s.app, address)
		s.mailboxes, s.shared = append(s.mailboxes, address), append(s.shared, m)
		for n := 1; n <= 3; n++ {
			m.Append("INBOX", fmt.Appendf(nil, "From: Supplier <billing@example.com>\r\nTo: %s\r\nSubject: Invoice %d\r\nDate: %s\r\nMessage-ID: <%d.%d@example.com>\r\n\r\nPlease find invoice %d enclosed.\r\n",
				address, 4710+n, srv.Now().Format("Mon, 2 Jan 2006 15:04:05 -0700"), i, n, 4710+n))
		}
	}
	s.app.AddRedirectURI(exchangetest.Web, "http://localhost:8080/signed-in") // of examples/web
	s.user = t.AddUser("adele@contoso.com")
	s.app.Consent(s.user, exchangetest.IMAPAccessAsUser, exchangetest.SMTPSend) // who gives a password sees no page
	if err := t.AddMailboxPermission("invoices@contoso.com", s.user.UPN); err != nil {
		panic(err)
	}
	return s
}

// settings returns what a client must know.
func (s *seeding) settings(dir string) [][2]string {
	cloud := s.srv.Cloud()
	return [][2]string{
		{"EXO_CA_FILE", filepath.Join(dir, "ca.pem")},
		{"EXO_AUTHORITY", cloud.Authority},
		{"EXO_TENANT", s.srv.Tenant().ID},
		{"EXO_TOKEN_ENDPOINT", cloud.Authority + "/" + s.srv.Tenant().ID + "/oauth2/v2.0/token"},
		{"EXO_SCOPE", cloud.AppScope()},
		{"EXO_CLIENT_ID", s.app.ClientID},
		{"EXO_CLIENT_SECRET", s.app.Secret},
		{"EXO_FLOW", "app-only"}, // for package settings, since there is a password, too
		{"EXO_MAILBOX", s.mailboxes[0]},
		{"EXO_USER", s.user.UPN},
		{"EXO_PASSWORD", s.user.Password},
		{"EXO_IMAP", cloud.IMAP},
		{"EXO_SMTP", cloud.SMTP},
		{"EXO_SMTP_HVE", s.srv.Addrs().HVE},
		{"EXO_POP", cloud.POP},
		{"EXO_IMAP_STARTTLS", s.srv.Addrs().IMAP},
		{"EXO_POP_STARTTLS", s.srv.Addrs().POP},
	}
}

// write writes the certificate of the authority and the settings.
func (s *seeding) write(dir *directory) error {
	var env strings.Builder
	env.WriteString("# Written by the emulator at its start, and removed at its end. The secrets are\n# worth nothing elsewhere.\n")
	for _, pair := range s.settings(dir.path) {
		fmt.Fprintf(&env, "%s='%s'\n", pair[0], strings.ReplaceAll(pair[1], "'", `'\''`))
	}
	if err := dir.write("ca.pem", s.srv.CA()); err != nil {
		return err
	}
	return dir.write("settings.env", []byte(env.String()))
}

// describe prints where everything is. The secrets are in the file alone.
func (s *seeding) describe(w io.Writer, page, dir string) {
	cloud := s.srv.Cloud()
	fmt.Fprintf(w, `Entra ID   %s
IMAP       %s (TLS), %s (STARTTLS)
POP3       %s (TLS), %s (STARTTLS)
SMTP       %s (STARTTLS), %s (High Volume Email)
mailbox    %s, %d in all
user       %s
settings   %s
trust      %s

What clients do, and why they are refused: http://%s/
`, cloud.Authority, cloud.IMAP, s.srv.Addrs().IMAP, cloud.POP, s.srv.Addrs().POP, cloud.SMTP, s.srv.Addrs().HVE,
		s.mailboxes[0], len(s.mailboxes), s.user.UPN,
		filepath.Join(dir, "settings.env"), filepath.Join(dir, "ca.pem"), page)
}
