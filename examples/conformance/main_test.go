package main

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/exchangetest"
)

const mailbox = "accounts-payable@fabrikam.com"

// A tenant stands for a real one.
type tenant struct {
	*exchangetest.Server
	home *exchangetest.Tenant
	box  *exchangetest.Mailbox
	app  *exchangetest.App
	env  map[string]string
}

func newTenant(t *testing.T, roles ...string) *tenant {
	srv := exchangetest.NewServer()
	t.Cleanup(srv.Close)
	home := srv.AddTenant("fabrikam.com")
	box := home.AddMailbox(mailbox)
	if roles == nil {
		roles = []string{exchangetest.IMAPAccessAsApp, exchangetest.POPAccessAsApp, exchangetest.SMTPSendAsApp}
	}
	r := &tenant{Server: srv, home: home, box: box, app: home.AddApp("Ledger", roles...)}
	home.Grant(r.app, mailbox)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, srv.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	cloud := srv.Cloud()
	r.env = map[string]string{
		"EXO_TENANT": home.ID, "EXO_CLIENT_ID": r.app.ClientID, "EXO_CLIENT_SECRET": r.app.Secret, "EXO_MAILBOX": mailbox,
		"EXO_AUTHORITY": cloud.Authority, "EXO_IMAP": cloud.IMAP, "EXO_POP": cloud.POP, "EXO_SMTP": cloud.SMTP, "EXO_CA_FILE": ca,
	}
	return r
}

// run returns the status and what was printed.
func (r *tenant) run(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), args, func(name string) string { return r.env[name] }, &stdout, &stderr)
	return code, stdout.String() + stderr.String()
}

func TestUnaltered(t *testing.T) {
	if code, out := newTenant(t).run(t, "-send"); code != 0 || !strings.HasPrefix(out, "22 dialogues, 0 lines differ") {
		t.Errorf("status %d\n%s", code, out)
	}
}

// What a mailbox, an application or an organization cannot do is no difference.
func TestStates(t *testing.T) {
	for name, row := range map[string]struct {
		roles  []string
		script string
	}{
		"IMAP off":              {nil, "Set-CASMailbox " + mailbox + " -ImapEnabled $false"},
		"SMTP off for mailbox":  {nil, "Set-CASMailbox " + mailbox + " -SmtpClientAuthenticationDisabled $true"},
		"SMTP off for tenant":   {nil, "Set-TransportConfig -SmtpClientAuthenticationDisabled $true"},
		"IMAP alone":            {[]string{exchangetest.IMAPAccessAsApp}, ""},
		"mail that is not read": {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTenant(t, row.roles...)
			if name == "mail that is not read" {
				r.box.Append("INBOX", []byte("Subject: a\r\n\r\n"))
				r.box.Append("INBOX", []byte("Subject: b\r\n\r\n"))
			}
			if row.script != "" {
				if _, err := r.home.Admin(row.script); err != nil {
					t.Fatal(err)
				}
			}
			if code, out := r.run(t); code != 0 {
				t.Errorf("status %d\n%s", code, out)
			}
		})
	}
}

// Each thing that is altered is reported, and nothing besides.
func TestAltered(t *testing.T) {
	at := func(place exchangetest.Place) func(command, reply string, skip int) exchangetest.Fault {
		return func(command, reply string, skip int) exchangetest.Fault {
			return exchangetest.Fault{At: place, Command: command, Reply: reply, Skip: skip}
		}
	}
	imap, pop, smtp := at(exchangetest.AtIMAP), at(exchangetest.AtPOP), at(exchangetest.AtSMTP)
	entra := func(aadsts, skip int) exchangetest.Fault {
		return exchangetest.Fault{At: exchangetest.AtEntra, Command: "token", AADSTS: aadsts, Skip: skip}
	}
	for name, row := range map[string]struct {
		fault exchangetest.Fault
		want  string // the dialogue and the step
	}{
		"IMAP greeting":              {imap(exchangetest.Greeting, "* OK ready", 0), "imap-success, after the beginning"},
		"CAPABILITY, one less":       {imap("CAPABILITY", "* CAPABILITY IMAP4rev1\n{tag} OK CAPABILITY completed.", 0), "imap-success, after A1 CAPABILITY"},
		"CAPABILITY, after login":    {imap("CAPABILITY", "* CAPABILITY IMAP4 IMAP4rev1 IDLE\n{tag} OK CAPABILITY completed.", 1), "imap-success, after A3 CAPABILITY"},
		"NAMESPACE":                  {imap("NAMESPACE", "* NAMESPACE ((\"\" \"/\")) NIL\n{tag} OK NAMESPACE completed.", 0), "imap-success, after A4 NAMESPACE"},
		"LIST":                       {imap("LIST", "* LIST (\\Odd) \".\" INBOX\n{tag} OK LIST completed.", 0), "imap-success, after A5 LIST"},
		"EXAMINE":                    {imap("EXAMINE", "* 0 EXISTS\n{tag} OK EXAMINE completed.", 0), "imap-success, after A6 EXAMINE"},
		"NOOP":                       {imap("NOOP", "{tag} OK NOOP done.", 0), "imap-success, after A7 NOOP"},
		"LOGOUT":                     {imap("LOGOUT", "* BYE\n{tag} OK LOGOUT completed.", 0), "imap-success, after A8 LOGOUT"},
		"AUTHENTICATE, refused":      {imap("AUTHENTICATE", "{tag} NO [AUTHENTICATIONFAILED] AUTHENTICATE failed.", 2), "imap-invalid-token, after A1 AUTHENTICATE"},
		"AUTHENTICATE, another user": {imap("AUTHENTICATE", "{tag} NO no such mailbox", 3), "imap-other-mailbox, after A1 AUTHENTICATE"},
		"LOGIN":                      {imap("LOGIN", "{tag} NO LOGIN disabled.", 0), "imap-password, after A1 LOGIN"},
		"SELECT before login":        {imap("SELECT", "{tag} NO not yet", 0), "imap-before-login, after A1 SELECT"},
		"POP greeting":               {pop(exchangetest.Greeting, "+OK ready", 0), "pop-success, after the beginning"},
		"CAPA":                       {pop("CAPA", "+OK\nTOP\n.", 0), "pop-success, after CAPA"},
		"AUTH, refused":              {pop("AUTH", "-ERR no", 1), "pop-invalid-token, after "},
		"USER":                       {pop("USER", "-ERR no passwords", 0), "pop-password, after USER"},
		"STAT before login":          {pop("STAT", "-ERR who are you", 0), "pop-before-login, after STAT"},
		"QUIT":                       {pop("QUIT", "+OK bye", 3), "pop-before-login, after QUIT"},
		"SMTP greeting":              {smtp(exchangetest.Greeting, "220 mail.example.com ESMTP", 0), "smtp-success, after the beginning"},
		"NOOP before login":          {smtp("NOOP", "250 nothing done", 0), "smtp-before-login, after NOOP"},
		"MAIL":                       {smtp("MAIL", "250 ok", 0), "smtp-success, after MAIL"},
		"RSET":                       {smtp("RSET", "250 ok", 0), "smtp-success, after RSET"},
		"AUTH, SMTP":                 {smtp("AUTH", "535 5.7.8 no", 2), "smtp-invalid-token, after AUTH"},
		"AUTH, unknown":              {smtp("AUTH", "504 no", 3), "smtp-other-mechanism, after AUTH FOO"},
		"MAIL before login":          {smtp("MAIL", "530 first log in", 1), "smtp-before-login, after MAIL"},
		"secret, another number":     {entra(7000222, 2), "entra-wrong-secret, after grant_type"},
		"client, another number":     {entra(700027, 3), "entra-wrong-client, after grant_type"},
		"scope, another number":      {entra(70011, 4), "entra-no-default, after grant_type"},
		"grant, another number":      {entra(90023, 6), "entra-wrong-grant, after grant_type"},
		"token, one field less": {exchangetest.Fault{At: exchangetest.AtEntra, Command: "token", Skip: 1, Status: 200, Reply: `{"token_type":"Bearer","access_token":"eyJ0"}`},
			"entra-success, after grant_type"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTenant(t)
			r.Inject(row.fault)
			code, out := r.run(t)
			found := 0
			for line := range strings.Lines(out) {
				if strings.HasPrefix(line, " ") || strings.Contains(line, "dialogues, ") {
					continue
				}
				if found++; !strings.HasPrefix(line, row.want) {
					t.Errorf("reported besides: %s", out)
				}
			}
			if code != 1 || found == 0 {
				t.Errorf("status %d\n%s", code, out)
			}
		})
	}
}

// The files have nothing of the tenant in them, and are transcripts that
// exchangetest's own test plays.
func TestWrite(t *testing.T) {
	r := newTenant(t)
	if _, err := r.home.Admin("Set-CASMailbox " + mailbox + " -SmtpClientAuthenticationDisabled $true"); err != nil {
		t.Fatal(err)
	}
	r.box.Append("INBOX", []byte("Subject: a\r\n\r\n"))
	dir := filepath.Join(t.TempDir(), "dialogues")
	if code, out := r.run(t, "-write", dir); code != 0 {
		t.Fatalf("status %d\n%s", code, out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 21 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, planted := range []string{"accounts-payable", "fabrikam", r.app.ClientID, r.app.ServicePrincipalID, r.app.Secret, r.home.ID, "eyJ", r.Cloud().IMAP, "127.0.0.1"} {
			if strings.Contains(strings.ToLower(string(text)), strings.ToLower(planted)) {
				t.Errorf("%s has %s in it:\n%s", filepath.Base(file), planted, text)
			}
		}
	}
	play := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-v", "-run", "TestTranscriptsOfOthers", "../../exchangetest")
	play.Env = append(os.Environ(), "EXOAUTH_TRANSCRIPTS="+dir)
	out, err := play.CombinedOutput()
	if played := strings.Count(string(out), "--- PASS: TestTranscriptsOfOthers/"); err != nil || played != 15 {
		t.Errorf("%v, %d of 15 transcripts were played\n%s", err, played, out)
	}
}

// A name that is not recognized keeps everything from being written.
func TestWriteNothingThatLeaks(t *testing.T) {
	s := &side{mailbox: mailbox, tenant: "fabrikam.onmicrosoft.com", clientID: "c1", secret: "s1", token: "t1"}
	dir := filepath.Join(t.TempDir(), "dialogues")
	list := []dialogue{{"imap-success", "imap", []string{"A1 NOOP"}}}
	said := [][]exchange{{{"", []string{"* OK I serve ACCOUNTS-PAYABLE@Fabrikam.COM"}}}}
	err := write(dir, s, list, said, nil)
	if _, missing := os.Stat(dir); err == nil || !os.IsNotExist(missing) {
		t.Errorf("error %v, directory: %v", err, missing)
	}
}

func TestFlags(t *testing.T) {
	r := newTenant(t)
	for name, row := range map[string]struct {
		env  map[string]string
		args []string
		code int
		want string
	}{
		"help":         {r.env, []string{"-help"}, 0, "-send"},
		"unknown flag": {r.env, []string{"-x"}, 2, "not defined: -x"},
		"no settings":  {nil, nil, 2, "set EXO_TENANT, EXO_CLIENT_ID, EXO_CLIENT_SECRET and EXO_MAILBOX"},
		"wrong secret": {with(r.env, "EXO_CLIENT_SECRET", "wrong"), nil, 3, "AADSTS7000215"},
		"no address":   {with(r.env, "EXO_MAILBOX", "invoices"), nil, 3, `EXO_MAILBOX: "invoices" is not an address`},
	} {
		t.Run(name, func(t *testing.T) {
			other := &tenant{env: row.env}
			if code, out := other.run(t, row.args...); code != row.code || !strings.Contains(out, row.want) {
				t.Errorf("status %d\n%s", code, out)
			}
		})
	}
}

func with(env map[string]string, name, value string) map[string]string {
	env = maps.Clone(env)
	env[name] = value
	return env
}
