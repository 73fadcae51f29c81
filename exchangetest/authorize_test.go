package exchangetest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/guid"
)

func TestAuthorize(t *testing.T) {
	p := newPeople(t)
	consented := func(p *people) { p.app.Consent(nil, IMAPAccessAsUser, SMTPSend) }
	for _, row := range []struct {
		name   string
		tenant string
		pairs  []string
		before func(*people)
		person func(*Browser)
		want   string // in the answer or in the error
	}{
		{"consents", "contoso.com", nil, nil, nil, "code="},
		{"second factor", "contoso.com", nil, func(p *people) { p.user.SetState(UserState{RequireMFA: true}) }, nil, "code="},
		{"declines", "contoso.com", nil, nil, func(b *Browser) { b.Decline = true }, "error=access_denied&error_description=AADSTS65004"},
		{"cancels", "contoso.com", nil, nil, func(b *Browser) { b.Cancel = true }, "error_subcode=cancel"},
		{"wrong password", "contoso.com", nil, nil, func(b *Browser) { b.Password = "x" }, "AADSTS50126"},
		{"disabled", "contoso.com", nil, func(p *people) { p.user.SetState(UserState{Disabled: true}) }, nil, "AADSTS50057"},
		{"blocked", "contoso.com", nil, func(p *people) { p.user.SetState(UserState{Blocked: true}) }, nil, "AADSTS53003"},
		{"prompt=none, not signed in", "contoso.com", []string{"prompt", "none"}, consented, nil, "error=login_required"},
		{"unknown tenant", "x.example.com", nil, nil, nil, "AADSTS90002"},
		{"unknown application", "contoso.com", []string{"client_id", guid.New()}, nil, nil, "AADSTS700016"},
		{"redirect URI that is not registered", "contoso.com", []string{"redirect_uri", "https://evil.example.com/"}, nil, nil, "AADSTS50011"},
		{"path that is not registered", "contoso.com", []string{"redirect_uri", "http://localhost:1/x"}, nil, nil, "AADSTS50011"},
		{"127.0.0.1 for localhost", "contoso.com", []string{"redirect_uri", "http://127.0.0.1:1"}, nil, nil, "AADSTS50011"},
		{"implicit flow", "contoso.com", []string{"response_type", "token"}, nil, nil, "error=unsupported_response_type"},
		{"unknown response mode", "contoso.com", []string{"response_mode", "x"}, nil, nil, "AADSTS70007"},
		{"unknown challenge", "contoso.com", []string{"code_challenge_method", "S512"}, nil, nil, "AADSTS50149"},
		{"single page without PKCE", "contoso.com", []string{"redirect_uri", "https://spa.contoso.com/"}, nil, nil, "AADSTS9002325"},
		{"invalid scope", "contoso.com", []string{"scope", "https://outlook.office.com/Foo"}, nil, nil, "error=invalid_scope"},
		{"account of another tenant", "consumers", nil, func(p *people) { p.Consumers().InstallApp(p.app) }, nil, "AADSTS50020"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p = newPeople(t)
			if row.before != nil {
				row.before(p)
			}
			b := p.Browser(p.user)
			if row.person != nil {
				row.person(b)
			}
			values, err := b.Authorize(t.Context(), p.authorizeURL(row.tenant, row.pairs...))
			got := values.Encode()
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, row.want) {
				t.Errorf("got %s, want %s", got, row.want)
			}
		})
	}
}

func TestChallengeSize(t *testing.T) {
	p := newPeople(t)
	for n, want := range map[int]string{0: "code=", 42: "AADSTS50147", 43: "code=", 128: "code=", 129: "AADSTS50147"} {
		values, err := p.Browser(p.user).Authorize(t.Context(), p.authorizeURL("contoso.com", "code_challenge", strings.Repeat("c", n)))
		if got := values.Encode() + fmt.Sprint(err); !strings.Contains(got, want) {
			t.Errorf("%d: %s", n, got)
		}
	}
}

func TestSingleSignOn(t *testing.T) {
	p := newPeople(t)
	b := p.Browser(p.user)
	if err := b.Open(t.Context(), p.authorizeURL("contoso.com", "redirect_uri", "http://localhost:1")); err == nil {
		t.Error("nobody listens at the redirect URI, and there is no error")
	}
	b.Password = "wrong"
	for prompt, want := range map[string]bool{"": true, "none": true, "consent": true, "login": false, "select_account": false} {
		values, err := b.Authorize(t.Context(), p.authorizeURL("contoso.com", "prompt", prompt))
		if got := values.Get("code") != ""; got != want {
			t.Errorf("prompt=%s: %v, %v", prompt, values, err)
		}
	}
	b.Decline = true
	if values, _ := b.Authorize(t.Context(), p.authorizeURL("contoso.com", "prompt", "consent")); values.Get("error") != "access_denied" {
		t.Errorf("prompt=consent asks nothing: %v", values)
	}
}

func TestSPARefreshTokenLastsADay(t *testing.T) {
	p := newPeople(t)
	values, err := p.Browser(p.user).Authorize(t.Context(), p.authorizeURL("common", "redirect_uri", "https://spa.contoso.com/", "code_challenge", challenge(), "code_challenge_method", "S256"))
	if err != nil {
		t.Fatal(err)
	}
	const origin = "https://spa.contoso.com"
	got, problem := p.redeem(t, "common", "Origin", origin, "grant_type", "authorization_code", "code", values.Get("code"), "redirect_uri", "https://spa.contoso.com/", "code_verifier", verifier)
	if problem != "" {
		t.Fatal(problem)
	}
	refresh := func(pairs ...string) (tokens, string) {
		return p.redeem(t, "common", append([]string{"grant_type", "refresh_token", "refresh_token", got.RefreshToken}, pairs...)...)
	}
	if _, problem := refresh(); problem != "invalid_request [9002327]" {
		t.Error("not from a browser:", problem)
	}
	p.Advance(refreshSPA - time.Minute)
	next, problem := refresh("Origin", origin)
	if problem != "" {
		t.Fatal(problem)
	}
	p.Advance(time.Minute)
	got = next
	if _, problem := refresh("Origin", origin); problem != "invalid_grant [700084]" {
		t.Error("a descendant after a day:", problem)
	}
}

func TestAdminConsent(t *testing.T) {
	p := newPeople(t)
	p.app.RequestRoles(IMAPAccessAsApp)
	uri := func(path string) string {
		return p.Cloud().Authority + path + "?" + url.Values{
			"client_id": {p.app.ClientID}, "redirect_uri": {"https://app.contoso.com/callback"}, "state": {"s"},
			"scope": {"https://ps.outlook.com/.default"},
		}.Encode()
	}
	values, err := p.Browser(p.user).Authorize(t.Context(), uri("/contoso.com/v2.0/adminconsent"))
	if err != nil || values.Get("error") != "permission_denied" || len(p.app.in.Roles()) != 0 {
		t.Fatal(values, err)
	}
	p.user.SetState(UserState{Administrator: true})
	b := p.Browser(p.user)
	b.Decline = true
	values, err = b.Authorize(t.Context(), uri("/organizations/v2.0/adminconsent"))
	if err != nil || values.Get("error") != "access_denied" || len(p.app.in.Roles()) != 0 {
		t.Fatal(values, err)
	}
	values, err = p.Browser(p.user).Authorize(t.Context(), uri("/common/adminconsent"))
	if err != nil || values.Get("admin_consent") != "True" || values.Get("tenant") != p.tenant.ID || values.Get("state") != "s" {
		t.Fatal(values, err)
	}
	if len(p.app.in.Roles()) != 1 || !slices.Contains(p.app.in.Grants()[""], "smtp.send") {
		t.Errorf("roles %q, consents %v", p.app.in.Roles(), p.app.in.Grants())
	}
}
