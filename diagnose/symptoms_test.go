package diagnose_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/diagnose"
)

// Ids of a tenant that does not exist.
const (
	tenantID = "7f3c1e0a-5b1d-4c5e-9a36-2f4f0c1b7a11"
	clientID = "1c7a2b34-8a7e-4c0e-b5d5-6d0a5ad0c001"
	objectID = "9d0e4f52-3c1b-4f6a-8f0e-77a1c2d3e4f5"
	mailbox  = "invoices@contoso.com"
	adele    = "adele@contoso.com"
)

// now is the time of all tests.
var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// jwt makes a token of claims, signed by nobody.
func jwt(claims map[string]any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"typ":"JWT","alg":"RS256"}`)) + "." + encode(payload) + "." + encode([]byte("signature of nobody"))
}

// appToken is a good app-only token, with changes: nil takes a claim out.
func appToken(changes map[string]any) string {
	return changed(changes, map[string]any{
		"aud": "https://outlook.office365.com", "iss": "https://sts.windows.net/" + tenantID + "/",
		"nbf": now.Unix() - 60, "exp": now.Unix() + 3600, "idtyp": "app", "ver": "1.0",
		"appid": clientID, "oid": objectID, "sub": objectID, "tid": tenantID,
		"roles": []string{"IMAP.AccessAsApp", "POP.AccessAsApp", "SMTP.SendAsApp"},
	})
}

// userToken is a good token of adele, with changes.
func userToken(changes map[string]any) string {
	return changed(changes, map[string]any{
		"aud": "https://outlook.office.com", "iss": "https://sts.windows.net/" + tenantID + "/",
		"nbf": now.Unix() - 60, "exp": now.Unix() + 3600, "idtyp": "user", "ver": "1.0",
		"appid": clientID, "oid": "b1", "sub": "s1", "tid": tenantID, "upn": adele,
		"scp": "IMAP.AccessAsUser.All POP.AccessAsUser.All SMTP.Send",
	})
}

func changed(changes, claims map[string]any) string {
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return jwt(claims)
}

// A row says which rules explain a line, the likeliest first.
type row struct {
	name  string
	line  string
	about diagnose.Subject
	want  string   // the first finding
	also  []string // among the others
	who   diagnose.Role
}

const (
	imapFailed    = "A01 NO AUTHENTICATE failed."
	smtpFailed    = "535 5.7.3 Authentication unsuccessful [SN2PR00CA0018.namprd00.prod.outlook.com]"
	notConnected  = "A03 BAD User is authenticated but not connected."
	tenantOff     = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. [MN2PR05CA0004.namprd05.prod.outlook.com]"
	mailboxOff    = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information."
	logonFailure  = "430 4.2.0 STOREDRV; mailbox logon failure; STOREDRV.Submission.Exception:ConnectionFailedTransientException.MapiExceptionLogonFailed; Failed to process message"
	sendAsRefused = "554 5.2.252 SendAsDenied; adele@contoso.com not allowed to send as invoices@contoso.com; STOREDRV.Submission.Exception:SendAsDeniedException"
)

// symptomRows are the rows of the table of symptoms, by number.
var symptomRows = []row{
	{"1 unqualified scope", imapFailed, diagnose.Subject{Scopes: []string{"IMAP.AccessAsUser.All"}}, "asked-for-graph", nil, diagnose.Developer},
	{"1 Graph scope", imapFailed, diagnose.Subject{Scopes: []string{"https://graph.microsoft.com/IMAP.AccessAsUser.All"}}, "asked-for-graph", nil, diagnose.Developer},
	{"1 Graph audience", imapFailed, diagnose.Subject{Token: userToken(map[string]any{"aud": "https://graph.microsoft.com"})}, "token-for-graph", nil, diagnose.Developer},
	{"2 not registered", imapFailed, diagnose.Subject{Flow: diagnose.AppOnly}, "app-not-registered", []string{"app-wrong-object"}, diagnose.ExchangeAdmin},
	{"2 not registered, token good", imapFailed, diagnose.Subject{Username: mailbox, Token: appToken(nil)}, "app-not-registered", []string{"app-wrong-object"}, diagnose.ExchangeAdmin},
	{"3 logon denied", imapFailed + ` Error="AuthFailed:LogonDenied-None-OAuthLog:AuthExc_Auth Failed."`, diagnose.Subject{Flow: diagnose.AppOnly}, "app-not-registered", nil, diagnose.ExchangeAdmin},
	{"4 after an hour", imapFailed, diagnose.Subject{Worked: true}, "stale-token", nil, diagnose.Developer},
	{"4 token expired", imapFailed, diagnose.Subject{Token: userToken(map[string]any{"exp": now.Unix()})}, "token-expired", nil, diagnose.Developer},
	{"5 command error 10", "A01 BAD Command Error. 10", diagnose.Subject{}, "stale-token", nil, diagnose.Developer},
	{"6 app-only", notConnected, diagnose.Subject{Username: mailbox, Token: appToken(nil)}, "no-full-access", []string{"imap-off"}, diagnose.ExchangeAdmin},
	{"6 shared", notConnected, diagnose.Subject{Username: mailbox, Shared: true, Token: userToken(nil)}, "no-full-access", []string{"imap-off"}, diagnose.ExchangeAdmin},
	{"6 own mailbox", notConnected, diagnose.Subject{Username: adele, Token: userToken(nil)}, "imap-off", nil, diagnose.ExchangeAdmin},
	{"7 wrong account", notConnected, diagnose.Subject{Username: "bob@contoso.com", Token: userToken(nil)}, "wrong-account", []string{"no-full-access"}, diagnose.User},
	{"7 wrong tenant", notConnected, diagnose.Subject{Username: adele, Tenant: clientID, Token: userToken(nil)}, "token-of-another-tenant", nil, diagnose.Developer},
	{"8 consumer", notConnected, diagnose.Subject{Username: "example@outlook.com"}, "imap-off-consumer", nil, diagnose.User},
	{"8 consumer, as NO", "A3 NO User is authenticated but not connected.", diagnose.Subject{Username: "example@hotmail.co.uk"}, "imap-off-consumer", nil, diagnose.User},
	{"9 worked before", notConnected, diagnose.Subject{Username: mailbox, Worked: true}, "throttled-silently", []string{"no-full-access"}, diagnose.Nobody},
	{"10 user name of the delegate", "A5 NO The requested folder does not exist", diagnose.Subject{Protocol: diagnose.IMAP, Username: adele, Mailbox: mailbox, Token: userToken(nil)}, "shared-needs-its-name", nil, diagnose.Developer},
	{"11 shared mailbox on SMTP", smtpFailed, diagnose.Subject{Username: mailbox, Shared: true, Token: userToken(nil)}, "smtp-shared-user", nil, diagnose.Developer},
	{"11 without a token", smtpFailed, diagnose.Subject{Flow: diagnose.Delegated, Username: mailbox, Shared: true}, "smtp-shared-user", nil, diagnose.Developer},
	{"11 IMAP fine, nothing else known", smtpFailed, diagnose.Subject{Opened: true}, "smtp-name-or-permission", nil, diagnose.Developer},
	{"12 IMAP fine, application", smtpFailed, diagnose.Subject{Opened: true, Username: mailbox, Token: appToken(nil)}, "smtp-name-or-permission", nil, diagnose.Developer},
	{"12 alias", smtpFailed, diagnose.Subject{Username: "a.vance@contoso.com", Token: userToken(nil)}, "smtp-user", nil, diagnose.Developer},
	{"13 SMTP off, tenant", tenantOff, diagnose.Subject{}, "smtp-off-tenant", nil, diagnose.ExchangeAdmin},
	{"14 SMTP off, mailbox", mailboxOff, diagnose.Subject{}, "smtp-off-mailbox", nil, diagnose.ExchangeAdmin},
	{"15 password", "535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [BM1P287CA0015.INDP287.PROD.OUTLOOK.COM]", diagnose.Subject{}, "password", nil, diagnose.Developer},
	{"16 security defaults", "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator.", diagnose.Subject{}, "security-defaults", nil, diagnose.Developer},
	{"16 criteria", "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator.", diagnose.Subject{}, "policy", nil, diagnose.EntraAdmin},
	{"17 mechanism", "504 5.7.4 Unrecognized authentication type [ME2PR01CA0084.ausprd01.prod.outlook.com]", diagnose.Subject{}, "mechanism", nil, diagnose.Developer},
	{"18 no AUTH", "530 5.7.57 Client not authenticated to send mail. [FR5P281CA0041.DEUP281.PROD.OUTLOOK.COM]", diagnose.Subject{}, "not-authenticated", nil, diagnose.Developer},
	{"19 front end", "451 4.7.0 Retryable server error. Please try again later. PRX4 [AM0PR02CA0134.eurprd02.prod.outlook.com]", diagnose.Subject{}, "smtp-temporary", nil, diagnose.Nobody},
	{"20 logon failure", logonFailure, diagnose.Subject{Flow: diagnose.AppOnly}, "no-mailbox-access", nil, diagnose.ExchangeAdmin},
	{"21 SendAsDenied", sendAsRefused, diagnose.Subject{Username: adele}, "no-send-as", nil, diagnose.ExchangeAdmin},
	{"21 5.7.60", "550 5.7.60 SMTP; Client does not have permissions to send as this sender", diagnose.Subject{}, "no-send-as", nil, diagnose.ExchangeAdmin},
	{"22 threads", "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded [Hostname=DM5SPR00MB2471.namprd08.prod.outlook.com]", diagnose.Subject{}, "too-many-submissions", nil, diagnose.Developer},
	{"23 token expired in a session", "* BYE Session invalidated - AccessTokenExpired", diagnose.Subject{}, "session-outlived-token", nil, diagnose.Developer},
	{"24 throttled, NO", "A7 NO Request is throttled. Suggested Backoff Time: 299910 milliseconds", diagnose.Subject{}, "throttled", nil, diagnose.Nobody},
	{"24 throttled, BAD", "A5 BAD Request is throttled. Suggested Backoff Time: 89117 milliseconds", diagnose.Subject{}, "throttled", nil, diagnose.Nobody},
	{"25 closed 14", "* BYE Connection closed. 14", diagnose.Subject{}, "closed", nil, diagnose.Nobody},
	{"25 closed 13", "* BYE Connection is closed. 13", diagnose.Subject{}, "closed", nil, diagnose.Nobody},
	{"26 unavailable 15", "A3 NO Server Unavailable. 15", diagnose.Subject{}, "unavailable", nil, diagnose.Nobody},
	{"26 unavailable 21", "-ERR Server Unavailable. 21", diagnose.Subject{}, "unavailable", nil, diagnose.Nobody},
	{"27 POP in one line", "-ERR Protocol error. Connection is closed. 10", diagnose.Subject{}, "pop-two-steps", nil, diagnose.Developer},
	{"28 POP, 4097 characters", "-ERR Protocol error. Connection is closed. 10", diagnose.Subject{Token: strings.Repeat("x", 4097)}, "pop-token-long", nil, diagnose.Developer},
	{"29 empty line", "* BAD Command Error. 12", diagnose.Subject{}, "empty-line", nil, diagnose.Developer},
	{"30 LOGINDISABLED", "Logging in is disabled on this server", diagnose.Subject{}, "login-disabled", nil, diagnose.Developer},
	{"31 AADSTS1002012", "AADSTS1002012: The provided value for scope is not valid.", diagnose.Subject{}, "default-scope", nil, diagnose.Developer},
	{"32 two resources", "AADSTS28000: Provided value for the input parameter scope is not valid because it contains more than one resource.", diagnose.Subject{}, "two-resources", nil, diagnose.Developer},
	{"33 wrong secret", "AADSTS7000215: Invalid client secret provided.", diagnose.Subject{}, "wrong-secret", nil, diagnose.Developer},
	{"33 expired secret", "AADSTS7000222: The provided client secret keys are expired.", diagnose.Subject{}, "expired-secret", nil, diagnose.Developer},
	{"34 MFA enrolment", "AADSTS50079: The user is required to use multi-factor authentication.", diagnose.Subject{}, "mfa", nil, diagnose.User},
	{"34 MFA", "AADSTS50076: you must use multi-factor authentication", diagnose.Subject{}, "mfa", nil, diagnose.User},
	{"35 HVE", "501 5.5.127 Invalid XOAUTH2 auth data - Token will expire soon error", diagnose.Subject{}, "token-nearly-expired", nil, diagnose.Developer},
	{"36 old TLS", "421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2.", diagnose.Subject{}, "old-tls", nil, diagnose.Developer},
	{"37 China, SMTP", smtpFailed, diagnose.Subject{Tenant: "contoso.partner.onmschina.cn"}, "wrong-cloud", nil, diagnose.Developer},
	{"37 China, IMAP", imapFailed, diagnose.Subject{Username: "adele@contoso.partner.onmschina.cn"}, "wrong-cloud", nil, diagnose.Developer},
	{"38 consumer with .default", imapFailed, diagnose.Subject{Username: "example@outlook.com", Scopes: []string{"https://outlook.office365.com/.default"}}, "consumer-scope", nil, diagnose.Developer},
}

func TestSymptoms(t *testing.T) {
	right := 0
	numbers := make(map[string]bool)
	for _, r := range symptomRows {
		if t.Run(r.name, r.check) {
			right++
		}
		number, _, _ := strings.Cut(r.name, " ")
		numbers[number] = true
	}
	for i := range 38 {
		if !numbers[fmt.Sprint(i+1)] {
			t.Errorf("no test of row %d", i+1)
		}
	}
	t.Logf("the right cause first: %d of %d, in %d rows of the table", right, len(symptomRows), len(numbers))
}

func (r row) check(t *testing.T) {
	r.about.Now = now
	findings := diagnose.ExplainLine(r.line, r.about)
	if len(findings) == 0 {
		t.Fatal("no finding")
	}
	if first := findings[0]; first.Rule != r.want || r.who != "" && first.Who != r.who {
		t.Errorf("first is %s for the %s, want %s for the %s", first.Rule, first.Who, r.want, r.who)
	}
	for _, want := range r.also {
		if !has(findings, want) {
			t.Errorf("no finding %s in %v", want, names(findings))
		}
	}
	for _, f := range findings {
		checkFinding(t, f)
	}
}

// placeholder is one that was not filled in.
var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

func has(findings []diagnose.Finding, rule string) bool {
	for _, f := range findings {
		if f.Rule == rule {
			return true
		}
	}
	return false
}

func names(findings []diagnose.Finding) []string {
	var list []string
	for _, f := range findings {
		list = append(list, f.Rule)
	}
	return list
}

// checkFinding looks at what every finding must have.
func checkFinding(t *testing.T, f diagnose.Finding) {
	t.Helper()
	if f.Cause == "" || f.Evidence == "" || f.Remedy == "" || f.Who == "" || f.Confidence == 0 || !strings.HasPrefix(f.Source, "https://") {
		t.Errorf("%s lacks something: %+v", f.Rule, f)
	}
	for _, text := range []string{f.Cause, f.Evidence, f.Remedy} {
		if placeholder.MatchString(text) || strings.ContainsAny(text, "\n\r") {
			t.Errorf("%s: a placeholder or a line end is left in %q", f.Rule, text)
		}
	}
	for _, c := range f.Commands {
		if c.Text == "" || c.Shell == "" || placeholder.MatchString(c.Text) || strings.Contains(c.Text, "\n") {
			t.Errorf("%s: command %q", f.Rule, c.Text)
		}
	}
}
