package main

import (
	"encoding/json"
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
	users     []*exchangetest.User // the first is the one of the settings
	mailboxes []string
	shared    []*exchangetest.Mailbox // of these addresses
}

// redirects are where sign-in pages lead back to: any port of this machine.
var redirects = []string{"http://localhost", "http://localhost/callback", "http://127.0.0.1", "http://127.0.0.1/callback"}

func seed(srv *exchangetest.Server, f *flags) (*seeding, error) {
	t := srv.Tenant()
	s := &seeding{srv: srv}
	s.app = t.AddApp("Mail program", exchangetest.IMAPAccessAsApp, exchangetest.POPAccessAsApp, exchangetest.SMTPSendAsApp, "Mail.Send")
	s.app.SetPublicFlows(true)
	for _, uri := range redirects {
		s.app.AddRedirectURI(exchangetest.Desktop, uri)
	}
	addresses := list{"invoices@contoso.com"}
	for i := 1; i < f.mailboxes; i++ {
		addresses = append(addresses, fmt.Sprintf("shared%d@contoso.com", i+1))
	}
	for i, address := range append(addresses, f.shared...) {
		m, err := addMailbox(t, address)
		if err != nil {
			return nil, fmt.Errorf("-mailbox: %w", err)
		}
		t.Grant(s.app, address)
		s.mailboxes, s.shared = append(s.mailboxes, address), append(s.shared, m)
		for n := 1; n <= 3; n++ {
			m.Append("INBOX", fmt.Appendf(nil, "From: Supplier <billing@example.com>\r\nTo: %s\r\nSubject: Invoice %d\r\nDate: %s\r\nMessage-ID: <%d.%d@example.com>\r\n\r\nPlease find invoice %d enclosed.\r\n",
				address, 4710+n, srv.Now().Format("Mon, 2 Jan 2006 15:04:05 -0700"), i, n, 4710+n))
		}
	}
	s.app.AddRedirectURI(exchangetest.Web, "http://localhost:8080/signed-in") // of examples/web
	for _, upn := range append(list{"adele@contoso.com"}, f.users...) {
		u, err := addUser(t, upn)
		if err != nil {
			return nil, fmt.Errorf("-user: %w", err)
		}
		s.app.Consent(u, exchangetest.IMAPAccessAsUser, exchangetest.POPAccessAsUser, exchangetest.SMTPSend) // who gives a password sees no page
		s.users = append(s.users, u)
	}
	return s, t.AddMailboxPermission("invoices@contoso.com", s.users[0].UPN)
}

// addMailbox adds a mailbox, and returns an error where exchangetest panics.
func addMailbox(t *exchangetest.Tenant, address string) (m *exchangetest.Mailbox, err error) {
	defer recovered(&err)
	return t.AddMailbox(address), nil
}

func addUser(t *exchangetest.Tenant, upn string) (u *exchangetest.User, err error) {
	defer recovered(&err)
	return t.AddUser(upn), nil
}

// recovered makes an error of a panic.
func recovered(err *error) {
	if reason := recover(); reason != nil {
		*err = fmt.Errorf("%v", reason)
	}
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
		{"EXO_USER", s.users[0].UPN},
		{"EXO_PASSWORD", s.users[0].Password},
		{"EXO_IMAP", cloud.IMAP},
		{"EXO_SMTP", cloud.SMTP},
		{"EXO_SMTP_HVE", s.srv.Addrs().HVE},
		{"EXO_POP", cloud.POP},
		{"EXO_IMAP_STARTTLS", s.srv.Addrs().IMAPStartTLS},
		{"EXO_POP_STARTTLS", s.srv.Addrs().POPStartTLS},
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
	if err := dir.write("settings.json", s.json(dir.path)); err != nil {
		return err
	}
	return dir.write("settings.env", []byte(env.String()))
}

// A login is a user who can sign in.
type login struct {
	UPN      string `json:"upn"`
	Password string `json:"password"`
}

// document is the content of settings.json.
type document struct {
	Settings  map[string]string `json:"settings"` // by the names of settings.env
	Mailboxes []string          `json:"mailboxes"`
	Users     []login           `json:"users"`
}

func (s *seeding) document(dir string) document {
	d := document{Settings: make(map[string]string), Mailboxes: s.mailboxes}
	for _, pair := range s.settings(dir) {
		d.Settings[pair[0]] = pair[1]
	}
	for _, u := range s.users {
		d.Users = append(d.Users, login{u.UPN, u.Password})
	}
	return d
}

func (s *seeding) json(dir string) []byte {
	text, err := json.MarshalIndent(s.document(dir), "", "\t")
	if err != nil {
		panic(err) // text only
	}
	return append(text, '\n')
}

// readiness is the first line of -json.
type readiness struct {
	Event    string    `json:"event"`
	Page     string    `json:"page"` // an address
	Settings string    `json:"settings"`
	CA       string    `json:"ca"`
	Secrets  *document `json:"document,omitempty"` // with -secrets
}

func (s *seeding) ready(page, dir string, secrets bool) readiness {
	r := readiness{Event: "ready", Page: "http://" + page + "/", Settings: filepath.Join(dir, "settings.json"), CA: filepath.Join(dir, "ca.pem")}
	if secrets {
		d := s.document(dir)
		r.Secrets = &d
	}
	return r
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
`, cloud.Authority, cloud.IMAP, s.srv.Addrs().IMAPStartTLS, cloud.POP, s.srv.Addrs().POPStartTLS, cloud.SMTP, s.srv.Addrs().HVE,
		s.mailboxes[0], len(s.mailboxes), s.users[0].UPN,
		filepath.Join(dir, "settings.env"), filepath.Join(dir, "ca.pem"), page)
}
