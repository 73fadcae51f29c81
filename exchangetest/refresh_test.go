package exchangetest

import (
	"net/http"
	"sync"
	"testing"
	"time"
)

func TestRefreshToken(t *testing.T) {
	p := newPeople(t)
	p.app.Consent(nil, IMAPAccessAsUser, SMTPSend)
	signIn := func(pairs ...string) string {
		t.Helper()
		got, problem := p.redeem(t, "contoso.com", append(p.passwordForm(), pairs...)...)
		if problem != "" {
			t.Fatal(problem)
		}
		return got.RefreshToken
	}
	refresh := func(token string, pairs ...string) (tokens, string) {
		t.Helper()
		return p.redeem(t, "common", append([]string{"grant_type", "refresh_token", "refresh_token", token}, pairs...)...)
	}
	want := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	first := signIn()
	second, problem := refresh(first)
	want("first use", problem, "")
	if second.RefreshToken == "" || second.RefreshToken == first {
		t.Error("it does not rotate")
	}
	_, problem = refresh(first)
	want("the old one again", problem, "")
	_, problem = refresh(first, "scope", "https://outlook.office.com/POP.AccessAsUser.All")
	want("more than was consented to", problem, "invalid_grant [65001] consent_required")
	_, problem = refresh("x")
	want("unknown", problem, "invalid_grant [70000]")
	_, problem = refresh(first, "client_secret", p.app.Secret)
	want("public, with a secret", problem, "invalid_client [700025]")
	confidential := signIn("client_secret", p.app.Secret)
	_, problem = refresh(confidential)
	want("confidential, without", problem, "invalid_client [7000218]")
	_, problem = refresh(first, "Origin", "https://x.example.com")
	want("from a browser", problem, "invalid_request [9002326]")
	p.user.SetState(UserState{RequireMFA: true})
	_, problem = refresh(first)
	want("second factor demanded since", problem, "invalid_grant [50076] basic_action")
	p.user.SetState(UserState{})

	p.Advance(refreshInactivity - time.Minute)
	_, problem = refresh(first)
	want("a minute short of 90 days", problem, "")
	p.Advance(refreshInactivity - time.Minute)
	_, problem = refresh(first)
	want("used within 90 days", problem, "")
	_, problem = refresh(second.RefreshToken)
	want("not used for 90 days", problem, "invalid_grant [700082]")

	p.user.in.SetPassword("new")
	_, problem = refresh(first)
	want("public, password changed", problem, "invalid_grant [50173] bad_token")
	second, problem = p.redeem(t, "contoso.com", append(p.passwordForm(), "password", "new")...)
	want("signed in anew", problem, "")
	p.do("Revoke-MgUserSignInSession -UserId adele@contoso.com")
	_, problem = refresh(second.RefreshToken)
	want("sessions revoked", problem, "invalid_grant [50173] bad_token")
}

func TestRefreshTokenOfAnotherApp(t *testing.T) {
	p := newPeople(t)
	p.app.Consent(nil, IMAPAccessAsUser, SMTPSend)
	got, _ := p.redeem(t, "contoso.com", p.passwordForm()...)
	other := p.tenant.AddApp("Other")
	if _, problem := p.redeem(t, "contoso.com", "grant_type", "refresh_token", "refresh_token", got.RefreshToken, "client_id", other.ClientID); problem != "invalid_grant [70000] client_mismatch" {
		t.Error(problem)
	}
}

// A refresh token that is good once, and what its second use ends.
func TestRefreshOnce(t *testing.T) {
	p := newPeople(t)
	p.entra.RefreshOnce = true
	p.app.Consent(nil, IMAPAccessAsUser, SMTPSend)
	signIn := func() string {
		t.Helper()
		got, problem := p.redeem(t, "contoso.com", p.passwordForm()...)
		if problem != "" {
			t.Fatal(problem)
		}
		return got.RefreshToken
	}
	refresh := func(what, token, want string) string {
		t.Helper()
		got, problem := p.redeem(t, "common", "grant_type", "refresh_token", "refresh_token", token)
		if problem != want {
			t.Errorf("%s: got %q, want %q", what, problem, want)
		}
		return got.RefreshToken
	}
	first, other := signIn(), signIn()
	second := refresh("first use", first, "")
	third := refresh("its successor", second, "")
	refresh("second use", first, "invalid_grant [50173] bad_token")
	refresh("the last of the line", third, "invalid_grant [50173] bad_token")
	refresh("another sign-in", other, "")
}

// A request that is refused is no use of the token.
func TestRefreshOnceRefused(t *testing.T) {
	p := newPeople(t)
	p.entra.RefreshOnce = true
	p.app.Consent(nil, IMAPAccessAsUser, SMTPSend)
	got, problem := p.redeem(t, "contoso.com", p.passwordForm()...)
	if problem != "" {
		t.Fatal(problem)
	}
	for _, row := range []struct{ name, scope, want string }{
		{"no such scope", "https://outlook.office.com/Foo", "invalid_scope [70011]"},
		{"no consent", "https://outlook.office.com/POP.AccessAsUser.All", "invalid_grant [65001] consent_required"},
		{"right", "https://outlook.office.com/SMTP.Send", ""},
		{"right again", "https://outlook.office.com/SMTP.Send", "invalid_grant [50173] bad_token"},
	} {
		_, got := p.redeem(t, "contoso.com", "grant_type", "refresh_token", "refresh_token", got.RefreshToken, "scope", row.scope)
		if got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}

// What ends a sign-in ends that of the browser too, which a cookie keeps.
func TestBrowserSignsInAnew(t *testing.T) {
	for _, row := range []struct {
		name  string
		state UserState
		then  func(p *people)
		anew  bool
	}{
		{"nothing", UserState{}, func(*people) {}, false},
		{"a day later", UserState{}, func(p *people) { p.Advance(24 * time.Hour) }, false},
		{"sessions revoked", UserState{}, func(p *people) { p.do("Revoke-MgUserSignInSession -UserId adele@contoso.com") }, true},
		{"password changed", UserState{}, func(p *people) { p.user.in.SetPassword("another") }, true},
		{"a second before the policy has it", UserState{SignInFrequency: time.Hour}, func(p *people) { p.Advance(time.Hour - time.Minute) }, false},
		{"when the policy has it", UserState{SignInFrequency: time.Hour}, func(p *people) { p.Advance(time.Hour) }, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := newPeople(t)
			p.app.Consent(nil, IMAPAccessAsUser, SMTPSend)
			p.user.SetState(row.state)
			b := p.Browser(p.user)
			silent := p.authorizeURL("contoso.com", "prompt", "none")
			if _, err := b.Authorize(t.Context(), p.authorizeURL("contoso.com")); err != nil {
				t.Fatal(err)
			}
			row.then(p)
			values, err := b.Authorize(t.Context(), silent)
			if err != nil {
				t.Fatal(err)
			}
			if anew := values.Get("error") == "login_required"; anew != row.anew || anew == values.Has("code") {
				t.Errorf("got %v", values)
			}
		})
	}
}

// A policy counts from the sign-in also for a code that a cookie was good for.
func TestSignInFrequencyOfACookie(t *testing.T) {
	p := newPeople(t)
	p.app.Consent(nil, IMAPAccessAsUser, SMTPSend)
	p.user.SetState(UserState{SignInFrequency: 12 * time.Hour})
	b := p.Browser(p.user)
	var got tokens
	for range 2 {
		values, err := b.Authorize(t.Context(), p.authorizeURL("contoso.com", "code_challenge", challenge(), "code_challenge_method", "S256"))
		if err != nil {
			t.Fatal(err)
		}
		var problem string
		got, problem = p.redeem(t, "contoso.com", "grant_type", "authorization_code", "code", values.Get("code"), "redirect_uri", "http://localhost:4711", "code_verifier", verifier)
		if problem != "" {
			t.Fatal(problem)
		}
		p.Advance(11 * time.Hour)
	}
	if _, problem := p.redeem(t, "contoso.com", "grant_type", "refresh_token", "refresh_token", got.RefreshToken); problem != "invalid_grant [70043]" {
		t.Error(problem)
	}
}

// Two tabs share a cookie.
func TestBrowserInTwoTabs(t *testing.T) {
	p := newPeople(t)
	p.app.Consent(nil, IMAPAccessAsUser, SMTPSend)
	p.user.SetState(UserState{RequireMFA: true})
	b := p.Browser(p.user)
	if _, err := b.Authorize(t.Context(), p.authorizeURL("contoso.com")); err != nil {
		t.Fatal(err)
	}
	var tabs sync.WaitGroup
	defer tabs.Wait()
	for _, method := range []string{"GET", "POST"} {
		tabs.Go(func() {
			for range 20 {
				resp, err := b.send(t.Context(), method, p.authorizeURL("contoso.com"), "action=mfa")
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusFound {
					t.Error(resp.Status)
				}
			}
		})
	}
}
