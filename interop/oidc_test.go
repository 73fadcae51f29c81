package interop

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokensource"
)

// keep is a Cache in which nothing is found, and that keeps the refresh tokens
// it got.
type keep struct{ tokens []string }

func (*keep) Get(context.Context, string) ([]byte, error) { return nil, tokencache.ErrMiss }

func (k *keep) Put(_ context.Context, _ string, value []byte) error {
	var stored struct {
		RefreshToken string `json:"refresh_token"`
	}
	err := json.Unmarshal(value, &stored)
	k.tokens = append(k.tokens, stored.RefreshToken)
	return err
}

func (*keep) Delete(context.Context, string) error { return nil }

func (k *keep) last() string { return k.tokens[len(k.tokens)-1] }

// wantToken asks twice, for the second time of the cache.
func wantToken(t *testing.T, source *tokensource.Source) string {
	t.Helper()
	var text string
	for range 2 {
		token, err := source.TokenContext(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		text = token.AccessToken
	}
	return text
}

func TestClientCredentialsWithSecret(t *testing.T) {
	p := startProvider(t)
	config := p.config("service")
	config.Credential = tokensource.Secret(usable)
	wantToken(t, config.ClientCredentials())
	p.wantRequests(t, "token")

	config.Credential = tokensource.InOrder(tokensource.Secret("theOldOne"), tokensource.Secret(usable))
	wantToken(t, config.ClientCredentials())
	p.wantRequests(t, "token", "token")

	config.Credential = tokensource.Secret("wrong")
	_, err := config.ClientCredentials().Token()
	if e, ok := errors.AsType[*tokensource.Error](err); !ok || e.Code != "invalid_client" || e.StatusCode != 401 || e.Retryable() {
		t.Errorf("error %v", err)
	}
	p.wantRequests(t, "token")
}

func TestClientCredentialsWithSignedAssertion(t *testing.T) {
	p := startProvider(t)
	config := p.config("signer")
	config.Credential = tokensource.Certificate([]*x509.Certificate{p.cert}, p.key, nil)
	wantToken(t, config.ClientCredentials())
	p.wantRequests(t, "token")

	key, cert := newSigner(t)
	config.Credential = tokensource.Certificate([]*x509.Certificate{cert}, key, nil)
	_, err := config.ClientCredentials().Token()
	if e, ok := errors.AsType[*tokensource.Error](err); !ok || e.Code != "invalid_client" {
		t.Errorf("error %v", err)
	}
}

func TestAuthCodeInBrowser(t *testing.T) {
	chromium := needChromium(t)
	p := startProvider(t)
	var kept keep
	config := p.config("native")
	config.Cache = &kept
	end := make(chan screen, 1)
	source := config.AuthCode(tokensource.AuthCodeOptions{
		Prompt: "consent",
		Open: func(_ context.Context, address string) error {
			seen, err := person{Chromium: chromium, Address: address, User: "jane", Password: "x", Screenshot: os.Getenv("EXO_SCREENSHOT")}.visit(t.Context())
			end <- seen
			return err
		},
	})
	wantToken(t, source)
	p.wantRequests(t, "token")
	seen := <-end
	if seen.Title != "You are signed in" || !strings.Contains(seen.Text, "go back to the program") || strings.Contains(seen.URL, "code=") {
		t.Errorf("the person sees %+v", seen)
	}
	checkRotation(t, p, config, &kept)
}

// checkRotation uses each refresh token once, and then one again, which makes
// the server revoke them all.
func checkRotation(t *testing.T, p *provider, config *tokensource.Config, kept *keep) {
	t.Helper()
	first := kept.last()
	for range 2 {
		before := kept.last()
		wantToken(t, config.RefreshToken(before))
		if kept.last() == before {
			t.Fatal("the refresh token was not rotated")
		}
	}
	p.wantRequests(t, "token", "token")
	for _, token := range []string{first, kept.last()} {
		_, err := config.RefreshToken(token).Token()
		if e, ok := errors.AsType[*tokensource.Error](err); !ok || e.Code != "invalid_grant" || !errors.Is(err, tokensource.ErrInteractionRequired) {
			t.Errorf("error %v", err)
		}
	}
}

// A webApp has one session, in a cookie of its own.
type webApp struct {
	*testing.T
	config  *tokensource.Config
	options tokensource.AuthCodeOptions
	signIn  tokensource.SignIn
	answer  url.Values
	source  *tokensource.Source
}

func (a *webApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var address string
	var err error
	switch r.URL.Path {
	case "/":
		address, a.signIn, err = a.config.AuthCodeURL(a.options)
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1", SameSite: http.SameSiteLaxMode, HttpOnly: true})
		http.Redirect(w, r, address, http.StatusFound)
	case "/signed-in":
		if _, err := r.Cookie("session"); err != nil {
			a.Error("the session's cookie did not come with the answer")
		}
		a.answer = r.URL.Query()
		a.source, err = a.config.Exchange(r.Context(), a.signIn, a.answer)
		fmt.Fprint(w, "welcome")
	default:
		http.NotFound(w, r)
	}
	if err != nil {
		a.Error(err)
	}
}

func TestAuthCodeOfWebApplication(t *testing.T) {
	chromium := needChromium(t)
	p := startProvider(t)
	var kept keep
	app := &webApp{T: t, config: p.config("web"), options: tokensource.AuthCodeOptions{RedirectURL: p.web.URL + "/signed-in"}}
	app.config.Credential = tokensource.Secret(usable)
	app.config.Cache, app.config.CacheKey = &kept, "jane"
	p.handle = app.ServeHTTP
	seen, err := person{Chromium: chromium, Address: p.web.URL, User: "jane", Password: "x"}.visit(t.Context())
	if err != nil || seen.Text != "welcome" || app.source == nil {
		t.Fatalf("%v; the person sees %+v", err, seen)
	}
	wantToken(t, app.source)
	p.wantRequests(t, "token")

	for name, signIn := range map[string]tokensource.SignIn{
		"the code again":   app.signIn,
		"another verifier": {State: app.signIn.State, Verifier: strings.Repeat("x", 43), RedirectURL: app.signIn.RedirectURL},
	} {
		_, err := app.config.Exchange(t.Context(), signIn, app.answer)
		if e, ok := errors.AsType[*tokensource.Error](err); !ok || e.Code != "invalid_grant" {
			t.Errorf("%s: error %v", name, err)
		}
	}
	p.wantRequests(t, "token", "token")
}

func TestDeviceCodeInBrowser(t *testing.T) {
	chromium := needChromium(t)
	p := startProvider(t)
	var kept keep
	config := p.config("native")
	config.Cache = &kept
	source := config.DeviceCode(func(_ context.Context, code tokensource.DeviceCode) error {
		seen, err := person{Chromium: chromium, Address: code.VerificationURL, Code: code.UserCode, User: "jane", Password: "x"}.visit(t.Context())
		if err == nil && !strings.Contains(seen.Text, "Sign-in Success") {
			t.Errorf("the person sees %+v", seen)
		}
		return err
	})
	wantToken(t, source)
	p.wantRequests(t, "devicecode", "token")
	checkRotation(t, p, config, &kept)
}
