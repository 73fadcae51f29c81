package exchangetest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/clouds"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
)

func plainIR(name, password string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + name + "\x00" + password))
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// A passwordWorld takes adele's password in every protocol.
func newPasswordWorld(t testing.TB) (*world, *User) {
	t.Helper()
	w := newWorld(t)
	adele := w.tenant.AddUser("adele@contoso.com")
	w.do("New-AuthenticationPolicy Basic -AllowBasicAuthImap -AllowBasicAuthPop -AllowBasicAuthSmtp; Set-OrganizationConfig -DefaultAuthenticationPolicy Basic")
	return w, adele
}

// passwordLogins are the ways to log in with a password, each with the answer
// to a right and to a wrong one.
var passwordLogins = []struct {
	name     string
	dial     func(*world, testing.TB) *wire
	login    func(c *wire, name, password string)
	yes, no  string // patterns
	protocol string
}{
	{"IMAP LOGIN", (*world).dialIMAP, func(c *wire, n, p string) { c.send(fmt.Sprintf("A LOGIN %q %q", n, p)) },
		`A OK LOGIN completed\.`, `A NO LOGIN failed\.`, "IMAP"},
	{"IMAP PLAIN", (*world).dialIMAP, func(c *wire, n, p string) { c.send("A AUTHENTICATE PLAIN " + plainIR(n, p)) },
		`A OK AUTHENTICATE completed\.`, `A NO AUTHENTICATE failed\.`, "IMAP"},
	{"POP3 PASS", (*world).dialPOP, func(c *wire, n, p string) { c.send("USER "+n, "PASS "+p); c.want("+OK") },
		`\+OK User successfully logged on\.`, `-ERR Logon failure: unknown user name or bad password\.`, "POP"},
	{"POP3 PLAIN", (*world).dialPOP, func(c *wire, n, p string) { c.send("AUTH PLAIN"); c.want("+ "); c.send(plainIR(n, p)) },
		`\+OK User successfully authenticated\.`, `-ERR Authentication failure: unknown user name or bad password\.`, "POP"},
	{"SMTP LOGIN", (*world).dialSMTP, func(c *wire, n, p string) {
		c.send("AUTH LOGIN", b64(n), b64(p))
		c.want("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6")
	}, "235 2.7.0 Authentication successful", smtpNO + stamp, "SMTP"},
}

const (
	smtpLocked   = `535 5\.7\.139 Authentication unsuccessful, account locked\. Contact your administrator\.`
	smtpDefaults = `535 5\.7\.139 Authentication unsuccessful, user is locked by your organization's security defaults policy\. Contact your administrator\.`
	smtpCriteria = `535 5\.7\.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully\. Contact your administrator\.`
)

// What keeps a user from logging in with a password, in each protocol.
func TestPasswords(t *testing.T) {
	for _, row := range []struct {
		name     string
		state    UserState
		defaults bool
		user     string
		password string // empty: the right one
		smtp     string // the refusal of SMTP; empty: as for a wrong password
		reason   string // empty: let in
	}{
		{name: "right", user: "adele@contoso.com"},
		{name: "name in upper case", user: "ADELE@CONTOSO.COM"},
		{name: "wrong", user: "adele@contoso.com", password: "misspelt", reason: "AADSTS50126"},
		{name: "unknown user", user: "x@contoso.com", reason: "AADSTS50034"},
		{name: "shared mailbox", user: shared, reason: "AADSTS50034"},
		{name: "domain of nobody", user: "adele@example.com", smtp: authBasic, reason: "basic authentication is disabled"},
		{name: "no domain", user: "adele", smtp: authBasic, reason: "basic authentication is disabled"},
		{name: "disabled", state: UserState{Disabled: true}, user: "adele@contoso.com", smtp: smtpLocked, reason: "AADSTS50057"},
		{name: "locked", state: UserState{Locked: true}, user: "adele@contoso.com", smtp: smtpLocked, reason: "AADSTS50053"},
		{name: "second factor", state: UserState{RequireMFA: true}, user: "adele@contoso.com", smtp: smtpCriteria, reason: "AADSTS50076"},
		{name: "no second factor", state: UserState{NoMFA: true}, user: "adele@contoso.com", smtp: smtpCriteria, reason: "AADSTS50079"},
		{name: "conditional access", state: UserState{Blocked: true}, user: "adele@contoso.com", smtp: smtpCriteria, reason: "AADSTS53003"},
		{name: "conditional access, wrong password", state: UserState{Blocked: true}, user: "adele@contoso.com", password: "misspelt", reason: "AADSTS50126"},
		{name: "expired", state: UserState{PasswordExpired: true}, user: "adele@contoso.com", reason: "AADSTS50055"},
		{name: "managed device", state: UserState{AADSTS: 530003}, user: "adele@contoso.com", smtp: smtpCriteria, reason: "AADSTS530003"},
		{name: "no password", state: UserState{NoPassword: true}, user: "adele@contoso.com", reason: "AADSTS50056"},
		{name: "security defaults", defaults: true, user: "adele@contoso.com", smtp: smtpDefaults, reason: "AADSTS530035"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w, adele := newPasswordWorld(t)
			adele.SetState(row.state)
			w.tenant.in.Change(func(st *directory.TenantState) { st.SecurityDefaults = row.defaults })
			if row.password == "" {
				row.password = adele.Password
			}
			for _, way := range passwordLogins {
				c := way.dial(w, t)
				way.login(c, row.user, row.password)
				switch {
				case row.reason == "":
					c.wantMatch(way.yes)
				case row.smtp != "" && way.protocol == "SMTP":
					c.wantMatch(row.smtp + stamp)
				default:
					c.wantMatch(way.no)
				}
				got := w.lastSession(t)
				if got.Authenticated != (row.reason == "") || !strings.HasPrefix(got.Reason, row.reason) || (row.reason == "") != (got.Reason == "") ||
					got.User != row.user || got.Attempts != 1 || got.ClientID != "" {
					t.Errorf("%s: %+v", way.name, got)
				}
			}
		})
	}
}

// Where a password is taken in one protocol it is refused in the others.
func TestPasswordPolicy(t *testing.T) {
	w, adele := newPasswordWorld(t)
	const off = "Set-AuthenticationPolicy basic -AllowBasicAuthImap:$false -AllowBasicAuthPop:$false -AllowBasicAuthSmtp:$false"
	for protocol, option := range map[string]string{"": "", "IMAP": "-AllowBasicAuthImap", "POP": "-AllowBasicAuthPop", "SMTP": "-AllowBasicAuthSmtp"} {
		w.do(off + "; Set-AuthenticationPolicy basic " + option)
		for _, way := range passwordLogins {
			c := way.dial(w, t)
			way.login(c, adele.UPN, adele.Password)
			switch {
			case way.protocol == protocol:
				c.wantMatch(way.yes)
			case way.protocol == "SMTP":
				c.wantMatch(authBasic + stamp)
			default:
				c.wantMatch(way.no)
			}
			if got := w.lastSession(t).Reason; way.protocol != protocol && !strings.HasPrefix(got, "basic authentication is disabled (New-AuthenticationPolicy -AllowBasicAuth") {
				t.Errorf("%s: %q", way.name, got)
			}
		}
	}
}

// After the login a session is one like any other.
func TestPasswordSessions(t *testing.T) {
	w, adele := newPasswordWorld(t)
	adele.Mailbox.Append("INBOX", []byte("Subject: 1\r\n\r\nx\r\n"))
	c := w.dialIMAP(t)
	c.send("A LOGIN {17}")
	c.want("+ Ready for additional command text.")
	c.send(fmt.Sprintf("%s {%d+}", adele.UPN, len(adele.Password)), adele.Password, `B STATUS INBOX (MESSAGES)`)
	c.want("A OK LOGIN completed.", "* STATUS INBOX (MESSAGES 1) ", "B OK STATUS completed.")
	c.send("C LOGIN x y")
	c.want("C BAD Command received in Invalid state.")
	w.Advance(100 * managedLifetime)
	c.send("D NOOP")
	c.want("D OK NOOP completed.") // no token, none that expires

	c = w.dialPOP(t)
	c.send("USER "+adele.UPN, "PASS "+adele.Password, "STAT")
	c.want("+OK", "+OK User successfully logged on.", "+OK 1 17")

	c = w.dialSMTP(t)
	c.send("AUTH LOGIN "+b64(adele.UPN), b64(adele.Password))
	c.want("334 UGFzc3dvcmQ6", smtpOK)
	c.send("MAIL FROM:<"+adele.UPN+">", "RCPT TO:<"+adele.UPN+">", "BDAT 14 LAST")
	c.sendRaw("Subject: 2\r\n\r\n")
	c.want("250 2.1.0 Sender OK", "250 2.1.5 Recipient OK")
	c.wantMatch(`250 2\.0\.0 OK .*`)
	if sent := w.Sent(); len(sent) != 1 || sent[0].User != adele.UPN {
		t.Errorf("%+v", sent)
	}
}

// What keeps a token from SMTP or IMAP keeps a password from it.
func TestPasswordAndProtocolSwitches(t *testing.T) {
	w, adele := newPasswordWorld(t)
	w.do("Set-CASMailbox adele@contoso.com -ImapEnabled $false -PopEnabled $false -SmtpClientAuthenticationDisabled $true")
	c := w.dialIMAP(t)
	c.send("A LOGIN "+adele.UPN+" "+adele.Password, "B NAMESPACE")
	c.want("A OK LOGIN completed.", "B BAD User is authenticated but not connected.")
	c = w.dialPOP(t)
	c.send("USER "+adele.UPN, "PASS "+adele.Password)
	c.want("+OK", "-ERR Logon failure: unknown user name or bad password.")
	c = w.dialSMTP(t)
	c.send("AUTH LOGIN "+b64(adele.UPN), b64(adele.Password))
	c.want("334 UGFzc3dvcmQ6")
	c.wantMatch(`535 5\.7\.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox\. Visit \S+ for more information\.` + stamp)
}

func TestPasswordMalformed(t *testing.T) {
	w, adele := newPasswordWorld(t)
	for _, row := range []struct{ name, send, want string }{
		{"no password", "A LOGIN adele@contoso.com", "A BAD Command Argument Error. 11"},
		{"nothing", "A LOGIN", "A BAD Command Argument Error. 11"},
		{"one too many", "A LOGIN a b c", "A BAD Command Argument Error. 11"},
		{"quote not closed", `A LOGIN "a b`, "A BAD Command Argument Error. 11"},
		{"quote not closed after a backslash", `A LOGIN a "b\`, "A BAD Command Argument Error. 11"},
		{"literal that is none", `A LOGIN a {9}b`, "A BAD Command Argument Error. 11"},
		{"empty password", `A LOGIN adele@contoso.com ""`, "A NO LOGIN failed."},
		{"PLAIN, two parts", "A AUTHENTICATE PLAIN " + b64("\x00"+adele.UPN), "A NO AUTHENTICATE failed."},
		{"PLAIN, four parts", "A AUTHENTICATE PLAIN " + b64("\x00"+adele.UPN+"\x00"+adele.Password+"\x00"), "A NO AUTHENTICATE failed."},
		{"PLAIN, as somebody else", "A AUTHENTICATE PLAIN " + b64(shared+"\x00"+adele.UPN+"\x00"+adele.Password), "A NO AUTHENTICATE failed."},
		{"PLAIN, as oneself", "A AUTHENTICATE PLAIN " + b64(adele.UPN+"\x00"+adele.UPN+"\x00"+adele.Password), "A OK AUTHENTICATE completed."},
		{"PLAIN, empty", "A AUTHENTICATE PLAIN ", "A NO AUTHENTICATE failed."},
		{"PLAIN, not base64", "A AUTHENTICATE PLAIN %", "A BAD Command Argument Error. 11"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := w.dialIMAP(t)
			c.send(row.send)
			c.want(row.want)
		})
	}
}

// Neither the log nor a session has a password, be it right or wrong.
func TestNoPasswordIsTold(t *testing.T) {
	var log bytes.Buffer
	s := NewUnstartedServer()
	s.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.Start()
	w := &world{Server: s, tenant: s.Tenant()}
	adele := w.tenant.AddUser("adele@contoso.com")
	must2(w.tenant.Admin("New-AuthenticationPolicy Basic -AllowBasicAuthImap -AllowBasicAuthPop -AllowBasicAuthSmtp"))
	for _, policy := range []string{"$null", "Basic"} {
		must2(w.tenant.Admin("Set-OrganizationConfig -DefaultAuthenticationPolicy " + policy))
		for _, password := range []string{adele.Password, "misspelt"} {
			for _, way := range passwordLogins {
				c := way.dial(w, t)
				way.login(c, adele.UPN, password)
				c.read()
			}
		}
	}
	s.Close()
	all := log.String() + fmt.Sprintf("%+v", s.Sessions())
	for _, password := range []string{adele.Password, "misspelt"} {
		for _, form := range []string{password, b64(password), plainIR(adele.UPN, password)} {
			if strings.Contains(all, form) {
				t.Errorf("told: %s", all)
			}
		}
	}
	if !strings.Contains(all, "AADSTS50126") {
		t.Error("no login got as far as a password")
	}
}

func TestHVE(t *testing.T) {
	w := newWorld(t)
	w.app = w.tenant.AddApp("Newsletter", SMTPSendAsApp, mailSend)
	w.tenant.Grant(w.app, shared)
	for _, row := range []struct {
		name, token, want, reason string
	}{
		{"ten minutes left", w.app.Token(&TokenOptions{Lifetime: hveLeast + 30*time.Second}), smtpOK, ""},
		{"a second less", w.app.Token(&TokenOptions{Lifetime: hveLeast - time.Second}), hveExpiring, "the token expires in 9m5"},
		{"expired", w.app.Token(&TokenOptions{Lifetime: -time.Second}), hveInvalid, "the token expired at"},
		{"for Graph", w.app.Token(&TokenOptions{Audience: "https://graph.microsoft.com"}), hveInvalid, "the token is for"},
		{"no token", "x", hveInvalid, "the token is not a JWT"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := w.dialSubmission(t, clouds.OldHVEHost)
			c.send("AUTH XOAUTH2 " + xoauth2IR(shared, row.token))
			c.want(row.want)
			if got := w.lastSession(t); !strings.HasPrefix(got.Reason, row.reason) || got.Authenticated != (row.reason == "") {
				t.Errorf("%+v", got)
			}
			// The other server takes the same token for as long as it lasts.
			c = w.dialSMTP(t)
			c.send("AUTH XOAUTH2 " + xoauth2IR(shared, row.token))
			if row.want == hveInvalid {
				c.wantMatch(smtpNO + stamp)
			} else {
				c.want(smtpOK)
			}
		})
	}
	c := w.dialSubmission(t, clouds.HVEHost)
	c.send("AUTH LOGIN", "*")
	c.want("334 VXNlcm5hbWU6")
	c.wantMatch(smtpNO + stamp)
	if w.Addrs().HVE == w.Cloud().SMTP {
		t.Error("HVE has no server of its own")
	}
}
