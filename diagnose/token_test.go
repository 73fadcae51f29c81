package diagnose_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/diagnose"
)

func TestToken(t *testing.T) {
	claim := func(name string, value any) map[string]any { return map[string]any{name: value} }
	imap, smtp := diagnose.Subject{Protocol: diagnose.IMAP}, diagnose.Subject{Protocol: diagnose.SMTP}
	as := func(about diagnose.Subject, username string) diagnose.Subject {
		about.Username = username
		return about
	}
	for _, test := range []struct {
		name  string
		token string
		about diagnose.Subject
		want  string // rules; "" for none
	}{
		{"app-only, IMAP", appToken(nil), imap, ""},
		{"app-only, SMTP", appToken(nil), as(smtp, mailbox), ""},
		{"delegated, IMAP", userToken(nil), as(imap, adele), ""},
		{"delegated, shared mailbox by IMAP", userToken(nil), diagnose.Subject{Protocol: diagnose.IMAP, Username: mailbox, Shared: true}, ""},
		{"delegated, mailbox of somebody else", userToken(nil), as(imap, mailbox), "token-of-another-user"},
		{"guest", userToken(claim("upn", "adele_fabrikam.com#EXT#@contoso.onmicrosoft.com")), as(imap, mailbox), "token-of-a-guest"},
		{"delegated, SMTP", userToken(nil), as(smtp, "Adele@Contoso.com"), ""},
		{"with the scheme before it", "Bearer " + appToken(nil), imap, ""},
		{"audience with a final slash", appToken(claim("aud", "https://outlook.office365.com/")), imap, ""},
		{"audience in a list", appToken(claim("aud", []string{"https://outlook.office.com"})), imap, ""},
		{"audience by id", appToken(claim("aud", "00000002-0000-0ff1-ce00-000000000000")), imap, ""},
		{"opaque consumer token", "EwBAAl3BAAUFFpUAo7+" + strings.Repeat("k", 900) + "==", imap, ""},
		{"no claims at all", jwt(map[string]any{}), imap, ""},

		{"audience Graph", appToken(claim("aud", "https://graph.microsoft.com")), imap, "token-for-graph"},
		{"audience Graph by id", appToken(claim("aud", "00000003-0000-0000-c000-000000000000")), imap, "token-for-graph"},
		{"audience ps.outlook.com", appToken(claim("aud", "https://ps.outlook.com")), imap, "token-for-ps-outlook"},
		{"audience of somebody else", appToken(claim("aud", "https://contoso.com/api")), imap, "token-for-something-else"},
		{"host that begins like Exchange", appToken(claim("aud", "https://outlook.office365.com.example.com")), imap, "token-for-something-else"},
		{"audience of the US government", appToken(claim("aud", "https://outlook.office365.us")), imap, "token-for-another-cloud"},
		{"ID token", jwt(map[string]any{"aud": clientID, "iss": "https://login.microsoftonline.com/" + tenantID + "/v2.0", "exp": now.Unix() + 60}), imap, "id-token"},
		{"expires now", appToken(claim("exp", now.Unix())), imap, "token-expired"},
		{"expires in a second", appToken(claim("exp", now.Unix()+1)), imap, ""},
		{"valid from now", appToken(claim("nbf", now.Unix())), imap, ""},
		{"valid in a second", appToken(claim("nbf", now.Unix()+1)), imap, "token-not-yet-valid"},
		{"expiry a text", appToken(claim("exp", "soon")), imap, ""},
		{"expiry out of every calendar", appToken(claim("exp", 1e300)), imap, ""},
		{"no role", appToken(claim("roles", nil)), imap, "app-role-missing"},
		{"role of SMTP alone, IMAP", appToken(claim("roles", []string{"SMTP.SendAsApp"})), imap, "app-role-missing"},
		{"no role, POP", appToken(claim("roles", []string{"IMAP.AccessAsApp"})), diagnose.Subject{Protocol: diagnose.POP}, "app-role-missing"},
		{"no role, protocol not known", appToken(claim("roles", nil)), diagnose.Subject{}, ""},
		{"role of IMAP alone, SMTP", appToken(claim("roles", []string{"IMAP.AccessAsApp"})), smtp, "smtp-role-missing"},
		{"scope of SMTP alone, IMAP", userToken(claim("scp", "SMTP.Send")), imap, "scope-missing"},
		{"scope of IMAP alone, SMTP", userToken(claim("scp", "IMAP.AccessAsUser.All")), as(smtp, adele), "scope-missing"},
		{"tenant as an id", appToken(nil), diagnose.Subject{Tenant: strings.ToUpper(tenantID)}, ""},
		{"tenant as a domain", appToken(nil), diagnose.Subject{Tenant: "contoso.com"}, ""},
		{"another tenant", appToken(nil), diagnose.Subject{Tenant: clientID}, "token-of-another-tenant"},
		{"another application", appToken(nil), diagnose.Subject{ClientID: objectID}, "token-of-another-application"},
		{"version 2.0", appToken(claim("ver", "2.0")), imap, "token-version"},
		{"issuer not Entra ID", appToken(claim("iss", "https://accounts.example.com")), imap, "token-issuer"},
		{"alias by SMTP", userToken(nil), as(smtp, "a.vance@contoso.com"), "smtp-user"},
		{"shared mailbox by SMTP", userToken(nil), diagnose.Subject{Protocol: diagnose.SMTP, Username: mailbox, Shared: true}, "smtp-shared-user"},
		{"delegate's name for a shared mailbox", userToken(nil), diagnose.Subject{Protocol: diagnose.SMTP, Username: adele, Mailbox: mailbox}, ""},
		{"POP, 4097 characters", appToken(claim("wids", strings.Repeat("x", 4096))), diagnose.Subject{Protocol: diagnose.POP}, "pop-token-long"},
		{"two certain faults", appToken(map[string]any{"aud": "https://graph.microsoft.com", "exp": 1}), imap, "token-for-graph token-expired"},

		{"empty", " ", imap, "not-a-token"},
		{"the whole answer", `{"access_token":"x"}`, imap, "not-a-token"},
		{"two lines", "a\nb", imap, "not-a-token"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.about.Now = now
			findings := diagnose.Token(test.token, test.about)
			if got := strings.Join(names(findings), " "); got != test.want {
				t.Errorf("findings %q, want %q", got, test.want)
			}
			for _, f := range findings {
				checkFinding(t, f)
			}
		})
	}
}

// A correct set-up gives no finding in any flow, protocol and cloud.
func TestTokenHealthy(t *testing.T) {
	checked := 0
	for _, cloud := range exoauth.Clouds() {
		for _, p := range []diagnose.Protocol{diagnose.IMAP, diagnose.SMTP, diagnose.POP} {
			about := diagnose.Subject{Protocol: p, Cloud: cloud, Tenant: tenantID, ClientID: clientID, Username: adele, Now: now}
			issuer := "https://sts.windows.net/" + tenantID + "/"
			if cloud == exoauth.China {
				issuer = "https://sts.chinacloudapi.cn/" + tenantID + "/"
			}
			for _, token := range []string{
				appToken(map[string]any{"aud": cloud.Resource, "iss": issuer}),
				userToken(map[string]any{"aud": cloud.UserResource, "iss": issuer}),
			} {
				checked++
				if findings := diagnose.Token(token, about); findings != nil {
					t.Errorf("%s, %s: %v", cloud.Resource, p, findings)
				}
			}
		}
	}
	t.Logf("%d correct tokens, no finding", checked)
}

// What only warns must not stop anybody.
func TestTokenConfidence(t *testing.T) {
	token := appToken(map[string]any{"roles": []string{"IMAP.AccessAsApp"}})
	about := diagnose.Subject{Protocol: diagnose.SMTP, Now: now, Token: token, Username: mailbox}
	if f := diagnose.Token(token, about)[0]; f.Confidence != diagnose.Possible {
		t.Errorf("a missing SMTP.SendAsApp is %s: application RBAC needs none", f.Confidence)
	}
	if f := diagnose.ExplainLine(smtpFailed, about)[0]; f.Rule != "smtp-role-refused" {
		t.Errorf("after a refusal %s comes first", f.Rule)
	}
}

func ExampleToken() {
	token := appToken(map[string]any{"aud": "https://graph.microsoft.com"})
	for _, f := range diagnose.Token(token, diagnose.Subject{Protocol: diagnose.IMAP, Now: now}) {
		fmt.Println(f.Confidence, "-", f.Cause)
		fmt.Println(f.Evidence)
		fmt.Println(f.Commands[0].Text)
	}
	// Output:
	// certain - The token is for Microsoft Graph, and Exchange refuses it.
	// aud of the token is https://graph.microsoft.com
	// Scopes=https://outlook.office365.com/.default
}

func ExampleExplainLine() {
	findings := diagnose.ExplainLine("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.",
		diagnose.Subject{Username: "invoices@contoso.com"})
	for _, f := range findings {
		fmt.Println(f.Cause)
		fmt.Println(f.Who, "->", f.Commands[1].Text)
	}
	// Output:
	// SMTP AUTH is switched off for the mailbox, and that counts for OAuth, too.
	// Exchange administrator -> Set-CASMailbox -Identity invoices@contoso.com -SmtpClientAuthenticationDisabled $false
}

// A zero Now is the present.
func TestTokenNow(t *testing.T) {
	past := appToken(map[string]any{"nbf": 1, "exp": time.Now().Add(-time.Minute).Unix()})
	if findings := diagnose.Token(past, diagnose.Subject{}); !has(findings, "token-expired") {
		t.Errorf("findings %v", findings)
	}
}
