package tokensource_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokencache"
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
	return newEntraWith(t, func(*exchangetest.Server) {})
}

// newEntraWith lets fields of the server be set.
func newEntraWith(t *testing.T, set func(*exchangetest.Server)) *entra {
	t.Helper()
	srv := exchangetest.NewUnstartedServer()
	set(srv)
	srv.Start()
	t.Cleanup(srv.Close)
	app, user := addMailClient(srv)
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

func (oneEntry) Get(context.Context, string) ([]byte, error) { return nil, tokencache.ErrMiss }

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

func (e *entra) refreshed(t *testing.T) *tokensource.Source {
	return e.config.RefreshToken(e.refreshToken(t))
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

// watched tells when somebody waits for its end.
type watched struct {
	context.Context
	once   sync.Once
	looked chan struct{}
}

func (w *watched) Done() <-chan struct{} {
	w.once.Do(func() { close(w.looked) })
	return w.Context.Done()
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
	waits := &watched{Context: ctx, looked: make(chan struct{})}
	leaver := make(chan error)
	go func() {
		_, err := source.TokenContext(waits)
		leaver <- err
	}()
	<-waits.looked
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
