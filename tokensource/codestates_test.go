package tokensource_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokensource"
)

const callback = "https://app.example.com/callback"

// The states of a code that a web application redeems. Whatever is wrong, there
// is one request: a code is good for one.
func TestStatesOfCodes(t *testing.T) {
	redeem := func(e *entra, t *testing.T, signIn tokensource.SignIn, answer url.Values) error {
		_, err := e.config.Exchange(t.Context(), signIn, answer)
		return err
	}
	for _, row := range []struct {
		name   string
		code   int
		change func(*entra, *testing.T, *tokensource.SignIn, url.Values)
	}{
		{"redeemed before", 54005, func(e *entra, t *testing.T, signIn *tokensource.SignIn, answer url.Values) {
			if err := redeem(e, t, *signIn, answer); err != nil {
				t.Fatal(err)
			}
		}},
		{"redeemed before, in vain", 54005, func(e *entra, t *testing.T, signIn *tokensource.SignIn, answer url.Values) {
			other := *signIn
			other.Verifier = strings.Repeat("v", 43)
			if err := redeem(e, t, other, answer); err == nil {
				t.Fatal("a verifier of another sign-in is taken")
			}
		}},
		{"ten minutes old", 70008, func(e *entra, _ *testing.T, _ *tokensource.SignIn, _ url.Values) { e.Advance(10 * time.Minute) }},
		{"that is none", 70000, func(_ *entra, _ *testing.T, _ *tokensource.SignIn, answer url.Values) { answer.Set("code", "1.AXXX") }},
		{"of another tenant", 700005, func(e *entra, _ *testing.T, _ *tokensource.SignIn, _ url.Values) {
			e.AddTenant("fabrikam.com").InstallApp(e.app)
			e.config.Tenant = "fabrikam.com"
		}},
		{"with the verifier of another", 501481, func(_ *entra, _ *testing.T, signIn *tokensource.SignIn, _ url.Values) {
			signIn.Verifier = strings.Repeat("v", 43)
		}},
		{"with a verifier cut short", 501491, func(_ *entra, _ *testing.T, signIn *tokensource.SignIn, _ url.Values) {
			signIn.Verifier = signIn.Verifier[1:]
		}},
		{"at another address", 50011, func(_ *entra, _ *testing.T, signIn *tokensource.SignIn, _ url.Values) { signIn.RedirectURL += "/" }},
		{"without a secret", 7000218, func(e *entra, _ *testing.T, _ *tokensource.SignIn, _ url.Values) { e.config.Credential = nil }},
		{"of a user who was disabled since", 50057, func(e *entra, _ *testing.T, _ *tokensource.SignIn, _ url.Values) {
			e.user.SetState(exchangetest.UserState{Disabled: true})
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := newEntra(t)
			e.app.AddRedirectURI(exchangetest.Web, callback)
			e.config.Credential = tokensource.Secret(e.app.Secret)
			address, signIn, err := e.config.AuthCodeURL(tokensource.AuthCodeOptions{RedirectURL: callback})
			if err != nil {
				t.Fatal(err)
			}
			answer, err := e.Browser(e.user).Authorize(t.Context(), address)
			if err != nil {
				t.Fatal(err)
			}
			row.change(e, t, &signIn, answer)
			before := e.Hits("token")
			checkRefusal(t, redeem(e, t, signIn, answer), row.code)
			if n := e.Hits("token") - before; n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// What comes of the browser is no token request.
func TestStatesInTheBrowser(t *testing.T) {
	for _, row := range []struct {
		name   string
		code   int
		change func(*entra, *exchangetest.Browser)
	}{
		{"cancelled", 65004, func(_ *entra, b *exchangetest.Browser) { b.Cancel = true }},
		{"consent declined", 65004, func(e *entra, b *exchangetest.Browser) { e.app.RevokeConsent(); b.Decline = true }},
		{"device that is not compliant", 53000, func(e *entra, _ *exchangetest.Browser) {
			e.Inject(exchangetest.Fault{At: exchangetest.AtEntra, Command: "authorize", AADSTS: 53000})
		}},
		{"resource that is none", 500011, func(e *entra, _ *exchangetest.Browser) { e.config.Cloud.UserResource = "https://outlook.ofice365.com" }},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := newEntra(t)
			browser := e.Browser(e.user)
			row.change(e, browser)
			_, err := e.config.AuthCode(tokensource.AuthCodeOptions{Open: browser.Open}).TokenContext(t.Context())
			checkRefusal(t, err, row.code)
			if n := e.Hits("token"); n != 0 {
				t.Errorf("%d token requests", n)
			}
		})
	}
}

// What only the person at the browser is told.
func TestStatesOnThePage(t *testing.T) {
	for _, row := range []struct {
		name   string
		want   string
		change func(*entra)
	}{
		{"redirect address of another application", "AADSTS50011", func(e *entra) {
			app := e.Tenant().AddApp("Other")
			app.AddRedirectURI(exchangetest.Web, callback)
			e.config.ClientID = app.ClientID
		}},
		{"no redirect address at all", "AADSTS500113", func(e *entra) { e.config.ClientID = e.Tenant().AddApp("Other").ClientID }},
		{"user not assigned", "AADSTS50105", func(e *entra) {
			do(e.Tenant(), "Update-MgServicePrincipal -ServicePrincipalId "+e.app.ServicePrincipalID+" -AppRoleAssignmentRequired")
		}},
		{"application of one tenant", "AADSTS50194", func(e *entra) {
			do(e.Tenant(), "Update-MgApplication -ApplicationId "+e.app.ObjectID+" -SignInAudience AzureADMyOrg")
			e.config.Tenant = "common"
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := newEntra(t)
			row.change(e)
			_, err := e.config.AuthCode(tokensource.AuthCodeOptions{Open: e.Browser(e.user).Open}).TokenContext(t.Context())
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v; want %s", err, row.want)
			}
			if n := e.Hits("token"); n != 0 {
				t.Errorf("%d token requests", n)
			}
		})
	}
}

func TestDeviceCodeIsDeclined(t *testing.T) {
	e := newEntraWith(t, func(srv *exchangetest.Server) { srv.DeviceInterval = 20 * time.Millisecond })
	browser := e.Browser(e.user)
	browser.Decline = true
	source := e.config.DeviceCode(func(ctx context.Context, d tokensource.DeviceCode) error {
		browser.EnterCode(ctx, d.UserCode)
		return nil
	})
	_, err := source.TokenContext(t.Context())
	checkRefusal(t, err, 70018)
}

// The agent that checks passwords comes back by itself.
func TestAgentOnPremises(t *testing.T) {
	e := newEntra(t)
	e.user.SetState(exchangetest.UserState{OnPremises: true, AgentDown: true})
	inBubble(t, e.Server, func(t *testing.T, client *http.Client) {
		e.config.Cloud, e.config.HTTPClient = e.Cloud(), client
		checkCause(t, e.Server, e.password(), 80002, e.user.Password)
	})
}

// Applications are told how long to wait, which is too long for a call.
func TestLoopOfAnApplication(t *testing.T) {
	e := newEntraWith(t, func(srv *exchangetest.Server) { srv.LoopLimit = 3 })
	e.config.Credential = tokensource.Secret(e.app.Secret)
	for range 3 {
		if _, err := e.config.ClientCredentials().TokenContext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	_, err := e.config.ClientCredentials().TokenContext(t.Context())
	refusal, ok := errors.AsType[*tokensource.Error](err)
	if !ok || !refusal.Retryable() || refusal.StatusCode != http.StatusTooManyRequests || refusal.RetryAfter != time.Minute {
		t.Errorf("error %v", err)
	}
	if n := e.Hits("token"); n != 4 {
		t.Errorf("%d requests", n)
	}
}

// Sources that know nothing of each other make a loop together.
func TestLoop(t *testing.T) {
	e := newEntraWith(t, func(srv *exchangetest.Server) { srv.LoopLimit = 3 })
	for range 3 {
		if _, err := e.password().TokenContext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	source := e.password()
	checkCause(t, e.Server, source, 50196)
	_, err := source.TokenContext(t.Context())
	if e, ok := errors.AsType[*tokensource.Error](err); !ok || e.RetryAfter < 2*time.Minute-time.Second || !slices.Contains(e.AADSTS, 50196) {
		t.Errorf("error %v", err)
	}
	e.Advance(2*time.Minute + time.Second)
	if _, err := e.password().TokenContext(t.Context()); err != nil {
		t.Error("after the pause:", err)
	}
}
