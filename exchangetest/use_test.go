package exchangetest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest/internal/pki"
)

// A call that cannot be meant panics, and says which and why.
func TestWrongUseOfTheDirectory(t *testing.T) {
	w := newWorld(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	ec := pki.SelfSigned("x", key)
	for want, call := range map[string]func(){
		`AddApp: Exchange Online has no app role "Mail.Read"`:             func() { w.tenant.AddApp("x", "Mail.Read") },
		`InstallApp: the application "Invoices" is in the tenant`:         func() { w.tenant.InstallApp(w.app) },
		`InstallApp: Exchange Online has no app role "x"`:                 func() { w.Consumers().InstallApp(w.app, "x") },
		`RequestRoles: Exchange Online has no app role "x"`:               func() { w.app.RequestRoles("x") },
		`AddRedirectURI: the redirect URI "http://app.contoso.com/"`:      func() { w.app.AddRedirectURI(Web, "http://app.contoso.com/") },
		`AddRedirectURI: the redirect URI "javascript:alert(1)"`:          func() { w.app.AddRedirectURI(Web, "javascript:alert(1)") },
		`AddRedirectURI: the redirect URI "https://app.contoso.com/#x"`:   func() { w.app.AddRedirectURI(SPA, "https://app.contoso.com/#x") },
		`AddRedirectURI: the redirect URI "callback"`:                     func() { w.app.AddRedirectURI(Desktop, "callback") },
		`AddCertificate: a key for Entra ID is one of RSA, not of ECDSA`:  func() { w.app.AddCertificate(ec) },
		`AddFederatedCredential: a federated credential has an issuer`:    func() { w.app.AddFederatedCredential("", "x", "") },
		`AddIssuer: the name a/b is not one segment`:                      func() { w.AddIssuer("a/b") },
		`AddTenant: the domain "outlook.com" belongs`:                     func() { w.AddTenant("outlook.com") },
		`SetState: no conditional access policy refuses with AADSTS99`:    func() { w.tenant.AddUser("a@contoso.com").SetState(UserState{AADSTS: 99}) },
		`SetState: no conditional access policy refuses with AADSTS50057`: func() { w.tenant.AddUser("b@contoso.com").SetState(UserState{AADSTS: 50057}) },
		`SetState: a negative SignInFrequency, -1h0m0s`:                   func() { w.tenant.AddUser("c@contoso.com").SetState(UserState{SignInFrequency: -time.Hour}) },
		`SetCloud: the Cloud at "https://login.example.com" is`:           func() { w.tenant.SetCloud(exoauth.Cloud{Authority: "https://login.example.com"}) },
		`Consent: Exchange Online has no permission "IMAP.Access"`:        func() { w.app.Consent(nil, "IMAP.Access") },
		`Consent: example2@outlook.com is of another tenant`:              func() { w.app.Consent(w.Consumers().AddUser("example2@outlook.com"), SMTPSend) },
		`AddHost on a server that is not running`:                         func() { s := NewUnstartedServer(); defer s.Close(); s.AddHost(VM) },
		`there is a mailbox "` + shared + `" already`:                     func() { w.tenant.AddUser(shared) },
	} {
		t.Run(want, func(t *testing.T) {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.HasPrefix(got, "exchangetest: ") || !strings.Contains(got, want) {
					t.Errorf("panic %q", got)
				}
			}()
			call()
		})
	}
	for _, uri := range []string{"http://localhost:1/x", "http://127.0.0.1", "https://app.contoso.com/callback", "com.contoso.mail://auth", "msal4711://auth"} {
		w.app.AddRedirectURI(Desktop, uri)
	}
}

// Nothing that is logged, recorded or printed has a secret in it, whatever the
// flow and whether it succeeds.
func TestNoSecretOfAnyFlow(t *testing.T) {
	var log bytes.Buffer
	s := NewUnstartedServer()
	s.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.Start()
	p := &people{world: &world{Server: s, tenant: s.Tenant()}}
	p.app = p.tenant.AddApp("Invoices")
	p.public = p.app
	p.user = p.tenant.AddUser("adele@contoso.com")
	p.app.SetPublicFlows(true)
	p.app.AddRedirectURI(Desktop, "http://localhost")
	p.app.AddCertificate(testKeys()[0].cert)
	b := p.Browser(p.user)
	b.Password = p.user.Password
	values, err := b.Authorize(t.Context(), p.authorizeURL("common", "code_challenge", verifier))
	if err != nil {
		t.Fatal(err)
	}
	code := values.Get("code")
	got, problem := p.redeem(t, "common", "grant_type", "authorization_code", "code", code, "redirect_uri", "http://localhost:4711", "code_verifier", verifier)
	if problem != "" {
		t.Fatal(problem)
	}
	p.redeem(t, "common", "grant_type", "authorization_code", "code", code, "redirect_uri", "http://localhost:4711", "code_verifier", verifier)
	next, _ := p.redeem(t, "common", "grant_type", "refresh_token", "refresh_token", got.RefreshToken)
	p.redeem(t, "contoso.com", append(p.passwordForm(), "password", "misspelt")...)
	deviceCode, userCode, _ := p.device(t, "common")
	if err := b.EnterCode(t.Context(), userCode); err != nil {
		t.Fatal(err)
	}
	p.redeem(t, "common", "grant_type", "device_code", "device_code", deviceCode)
	assertion := p.assertion(nil)
	p.post(t, "contoso.com", p.assertionForm(assertion))
	p.post(t, "contoso.com", p.assertionForm(assertion+"x"))
	added, err := p.tenant.Admin(p.fill("(Add-MgApplicationPassword -ApplicationId {obj}).SecretText"))
	if err != nil {
		t.Fatal(err)
	}
	c := p.authenticated(t, p.user.UPN, next.AccessToken)
	c.send("A LOGOUT")
	c.read()
	s.Close()
	all := log.String() + fmt.Sprintf("%+v %+v %v %+v %#v %v", s.Requests(), s.Sessions(), p.user, b, p.app, s.Sent())
	for name, secret := range map[string]string{
		"client secret": p.app.Secret, "another": strings.TrimSpace(added), "password": p.user.Password, "wrong password": "misspelt", "code": code,
		"verifier": verifier, "refresh token": got.RefreshToken, "rotated": next.RefreshToken, "access token": next.AccessToken,
		"ID token": got.IDToken, "device code": deviceCode, "user code": userCode, "assertion": assertion,
	} {
		if secret == "" || strings.Contains(all, secret) {
			t.Errorf("the %s is not there at all, or told", name)
		}
	}
}

// An application of two tenants has one credential, and a principal in each.
func TestInstallApp(t *testing.T) {
	w := newWorld(t)
	fabrikam := w.AddTenant("fabrikam.com")
	fabrikam.AddMailbox("orders@fabrikam.com")
	there := fabrikam.InstallApp(w.app, IMAPAccessAsApp)
	fabrikam.Grant(there, "orders@fabrikam.com")
	if there.ClientID != w.app.ClientID || there.ServicePrincipalID == w.app.ServicePrincipalID {
		t.Error("the ids are wrong")
	}
	resp, body := w.post(t, "fabrikam.com", w.form())
	if resp.StatusCode != 200 {
		t.Fatal(body)
	}
	w.authenticated(t, "orders@fabrikam.com", there.Token(nil))
	c := w.dialIMAP(t)
	c.send("A AUTHENTICATE XOAUTH2 " + xoauth2IR("orders@fabrikam.com", w.app.Token(nil)))
	c.want("A NO AUTHENTICATE failed.")
	there.RevokeConsent()
	c = w.dialIMAP(t)
	c.send("A AUTHENTICATE XOAUTH2 " + xoauth2IR("orders@fabrikam.com", there.Token(nil)))
	c.want("A NO AUTHENTICATE failed.")
}

func TestErrorsOfAuthorizeThatFewMeet(t *testing.T) {
	p := newPeople(t)
	other := p.tenant.AddApp("No redirect URI")
	if _, err := p.Browser(p.user).Authorize(t.Context(), p.authorizeURL("contoso.com", "client_id", other.ClientID)); err == nil || !strings.Contains(err.Error(), "AADSTS500113") {
		t.Error(err)
	}
	// A code that was issued in one tenant does not count in another.
	p.AddTenant("fabrikam.com").InstallApp(p.app)
	values, err := p.Browser(p.user).Authorize(t.Context(), p.authorizeURL("contoso.com"))
	if err != nil {
		t.Fatal(err)
	}
	if _, problem := p.redeem(t, "fabrikam.com", "grant_type", "authorization_code", "code", values.Get("code"), "redirect_uri", "http://localhost:4711"); problem != "invalid_grant [700005]" {
		t.Error(problem)
	}
	for path, want := range map[string]string{
		"/contoso.com/oauth2/v2.0/devicecode": "AADSTS900144", "/x.example.com/oauth2/v2.0/devicecode": "AADSTS90002",
	} {
		resp, err := p.HTTPClient().PostForm(p.Cloud().Authority+path, url.Values{})
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		body.ReadFrom(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 400 || !strings.Contains(body.String(), want) {
			t.Errorf("%s: %s", path, body.String())
		}
	}
}

func TestPortsAndCA(t *testing.T) {
	w := newWorld(t)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(w.CA()) {
		t.Error("the CA is no certificate")
	}
	for _, addr := range []string{w.Addrs().IMAPStartTLS, w.Addrs().POPStartTLS, w.Cloud().POP} {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			t.Error(err)
		}
	}
	changed := w.Changed()
	w.dialIMAP(t)
	<-changed
	w.do("New-ManagementRoleAssignment -App {sp} -Role '" + smtpRole + "'")
	if out := w.admin(t, "(Get-ManagementRoleAssignment).Role"); out != smtpRole+"\n" {
		t.Error(out)
	}
	if _, err := w.tenant.Admin(w.fill("New-MgServicePrincipal -AppId {app}")); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Error(err)
	}
	if _, err := w.tenant.Admin("New-MgServicePrincipal -AppId x"); err == nil {
		t.Error("an unknown application has a principal")
	}
	w.admin(t, "az login --tenant x --allow-no-subscriptions; Connect-MgGraph -Scopes 'A','B' -NoWelcome")
}
