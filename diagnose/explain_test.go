package diagnose_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-smtp"
	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/diagnose"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/popdial"
	"github.com/exoauth/exoauth/smtpdial"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokensource"
	"github.com/exoauth/exoauth/xoauth2"
)

// typedNil is an error that panics when it is asked.
type typedNil struct{ text string }

func (e *typedNil) Error() string { return e.text }

func imapError(op imapdial.Op, err error) error {
	return &imapdial.Error{Op: op, Addr: "outlook.office365.com:993", Username: mailbox, Err: err}
}

func popError(op popdial.Op, err error) error {
	return &popdial.Error{Op: op, Addr: "outlook.office365.com:995", Username: mailbox, Err: err}
}

func smtpError(op smtpdial.Op, err error) error {
	return &smtpdial.Error{Op: op, Addr: "smtp.office365.com:587", Username: mailbox, Err: err}
}

func TestExplainErrors(t *testing.T) {
	no := &imap.Error{Type: imap.StatusResponseTypeNo, Text: "AUTHENTICATE failed."}
	app := diagnose.Subject{Flow: diagnose.AppOnly}
	for _, test := range []struct {
		name  string
		err   error
		about diagnose.Subject
		want  string // the first; "" for no finding
	}{
		{"nil", nil, app, ""},
		{"words that nobody knows", errors.New("the moon is full"), app, ""},
		{"imapdial, refused", imapError(imapdial.OpAuthenticate, no), app, "app-not-registered"},
		{"imapdial, wrapped twice", fmt.Errorf("a: %w", fmt.Errorf("b: %w", imapError(imapdial.OpAuthenticate, no))), app, "app-not-registered"},
		{"imapdial, not connected", imapError(imapdial.OpOpen, &imap.Error{Type: "BAD", Text: "User is authenticated but not connected."}), app, "no-full-access"},
		{"go-imap, goodbye unread", io.ErrUnexpectedEOF, app, "dropped"},
		{"go-imap, goodbye unread and a write after it", net.ErrClosed, app, "dropped"},
		{"tokensource, cut off", &tokensource.Error{Err: io.ErrUnexpectedEOF}, app, "token-cut-off"},
		{"imapdial, cut off", imapError(imapdial.OpAuthenticate, io.ErrUnexpectedEOF), app, "cut-off"},
		{"imapdial, no greeting", imapError(imapdial.OpGreeting, io.ErrUnexpectedEOF), app, "port"},
		{"smtpdial, cut off", smtpError(smtpdial.OpAuthenticate, io.ErrUnexpectedEOF), app, "cut-off"},
		{"go-imap", no, app, "app-not-registered"},
		{"smtpdial, refused", smtpError(smtpdial.OpAuthenticate, &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 3}, Message: "Authentication unsuccessful"}), app, "app-not-registered"},
		{"go-smtp", &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 57}, Message: "Client not authenticated to send mail."}, app, "not-authenticated"},
		{"go-smtp without an enhanced code", &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCodeNotSet, Message: "5.7.3 Authentication unsuccessful"}, app, "app-not-registered"},
		{"net/smtp", &textproto.Error{Code: 535, Msg: "5.7.3 Authentication unsuccessful [SN2PR00CA0018.namprd00.prod.outlook.com]"}, app, "app-not-registered"},
		{"xoauth2, JSON challenge", imapError(imapdial.OpAuthenticate, fmt.Errorf("%w: %w", &imap.Error{Type: "NO", Text: "no"}, &xoauth2.Error{Status: "401"})), diagnose.Subject{Worked: true}, "stale-token"},
		{"popdial, refused", popError(popdial.OpAuthenticate, &popdial.ReplyError{Text: "Authentication failure: unknown user name or bad password."}), app, "app-not-registered"},
		{"popdial, token too long", popError(popdial.OpAuthenticate, fmt.Errorf("%w: %w", popdial.ErrTokenTooLong, &popdial.ReplyError{Text: "Protocol error. Connection is closed. 10"})), app, "pop-token-long"},
		{"popdial, no server", popError(popdial.OpGreeting, io.ErrUnexpectedEOF), app, "port"},
		{"popdial, no token", popError(popdial.OpToken, &tokensource.Error{Code: "invalid_client", AADSTS: []int{7000222}, StatusCode: 401, Description: "AADSTS7000222: expired"}), app, "expired-secret"},
		{"tokencache", &tokencache.Error{Key: "adele", Problem: "is damaged", Remedy: "it is replaced"}, app, "cache"},
		{"tokencache, by tokensource", &tokensource.Error{Err: &tokencache.Error{Key: "adele", Problem: "cannot be read", Remedy: "check the permissions of the directory"}}, app, "cache"},
		{"tokensource", imapError(imapdial.OpToken, &tokensource.Error{Code: "invalid_client", AADSTS: []int{7000222}, StatusCode: 401, Description: "AADSTS7000222: expired"}), app, "expired-secret"},
		{"tokensource, code without AADSTS", &tokensource.Error{Code: "invalid_request", StatusCode: 400}, app, "entra-refused"},
		{"tokensource, server error without AADSTS", &tokensource.Error{Code: "server_error", StatusCode: 500}, app, "passing"},
		{"tokensource, a proxy's page", &tokensource.Error{StatusCode: 503, Err: errors.New("the answer is not the JSON object expected")}, app, "passing"},
		{"tokensource, throttled without a body", &tokensource.Error{StatusCode: 429, Err: errors.New("the answer is empty")}, app, "passing"},
		{"tokensource, no answer", &tokensource.Error{Err: &net.DNSError{Err: "no such host", Name: "login.example.com", IsNotFound: true}}, app, "no-such-host"},
		{"tokensource, a setting", &tokensource.ConfigError{Field: "Tenant", Value: "common", Problem: "stands for many"}, diagnose.Subject{Username: mailbox}, "setting"},
		{"tokensource, a setting that only its own words explain", &tokensource.ConfigError{Field: "CertificateFile", Value: "a.pem", Problem: "cannot be read", Remedy: "check the path"}, app, "setting"},
		{"x/oauth2", &oauth2.RetrieveError{ErrorCode: "invalid_client", ErrorDescription: "AADSTS7000215: Invalid client secret provided."}, app, "wrong-secret"},
		{"x/oauth2, wrapped by net/http", fmt.Errorf("Post \"https://example.com\": %w", &oauth2.RetrieveError{ErrorCode: "invalid_grant", ErrorDescription: "AADSTS50173: revoked"}), app, "grant-revoked"},
		{"MSAL Go", errors.New("http call(https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token)(POST) error: reply status code was 401:\n{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid client secret provided.\",\"error_codes\":[7000215]}"), app, "wrong-secret"},
		{"azidentity", errors.New("ClientSecretCredential authentication failed. \nPOST https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token\n----\nRESPONSE 400: 400 Bad Request\n----\n{\n  \"error\": \"unauthorized_client\",\n  \"error_description\": \"AADSTS700016: Application with identifier 'x' was not found\"}\n----\nTo troubleshoot, visit https://aka.ms/azsdk/go/identity/troubleshoot#client-secret"), diagnose.Subject{}, "wrong-client-id"},
		{"Python imaplib", errors.New("imaplib.IMAP4.error: AUTHENTICATE failed."), app, "app-not-registered"},
		{"Python smtplib", errors.New("(535, b'5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.')"), app, "smtp-off-tenant"},
		{"JavaMail", errors.New("javax.mail.AuthenticationFailedException: AUTHENTICATE failed."), app, "app-not-registered"},

		{"no such host", imapError(imapdial.OpConnect, &net.DNSError{Err: "no such host", Name: "outlook.example.com", IsNotFound: true}), app, "no-such-host"},
		{"address without a port", smtpError(smtpdial.OpConnect, &net.AddrError{Err: "missing port in address", Addr: "smtp.office365.com"}), app, "address"},
		{"connection refused", imapError(imapdial.OpConnect, errors.New("dial tcp 192.0.2.1:993: connect: connection refused")), app, "connection-refused"},
		{"timeout of the connection", smtpError(smtpdial.OpConnect, context.DeadlineExceeded), app, "port-closed"},
		{"timeout of the login", imapError(imapdial.OpAuthenticate, context.DeadlineExceeded), app, "too-slow"},
		{"unknown authority", imapError(imapdial.OpTLS, &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), app, "intercepted"},
		{"certificate of another host", imapError(imapdial.OpTLS, x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{"mail.example.com"}}, Host: "outlook.office365.com"}), app, "wrong-host"},
		{"plain text on the port", imapError(imapdial.OpTLS, tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}), app, "port"},
		{"no TLS from the other side", smtpError(smtpdial.OpGreeting, io.ErrUnexpectedEOF), app, "port"},
		{"timeout of the connection, IMAP", imapError(imapdial.OpConnect, context.DeadlineExceeded), app, "port-closed"},
		{"certificate expired", imapError(imapdial.OpTLS, x509.CertificateInvalidError{Reason: x509.Expired}), app, "clock"},
		{"certificate of a proxy", errors.New("the certificate of outlook.office365.com was issued by Contoso Proxy, which is not Microsoft's authority"), app, "intercepted"},
		{"app-only at outlook.com", no, diagnose.Subject{Flow: diagnose.AppOnly, Username: "example@outlook.com"}, "consumer-app-only"},
		{"logon failure of a user", errors.New(logonFailure), diagnose.Subject{Flow: diagnose.Delegated, Username: adele}, "no-mailbox-access"},
		{"no fresh token after a refusal", imapError(imapdial.OpAuthenticate, fmt.Errorf("%w; and there is no fresh token to try: %w", no, &tokensource.Error{Code: "invalid_client", AADSTS: []int{7000222}, StatusCode: 401, Description: "AADSTS7000222: expired"})), app, "expired-secret"},
		{"context ended after a refusal", imapError(imapdial.OpAuthenticate, fmt.Errorf("%w, after %w", context.DeadlineExceeded, no)), app, "app-not-registered"},
		{"no STARTTLS", smtpError(smtpdial.OpStartTLS, smtpdial.ErrNoStartTLS), app, "no-starttls"},
		{"no XOAUTH2", imapError(imapdial.OpCapability, imapdial.ErrNoXOAUTH2), app, "no-xoauth2"},
		{"user name with a line end", imapError(imapdial.OpAuthenticate, xoauth2.Validate("a\n", "-")), app, "user-name"},
		{"user name without a domain", no, diagnose.Subject{Username: "invoices"}, "user-name-form"},
		{"user name with a display name", no, diagnose.Subject{Username: "Invoices <invoices@contoso.com>"}, "user-name-form"},
		{"user name that is an address", no, diagnose.Subject{Username: "o'neill+a@contoso.com"}, "scope-of-graph"},
		{"no user name", imapError(imapdial.OpAuthenticate, xoauth2.Validate("", "-")), app, "user-name"},
		{"no token in the source's answer", imapError(imapdial.OpAuthenticate, xoauth2.Validate(mailbox, "")), app, "empty-token"},

		{"typed nil", (*typedNil)(nil), app, ""},
		{"typed nil of the dialer", (*imapdial.Error)(nil), app, ""},
		{"dialer's error without a reason", &imapdial.Error{}, app, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			findings := diagnose.Explain(test.err, test.about)
			switch {
			case test.want == "" && len(findings) > 0:
				t.Errorf("findings %v", names(findings))
			case test.want != "" && (len(findings) == 0 || findings[0].Rule != test.want):
				t.Errorf("findings %v, want %s first", names(findings), test.want)
			}
			for _, f := range findings {
				checkFinding(t, f)
			}
		})
	}
}

// Lines that look alike and have another cause.
func TestNearMisses(t *testing.T) {
	for line, not := range map[string]string{
		"535 5.7.139 Authentication unsuccessful, basic authentication is disabled.": "app-not-registered",
		"A1 NO LOGIN failed.":                           "app-not-registered",
		"* BYE Connection closed. 14 throttled":         "closed",
		"A1 OK AUTHENTICATE completed.":                 "app-not-registered",
		"AADSTS70000: invalid":                          "grant-unsupported",
		"AADSTS700016: not found":                       "grant-invalid",
		"AADSTS7000215: wrong":                          "federated-credential",
		"-ERR Protocol error. Connection is closed. 10": "stale-token",
		"550 5.7.1 Unable to relay":                     "no-send-as",
		"json: unexpected EOF":                          "dropped",
		"write |1: use of closed network connection":    "dropped",
		`Post "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token": unexpected EOF`: "dropped",
		"write tcp 10.0.0.1:4711->52.98.1.1:587: use of closed network connection":               "dropped",
		"ssh-agent: identity not found":                                              "no-identity",
		"config: refresh token is not set in settings.json, using the client secret": "no-refresh-token",
		`Post "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token": proxyconnect tcp: tls: first record does not look like a TLS handshake`: "starttls-port",
		"GET http://169.254.169.254/metadata/identity/oauth2/token 200 OK\nimap: dial tcp outlook.office365.com:993: context deadline exceeded":          "not-in-azure",
		`Get "http://169.254.169.254/latest/meta-data/iam/": dial tcp 169.254.169.254:80: i/o timeout`:                                                   "not-in-azure",
		"server doesn't support AUTHORITATIVE answers": "no-auth",
	} {
		if findings := diagnose.ExplainLine(line, diagnose.Subject{Flow: diagnose.AppOnly}); has(findings, not) {
			t.Errorf("%q: %v", line, names(findings))
		}
	}
}

// A server's own reason comes first, and one that looks alike is none.
func TestServersReason(t *testing.T) {
	for _, test := range []struct{ want, line, alike string }{
		{
			"password",
			`A1 NO [Error="AuthFailed:LogonDenied-BasicAuthBlocked-<RequestId=a72c4922-23ab-4d80-b5ea-df75b0cdd734,ST=02:03:58><Process:Microsoft.Exchange.Security.BasicAuthService.Server><BG<UserType:OutlookCom><LogonFailed-BasicAuthBlocked><AS:BasicAuthBlocked>`,
			`A1 NO [Error="AuthFailed:LogonDenied-None-OAuthLog:AuthExc_Auth Failed."`,
		},
		{
			"locked",
			"535 5.7.139 Authentication unsuccessful, account locked. Contact your administrator.",
			"554 user@example.com; Recipient address rejected: Account locked for abuse or overuse",
		},
		{
			"unavailable",
			"421 4.3.2 Service not active [TYAPR01CA0229.jpnprd01.prod.outlook.com]",
			"432 4.3.2 Concurrent connections limit exceeded.",
		},
		{
			"mailbox-full",
			"554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionQuotaExceeded",
			"554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded",
		},
		{
			"too-many-recipients",
			"554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException",
			"554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionQuotaExceeded",
		},
	} {
		t.Run(test.want, func(t *testing.T) {
			for _, about := range []diagnose.Subject{{}, {Flow: diagnose.AppOnly}, {Flow: diagnose.Delegated, Username: "example@outlook.com"}} {
				findings := diagnose.ExplainLine(test.line, about)
				if len(findings) == 0 || findings[0].Rule != test.want {
					t.Fatalf("%v: %v", about, names(findings))
				}
				checkFinding(t, findings[0])
				if alike := diagnose.ExplainLine(test.alike, about); has(alike, test.want) {
					t.Errorf("%v: %q: %v", about, test.alike, names(alike))
				}
			}
		})
	}
}

// The line that decides is found in the middle of a log, too.
func TestExplainTheMiddleOfALog(t *testing.T) {
	noise := strings.Repeat("2026-11-28 INFO nothing to see here\n", 1000)
	for line, want := range map[string]string{
		"AADSTS7000222: The provided client secret keys are expired.": "expired-secret",
		"S: A1 NO AUTHENTICATE failed.":                               "app-not-registered",
		tenantOff:                                                     "smtp-off-tenant",
	} {
		findings := diagnose.ExplainLine(noise+line+"\n"+noise, diagnose.Subject{Flow: diagnose.AppOnly})
		if len(findings) == 0 || findings[0].Rule != want || !strings.Contains(line, strings.TrimSuffix(findings[0].Evidence, "…")) {
			t.Errorf("%s: %v", line, findings)
		}
	}
}

// What the token says is evidence, too.
func TestEvidence(t *testing.T) {
	good := diagnose.ExplainLine(imapFailed, diagnose.Subject{Username: mailbox, Token: appToken(nil), Now: now})[0]
	if want := "A01 NO AUTHENTICATE failed; the token is for Exchange and has IMAP.AccessAsApp"; good.Evidence != want {
		t.Errorf("evidence %q, want %q", good.Evidence, want)
	}
	user := diagnose.ExplainLine(notConnected, diagnose.Subject{Username: adele, Token: userToken(nil), Now: now})[0]
	if want := ", and is of " + adele; !strings.HasSuffix(user.Evidence, want) {
		t.Errorf("evidence %q, want %q", user.Evidence, want)
	}
	unknown := diagnose.ExplainLine(imapFailed, diagnose.Subject{Flow: diagnose.AppOnly})[0]
	if unknown.Evidence != imapFailed {
		t.Errorf("evidence %q", unknown.Evidence)
	}
}

// Of a log it is the line that says it, as it stands there.
func TestEvidenceOfALog(t *testing.T) {
	noise := strings.Repeat("S: * OK still here\r\n", 30)
	for line, log := range map[string]string{
		"S: " + imapFailed: noise + "S: " + imapFailed + "\r\nC: A2 LOGOUT\r\n",
		"AADSTS7000222: The provided client secret keys are expired.": "POST /token\n{\n" + "AADSTS7000222: The provided client secret keys are expired. Trace ID: 1\n}\n",
	} {
		if f := diagnose.ExplainLine(log, diagnose.Subject{Flow: diagnose.AppOnly})[0]; f.Evidence != line {
			t.Errorf("evidence %q, want %q", f.Evidence, line)
		}
	}
}

// What opens the mailbox by IMAP is registered.
func TestOpened(t *testing.T) {
	for _, about := range []diagnose.Subject{{}, {Flow: diagnose.AppOnly}, {Flow: diagnose.Delegated}, {Token: appToken(nil), Now: now}} {
		about.Username = mailbox
		if registration(diagnose.ExplainLine(smtpFailed, about)) == "" {
			t.Errorf("%v: no rule says it of a mailbox that was not opened", about)
		}
		about.Opened = true
		findings := diagnose.ExplainLine(smtpFailed, about)
		if rule := registration(findings); rule != "" || len(findings) == 0 {
			t.Errorf("%v: %q of %v", about, rule, names(findings))
		}
	}
}

// registration is the rule of a finding that blames what an administrator of
// Exchange sets for a mailbox, or that there is none.
func registration(findings []diagnose.Finding) string {
	for _, f := range findings {
		if f.Who == diagnose.ExchangeAdmin || f.Rule == "no-such-mailbox" {
			return f.Rule
		}
	}
	return ""
}

// All that is known stands in the commands, and what is not stays in brackets.
func TestCommands(t *testing.T) {
	known := diagnose.ExplainLine(imapFailed, diagnose.Subject{Username: mailbox, Token: appToken(nil), Now: now})
	if got, want := does(known[0]), []string{
		"if (-not (Get-ServicePrincipal -Identity " + clientID + " -ErrorAction SilentlyContinue)) { New-ServicePrincipal -AppId " + clientID + " -ObjectId " + objectID + " }",
		"Add-MailboxPermission -Identity invoices@contoso.com -User " + objectID + " -AccessRights FullAccess",
	}; !slices.Equal(got, want) {
		t.Errorf("commands\n got %q\nwant %q", got, want)
	}
	unknown := diagnose.ExplainLine(imapFailed, diagnose.Subject{Flow: diagnose.AppOnly})
	if got, want := does(unknown[0])[1], "Add-MailboxPermission -Identity <mailbox> -User <object id of the enterprise application> -AccessRights FullAccess"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	delegate := diagnose.ExplainLine(notConnected, diagnose.Subject{Username: mailbox, Shared: true, Token: userToken(nil), Now: now})
	if got, want := does(delegate[0])[0], "Add-MailboxPermission -Identity invoices@contoso.com -User adele@contoso.com -AccessRights FullAccess"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	sender := diagnose.ExplainLine(sendAsRefused, diagnose.Subject{Username: adele, Token: userToken(nil), Now: now})
	if got, want := does(sender[0])[0], "Add-RecipientPermission -Identity invoices@contoso.com -Trustee adele@contoso.com -AccessRights SendAs -Confirm:$false"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func texts(f diagnose.Finding) (list []string) {
	for _, c := range f.Commands {
		list = append(list, c.Text)
	}
	return list
}

// does are the commands without those that connect the shell.
func does(f diagnose.Finding) []string {
	return slices.DeleteFunc(texts(f), func(text string) bool {
		return strings.HasPrefix(text, "Connect-ExchangeOnline") || strings.HasPrefix(text, "az login") || strings.HasPrefix(text, "az cloud set")
	})
}

// A shell is connected before it is used, to the cloud that was meant.
func TestCommandsConnect(t *testing.T) {
	for _, test := range []struct {
		line  string
		cloud exoauth.Cloud
		want  []string
	}{
		{mailboxOff, exoauth.Global, []string{"Connect-ExchangeOnline"}},
		{mailboxOff, exoauth.GCCHigh, []string{"Connect-ExchangeOnline -ExchangeEnvironmentName O365USGovGCCHigh"}},
		{mailboxOff, exoauth.DoD, []string{"Connect-ExchangeOnline -ExchangeEnvironmentName O365USGovDoD"}},
		{mailboxOff, exoauth.China, []string{"Connect-ExchangeOnline -ExchangeEnvironmentName O365China"}},
		{"AADSTS7000112: x", exoauth.Global, []string{"Connect-MgGraph -Scopes Application.ReadWrite.All"}},
		{"AADSTS7000112: x", exoauth.GCCHigh, []string{"Connect-MgGraph -Scopes Application.ReadWrite.All -Environment USGov"}},
		{"AADSTS7000112: x", exoauth.DoD, []string{"Connect-MgGraph -Scopes Application.ReadWrite.All -Environment USGovDoD"}},
		{"AADSTS7000112: x", exoauth.China, []string{"Connect-MgGraph -Scopes Application.ReadWrite.All -Environment China"}},
		{"AADSTS7000222: x", exoauth.Global, []string{"az login --allow-no-subscriptions"}},
		{"AADSTS7000222: x", exoauth.China, []string{"az cloud set --name AzureChinaCloud", "az login --allow-no-subscriptions"}},
	} {
		got := texts(diagnose.ExplainLine(test.line, diagnose.Subject{Cloud: test.cloud, Username: mailbox})[0])
		if len(got) <= len(test.want) || !slices.Equal(got[:len(test.want)], test.want) {
			t.Errorf("%s: %q, want %q first", test.line, got, test.want)
		}
	}
}

// A name comes from a token or a server, and must not become a command.
func TestCommandsQuoted(t *testing.T) {
	for name, want := range map[string]string{
		"o'brien@contoso.com":                 "'o''brien@contoso.com'",
		"o’brien@contoso.com":                 "'o’’brien@contoso.com'",
		"a@b; Remove-Mailbox c@contoso.com":   "'a@b; Remove-Mailbox c@contoso.com'",
		"$(Remove-Mailbox)":                   "'$(Remove-Mailbox)'",
		"-WhatIf":                             "'-WhatIf'",
		"a b@contoso.com -Force":              "'a b@contoso.com -Force'",
		"`$a@contoso.com":                     "'`$a@contoso.com'",
		`"a"@contoso.com`:                     `'"a"@contoso.com'`,
		" a@contoso.com\r\n":                  "a@contoso.com",
		"a@b\nRemove-Mailbox c@contoso.com":   "<user name>",
		"a\tb@contoso.com":                    "<user name>",
		"\x1b[2Ja@contoso.com":                "<user name>",
		"moc.osotnoc@\u202ea":                 "<user name>",
		"a\u200b@contoso.com":                 "<user name>",
		"a\u00a0b@contoso.com":                "<user name>",
		"\xff@contoso.com":                    "<user name>",
		"invoices@contoso.com":                "invoices@contoso.com",
		strings.Repeat("a", 300) + "@contoso": "<user name>",
	} {
		findings := diagnose.ExplainLine(mailboxOff, diagnose.Subject{Username: name})
		if got := does(findings[0])[0]; got != "Set-CASMailbox -Identity "+want+" -SmtpClientAuthenticationDisabled $false" {
			t.Errorf("%q became %s", name, got)
		}
	}
	findings := diagnose.ExplainLine("AADSTS650056: misconfigured", diagnose.Subject{ClientID: "x' -o; rm -rf ~"})
	if got := does(findings[0])[0]; got != "az ad app permission admin-consent --id <application id>" {
		t.Errorf("an id that is none became %s", got)
	}
}

// Nothing that is secret comes out, whatever is pasted.
func TestNoSecret(t *testing.T) {
	const marked = "SECRETMARKEDSECRETMARKEDSECRETMARKEDSECRET"
	const opaque = "opaque token 17" // nothing but its being the token gives it away
	token := userToken(map[string]any{"marked": marked})
	for _, line := range []string{
		"C: A1 AUTHENTICATE XOAUTH2 dXNlcj1hQGIBYXV0aD1CZWFyZXIg" + marked + "==\nS: A1 NO AUTHENTICATE failed.",
		"535 5.7.3 Authentication unsuccessful for Bearer " + token,
		"AUTHENTICATE failed. eyJ0eXAi." + marked[:20] + ".sig",
		"AADSTS7000215: Invalid client secret provided. abc8Q~" + marked,
		"AADSTS7000215: client_secret=" + marked[:12] + "&scope=x",
		"LOGIN failed password: " + marked[:12],
		`AADSTS50126 {"refresh_token":"` + marked[:12] + `"}`,
	} {
		about := diagnose.Subject{Token: token, Username: mailbox}
		for _, f := range append(diagnose.ExplainLine(line, about), diagnose.ExplainLine("AUTHENTICATE failed. "+opaque, diagnose.Subject{Token: opaque})...) {
			out := fmt.Sprintf("%v %+v %#v %v %+v %#v", f, f, f, about, about, &about)
			if strings.Contains(out, marked[:12]) || strings.Contains(out, token[30:60]) || strings.Contains(out, opaque) {
				t.Errorf("%s shows a secret of %q:\n%s", f.Rule, line, out)
			}
		}
	}
}

// A setting is mended from the others where they tell how.
func TestSettingFix(t *testing.T) {
	for _, test := range []struct {
		config tokensource.ConfigError
		want   string // "" for no command
	}{
		{tokensource.ConfigError{Field: "Tenant", Value: "common"}, "Tenant=contoso.com"},
		{tokensource.ConfigError{Field: "Tenant", Value: " fabrikam.com\n"}, "Tenant=fabrikam.com"},
		{tokensource.ConfigError{Field: "ClientID", Value: clientID + " "}, "ClientID=" + clientID},
		{tokensource.ConfigError{Field: "ClientID"}, ""},
		{tokensource.ConfigError{Field: "Cloud.Authority", Value: "https://login.microsoftonline.us/contoso"}, "Cloud.Authority=https://login.microsoftonline.us"},
		{tokensource.ConfigError{Field: "Cloud.Authority", Value: "login"}, "Cloud.Authority=https://login.microsoftonline.com"},
		{tokensource.ConfigError{Field: "Cloud.Resource"}, "Cloud.Resource=https://outlook.office365.com"},
		{tokensource.ConfigError{Field: "Cloud.UserResource"}, "Cloud.UserResource=https://outlook.office.com"},
		{tokensource.ConfigError{Field: "Scopes", Value: "x"}, "Scopes=https://outlook.office365.com/.default"},
		{tokensource.ConfigError{Field: "Scopes", Value: "x", Remedy: "leave it unset, which means https://outlook.office.com/IMAP.AccessAsUser.All"},
			"Scopes=https://outlook.office.com/IMAP.AccessAsUser.All offline_access"},
		{tokensource.ConfigError{Field: "Credential", Problem: "an empty secret"}, "az ad app credential reset --id " + clientID + " --append"},
		{tokensource.ConfigError{Field: "Credential", Problem: "a key of another certificate"}, ""},
	} {
		test.config.Problem = cmp.Or(test.config.Problem, "wrong")
		f := diagnose.Explain(&test.config, diagnose.Subject{Username: mailbox, ClientID: clientID})[0]
		if got := append(does(f), "")[0]; got != test.want {
			t.Errorf("%s %q: %q, want %q", test.config.Field, test.config.Value, got, test.want)
		}
	}
}

// The cloud of the tenant decides the scope that a finding asks for.
func TestWantedScope(t *testing.T) {
	line := "AADSTS70011: invalid scope"
	for _, test := range []struct {
		about diagnose.Subject
		want  string
	}{
		{diagnose.Subject{Flow: diagnose.AppOnly}, "https://outlook.office365.com/.default"},
		{diagnose.Subject{Flow: diagnose.Delegated}, "https://outlook.office.com/IMAP.AccessAsUser.All offline_access"},
		{diagnose.Subject{Flow: diagnose.Delegated, Protocol: diagnose.SMTP}, "https://outlook.office.com/SMTP.Send offline_access"},
		{diagnose.Subject{Flow: diagnose.AppOnly, Cloud: exoauth.GCCHigh}, "https://outlook.office365.us/.default"},
		{diagnose.Subject{Flow: diagnose.AppOnly, Tenant: "contoso.partner.onmschina.cn"}, "https://partner.outlook.cn/.default"},
		{diagnose.Subject{Username: "example@outlook.com", Cloud: exoauth.China}, "https://outlook.office.com/IMAP.AccessAsUser.All offline_access"},
		{diagnose.Subject{Username: "example@outlook.com"}, "https://outlook.office.com/IMAP.AccessAsUser.All offline_access"},
	} {
		findings := diagnose.ExplainLine(line, test.about)
		if got := texts(findings[0])[0]; got != "Scopes="+test.want {
			t.Errorf("%v: %s, want %s", test.about, got, test.want)
		}
	}
}

// Where it is not known whose token it is, the remedy has the scope of either.
func TestScopeOfEitherFlow(t *testing.T) {
	const app, user = "https://outlook.office365.com/.default", "https://outlook.office.com/IMAP.AccessAsUser.All"
	for flow, want := range map[diagnose.Flow][2]bool{"": {true, true}, diagnose.Delegated: {false, true}} {
		findings := diagnose.ExplainLine("A1 NO AUTHENTICATE failed.", diagnose.Subject{Flow: flow})
		i := slices.IndexFunc(findings, func(f diagnose.Finding) bool { return f.Rule == "scope-of-graph" })
		if i < 0 {
			t.Fatalf("flow %q: %v", flow, names(findings))
		}
		if got := [2]bool{strings.Contains(findings[i].Remedy, app), strings.Contains(findings[i].Remedy, user)}; got != want {
			t.Errorf("flow %q: %s", flow, findings[i].Remedy)
		}
	}
}

func ExampleExplain() {
	err := &imapdial.Error{
		Op: imapdial.OpOpen, Addr: "outlook.office365.com:993", Username: "invoices@contoso.com",
		Err: &imap.Error{Type: imap.StatusResponseTypeBad, Text: "User is authenticated but not connected."},
	}
	for _, f := range diagnose.Explain(err, diagnose.Subject{ObjectID: objectID, Flow: diagnose.AppOnly}) {
		fmt.Println(f.Confidence, "-", f.Cause)
		for _, c := range f.Commands {
			fmt.Println("   ", c.Text)
		}
	}
	// Output:
	// likely - The token is good, but whoever it is of has no Full Access to the mailbox.
	//     Connect-ExchangeOnline
	//     Add-MailboxPermission -Identity invoices@contoso.com -User 9d0e4f52-3c1b-4f6a-8f0e-77a1c2d3e4f5 -AccessRights FullAccess
	// likely - IMAP is switched off for the mailbox.
	//     Connect-ExchangeOnline
	//     Set-CASMailbox -Identity invoices@contoso.com -ImapEnabled $true
	// possible - There are too many connections to the mailbox, if it worked before.
}
