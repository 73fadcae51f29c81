package tokensource_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokensource"
)

// entra is an Entra ID with a user, and the settings of an application there.
type entra struct {
	*exchangetest.Server
	app    *exchangetest.App
	user   *exchangetest.User
	config tokensource.Config
}

func newEntra(t *testing.T) *entra {
	t.Helper()
	srv, app, user := mailClient()
	t.Cleanup(srv.Close)
	return &entra{srv, app, user, tokensource.Config{Tenant: srv.Tenant().ID, ClientID: app.ClientID, HTTPClient: srv.HTTPClient()}}
}

func (e *entra) password() *tokensource.Source {
	return e.config.Password(e.user.UPN, e.user.Password)
}

func (e *entra) authCode() *tokensource.Source {
	return e.config.AuthCode(tokensource.AuthCodeOptions{Open: e.Browser(e.user).Open})
}

func (e *entra) onBehalfOf() *tokensource.Source {
	config := e.config
	config.Credential = tokensource.Secret(e.app.Secret)
	return config.OnBehalfOf(e.app.Token(&exchangetest.TokenOptions{User: e.user, Audience: "api://" + e.app.ClientID}))
}

// refreshToken signs in for one.
func (e *entra) refreshToken(t *testing.T) string {
	t.Helper()
	cache := make(oneEntry, 1)
	config := e.config
	config.Cache = cache
	if _, err := config.AuthCode(tokensource.AuthCodeOptions{Open: e.Browser(e.user).Open}).Token(); err != nil {
		t.Fatal(err)
	}
	var stored struct {
		RefreshToken string `json:"refresh_token"`
	}
	if err := json.Unmarshal(<-cache, &stored); err != nil || stored.RefreshToken == "" {
		t.Fatalf("no refresh token is stored: %v", err)
	}
	return stored.RefreshToken
}

// oneEntry is a Cache that nothing is in yet, and that takes one value.
type oneEntry chan []byte

func (oneEntry) Get(context.Context, string) ([]byte, error) { return nil, tokensource.ErrCacheMiss }

func (c oneEntry) Put(_ context.Context, _ string, value []byte) error {
	c <- bytes.Clone(value)
	return nil
}

func (oneEntry) Delete(context.Context, string) error { return nil }

// herd asks for a token 64 times at once.
func herd(t *testing.T, source *tokensource.Source) {
	t.Helper()
	results := make(chan error)
	for range 64 {
		go func() {
			_, err := source.TokenContext(t.Context())
			results <- err
		}()
	}
	for range 64 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

// Each flow in the shape of each cloud, by its own names, one request for all
// who ask.
func TestFlowsForUsersInEveryCloud(t *testing.T) {
	for _, cloud := range exoauth.Clouds() {
		for _, flow := range []string{"authorization_code", "password", "refresh_token", "urn:ietf:params:oauth:grant-type:jwt-bearer"} {
			t.Run(cloud.IMAP+"/"+flow, func(t *testing.T) {
				e := newEntra(t)
				e.config.Cloud = cloud
				var source *tokensource.Source
				switch flow {
				case "authorization_code":
					source = e.authCode()
				case "password":
					source = e.password()
				case "refresh_token":
					source = e.config.RefreshToken(e.refreshToken(t))
				default:
					source = e.onBehalfOf()
				}
				before := len(e.Requests())
				herd(t, source)
				requests := e.Requests()[before:]
				if len(requests) != 1 || requests[0].Grant != flow || !strings.HasPrefix(requests[0].Scope, cloud.UserResource+"/IMAP.AccessAsUser.All ") {
					t.Errorf("requests %+v", requests)
				}
			})
		}
	}
}

func TestTenantsOfUsers(t *testing.T) {
	for _, tenant := range []string{"contoso.com", "contoso.onmicrosoft.com", "organizations", "common"} {
		t.Run(tenant, func(t *testing.T) {
			e := newEntra(t)
			e.config.Tenant = tenant
			if _, err := e.config.RefreshToken(e.refreshToken(t)).Token(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("consumers", func(t *testing.T) {
		e := newEntra(t)
		e.Consumers().InstallApp(e.app)
		e.user = e.Consumers().AddUser("example@outlook.com")
		e.config.Tenant = "consumers"
		if _, err := e.config.RefreshToken(e.refreshToken(t)).Token(); err != nil {
			t.Error(err)
		}
	})
}

// What Entra ID refuses a user's token for, and who has to act.
func TestRefusalsOfUsers(t *testing.T) {
	state := func(s exchangetest.UserState) func(*entra) { return func(e *entra) { e.user.SetState(s) } }
	password := func(e *entra, _ *testing.T) *tokensource.Source { return e.password() }
	rows := []struct {
		name   string
		flow   func(*entra, *testing.T) *tokensource.Source
		change func(*entra) // once the flow is made
		aadsts int
		user   bool // has to act
	}{
		{"wrong password", password, func(e *entra) { e.user.SetPassword("another") }, 50126, true},
		{"MFA", password, state(exchangetest.UserState{RequireMFA: true}), 50076, true},
		{"MFA, none registered", password, state(exchangetest.UserState{NoMFA: true}), 50079, true},
		{"password expired", password, state(exchangetest.UserState{PasswordExpired: true}), 50055, true},
		{"locked", password, state(exchangetest.UserState{Locked: true}), 50053, true},
		{"disabled", password, state(exchangetest.UserState{Disabled: true}), 50057, false},
		{"Conditional Access", password, state(exchangetest.UserState{Blocked: true}), 53003, false},
		{"federated", password, state(exchangetest.UserState{Federated: true}), 50126, true},
		{"no consent", password, func(e *entra) { e.app.RevokeConsent() }, 65001, true},
		{"no public flows", password, func(e *entra) { e.app.AllowPublicFlows(false) }, 7000218, false},
		{"application switched off", password, func(e *entra) { e.app.SetEnabled(false) }, 7000112, false},
		{"sessions revoked", (*entra).refreshed, func(e *entra) { e.user.RevokeSessions() }, 50173, true},
		{"password changed", (*entra).refreshed, func(e *entra) { e.user.SetPassword("another") }, 50173, true},
		{"refresh token that is none", func(e *entra, _ *testing.T) *tokensource.Source { return e.config.RefreshToken("0.AXXX") }, func(*entra) {}, 70000, true},
		{"on behalf of, no consent", func(e *entra, _ *testing.T) *tokensource.Source { return e.onBehalfOf() }, func(e *entra) { e.app.RevokeConsent() }, 65001, true},
		{"on behalf of, Conditional Access", func(e *entra, _ *testing.T) *tokensource.Source { return e.onBehalfOf() }, state(exchangetest.UserState{Blocked: true}), 53003, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			e := newEntra(t)
			source := row.flow(e, t)
			row.change(e)
			before := len(e.Requests())
			_, err := source.Token()
			refusal, ok := errors.AsType[*tokensource.Error](err)
			if !ok || !slices.Contains(refusal.AADSTS, row.aadsts) {
				t.Fatalf("error %v; want AADSTS%d", err, row.aadsts)
			}
			if refusal.Temporary() || errors.Is(err, tokensource.ErrInteractionRequired) != row.user {
				t.Errorf("temporary %t, for the user %t: %v", refusal.Temporary(), !row.user, err)
			}
			if n := len(e.Requests()) - before; n != 1 {
				t.Errorf("%d requests", n)
			}
			for _, secret := range []string{e.user.Password, e.app.Secret} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("a secret in %v", err)
				}
			}
		})
	}
}

func (e *entra) refreshed(t *testing.T) *tokensource.Source {
	return e.config.RefreshToken(e.refreshToken(t))
}

// What the person in front of the browser does.
func TestSignInsThatDoNotSucceed(t *testing.T) {
	rows := []struct {
		name   string
		change func(*entra, *exchangetest.Browser)
		code   string // of the error; empty where only the person is told
	}{
		{"cancelled", func(_ *entra, b *exchangetest.Browser) { b.Cancel = true }, "access_denied"},
		{"consent declined", func(e *entra, b *exchangetest.Browser) { e.app.RevokeConsent(); b.Decline = true }, "access_denied"},
		{"redirect address not registered", func(e *entra, _ *exchangetest.Browser) { e.config.ClientID = e.Tenant().AddApp("Other").ClientID }, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			e := newEntra(t)
			browser := e.Browser(e.user)
			row.change(e, browser)
			_, err := e.config.AuthCode(tokensource.AuthCodeOptions{Open: browser.Open}).Token()
			if refusal, ok := errors.AsType[*tokensource.Error](err); !ok || refusal.Code != row.code || refusal.Temporary() {
				t.Errorf("error %v", err)
			}
			if n := len(e.Requests()); n != 0 {
				t.Errorf("%d token requests", n)
			}
		})
	}
}

// The token endpoint in trouble: a refresh is repeated, a code is not.
func TestTroubleAtTheTokenEndpoint(t *testing.T) {
	e := newEntra(t)
	source := e.config.RefreshToken(e.refreshToken(t))
	failures := 1
	e.SetTokenHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if failures--; failures >= 0 {
				http.Error(w, "busy", http.StatusServiceUnavailable)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	before := len(e.Requests())
	if _, err := source.Token(); err != nil || len(e.Requests())-before != 2 {
		t.Errorf("%v, %d requests", err, len(e.Requests())-before)
	}
	failures, before = 1, len(e.Requests())
	if _, err := e.authCode().Token(); err == nil || len(e.Requests())-before != 1 {
		t.Errorf("%v, %d requests", err, len(e.Requests())-before)
	}
}

// A waiter leaves alone.
func TestWaiterLeavesTheSignIn(t *testing.T) {
	e := newEntra(t)
	begin, opened := make(chan struct{}), make(chan struct{})
	source := e.config.AuthCode(tokensource.AuthCodeOptions{Open: func(ctx context.Context, address string) error {
		close(opened)
		<-begin
		return e.Browser(e.user).Open(ctx, address)
	}})
	others := make(chan error)
	for range 8 {
		go func() {
			_, err := source.TokenContext(t.Context())
			others <- err
		}()
	}
	<-opened
	ctx, cancel := context.WithCancel(t.Context())
	leaver := make(chan error)
	go func() {
		_, err := source.TokenContext(ctx)
		leaver <- err
	}()
	runtime.Gosched()
	cancel()
	if err := <-leaver; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	close(begin)
	for range 8 {
		if err := <-others; err != nil {
			t.Error(err)
		}
	}
}
