package tokensource

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth"
)

func passwordForm() map[string]string {
	return map[string]string{"client_id": testClientID, "grant_type": "password", "username": "jane@contoso.com", "password": testPassword, "scope": userScope}
}

func TestPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(rotate, rotate, badRequest(revoked), rotate)}
		source := server.public().Password("jane@contoso.com", testPassword)
		want(t, source, 1)
		pass(hour)
		want(t, source, 2)
		pass(hour)
		want(t, source, 4) // the refresh token having been refused
		server.wantForm(t, 1, passwordForm())
		server.wantForm(t, 2, refreshForm(refreshNumber(1)))
		server.wantForm(t, 3, refreshForm(refreshNumber(2)))
		server.wantForm(t, 4, passwordForm())
	})
}

func TestWrongPasswordIsSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const wrong = `{"error":"invalid_grant","error_codes":[50126],"error_description":"AADSTS50126: Error validating credentials due to invalid username or password."}`
		server := &fakeEntra{answer: badRequest(wrong)}
		source := server.public().Password("jane@contoso.com", testPassword)
		for range 5 {
			if _, err := source.Token(); !errors.Is(err, ErrInteractionRequired) {
				t.Fatalf("error %v", err)
			}
			pass(hour)
		}
		wantRequests(t, server, 1)
	})
}

func TestPasswordOfLockedUserIsHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const locked = `{"error":"invalid_grant","error_codes":[50053],"error_description":"AADSTS50053: The account is locked."}`
		server := &fakeEntra{answer: script(badRequest(locked), rotate)}
		source := server.public().Password("jane@contoso.com", testPassword)
		for range 14 {
			if _, err := source.Token(); err == nil {
				t.Fatal("no error")
			}
			pass(time.Minute)
		}
		wantRequests(t, server, 1)
		pass(2 * time.Minute)
		want(t, source, 2)
	})
}

func TestPasswordRefusedForNowIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(badRequest(mfaNeeded), rotate)}
		source := server.public().Password("jane@contoso.com", testPassword)
		if _, err := source.Token(); !errors.Is(err, ErrInteractionRequired) {
			t.Fatalf("error %v", err)
		}
		pass(time.Minute)
		want(t, source, 2)
	})
}

func TestOnBehalfOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(rotate, badRequest(revoked), rotate)}
		source := server.config().OnBehalfOf(testAssertion)
		want(t, source, 1)
		pass(hour)
		want(t, source, 3)
		form := map[string]string{
			"client_id": testClientID, "client_secret": testSecret, "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
			"requested_token_use": "on_behalf_of", "assertion": testAssertion, "scope": userScope,
		}
		server.wantForm(t, 1, form)
		server.wantForm(t, 3, form)
	})
}

func TestOnBehalfOfHasTheClaims(t *testing.T) {
	server := &fakeEntra{answer: badRequest(mfaNeeded)}
	_, err := server.config().OnBehalfOf(testAssertion).Token()
	e, ok := errors.AsType[*Error](err)
	if !ok || !errors.Is(err, ErrInteractionRequired) || e.Claims != `{"access_token":{"polids":{}}}` {
		t.Errorf("error %#v", err)
	}
}

// Each flow in each cloud: where the request goes and what it asks for.
func TestUserFlowsInEveryCloud(t *testing.T) {
	flows := map[string]func(*Config) *Source{
		"RefreshToken": func(c *Config) *Source { return c.RefreshToken(testRefresh) },
		"Password":     func(c *Config) *Source { return c.Password("jane@contoso.com", testPassword) },
		"OnBehalfOf":   func(c *Config) *Source { return c.OnBehalfOf(testAssertion) },
	}
	for name, flow := range flows {
		for _, cloud := range exoauth.Clouds() {
			t.Run(name+"/"+cloud.IMAP, func(t *testing.T) {
				var url string
				server := &fakeEntra{answer: func(n int, r *http.Request) (*http.Response, error) {
					url = r.URL.String()
					return ok(n, 3600), nil
				}}
				config := server.config()
				config.Cloud = cloud
				want(t, flow(config), 1)
				if url != cloud.Authority+"/"+testTenant+"/oauth2/v2.0/token" {
					t.Errorf("sent to %s", url)
				}
				if got := server.forms[0].Get("scope"); got != cloud.UserResource+"/IMAP.AccessAsUser.All "+cloud.UserResource+"/SMTP.Send offline_access" {
					t.Errorf("scope %s", got)
				}
			})
		}
	}
}

func TestUserFlowSettings(t *testing.T) {
	tenant := func(name string) func(*Config) { return func(c *Config) { c.Tenant = name } }
	nothing := func(*Config) {}
	rows := []struct {
		name   string
		change func(*Config)
		flow   func(*Config) *Source
		field  string // of the error; "" where there is none
	}{
		{"browser, no tenant", tenant(""), func(c *Config) *Source { return c.AuthCode(AuthCodeOptions{}) }, "Tenant"},
		{"browser, an address elsewhere", nothing, func(c *Config) *Source { return c.AuthCode(AuthCodeOptions{RedirectURL: "https://example.com/"}) }, "AuthCodeOptions.RedirectURL"},
		{"browser, a secret for an address", nothing, func(c *Config) *Source { return c.AuthCode(AuthCodeOptions{RedirectURL: testSecret}) }, "AuthCodeOptions.RedirectURL"},
		{"device code, no tenant", tenant(""), func(c *Config) *Source { return c.DeviceCode(nil) }, "Tenant"},
		{"refresh token with a space", nothing, func(c *Config) *Source { return c.RefreshToken("a b") }, "RefreshToken"},
		{"refresh token with the first and the last character", nothing, func(c *Config) *Source { return c.RefreshToken("!~") }, ""},
		{"refresh token with DEL", nothing, func(c *Config) *Source { return c.RefreshToken("a\x7f") }, "RefreshToken"},
		{"user name with DEL", nothing, func(c *Config) *Source { return c.Password("jane\x7f", "p") }, "username"},
		{"user name with a tilde", nothing, func(c *Config) *Source { return c.Password("jane~", "p") }, ""},
		{"user name with a space", nothing, func(c *Config) *Source { return c.Password("jane doe", "p") }, ""},
		{"password with a space before it", nothing, func(c *Config) *Source { return c.Password("jane", " p") }, "password"},
		{"password with a control character within", nothing, func(c *Config) *Source { return c.Password("jane", "a\x01b") }, "password"},
		{"refresh token for consumers", tenant("consumers"), func(c *Config) *Source { return c.RefreshToken("M.R3_BAY.-x") }, ""},
		{"refresh token empty", nothing, func(c *Config) *Source { return c.RefreshToken("") }, "RefreshToken"},
		{"refresh token with a line end", nothing, func(c *Config) *Source { return c.RefreshToken(testRefresh + "\n") }, "RefreshToken"},
		{"refresh token, no tenant", tenant(""), func(c *Config) *Source { return c.RefreshToken("x") }, "Tenant"},
		{"refresh token, bad secret", func(c *Config) { c.Credential = Secret("") }, func(c *Config) *Source { return c.RefreshToken("x") }, "Credential"},
		{"password for organizations", tenant("organizations"), func(c *Config) *Source { return c.Password("jane", "p") }, ""},
		{"password for common", tenant("common"), func(c *Config) *Source { return c.Password("jane", "p") }, "Tenant"},
		{"password for consumers", tenant("Consumers"), func(c *Config) *Source { return c.Password("jane", "p") }, "Tenant"},
		{"no user name", nothing, func(c *Config) *Source { return c.Password("", "p") }, "username"},
		{"user name with a line end", nothing, func(c *Config) *Source { return c.Password("jane\r\n", "p") }, "username"},
		{"no password", nothing, func(c *Config) *Source { return c.Password("jane", "") }, "password"},
		{"password with a line end", nothing, func(c *Config) *Source { return c.Password("jane", testPassword+"\n") }, "password"},
		{"password with a space within", nothing, func(c *Config) *Source { return c.Password("jane", "a b") }, ""},
		{"on behalf of nobody", nothing, func(c *Config) *Source { return c.OnBehalfOf("") }, "OnBehalfOf"},
		{"on behalf of, two lines", nothing, func(c *Config) *Source { return c.OnBehalfOf(testAssertion + "\n") }, "OnBehalfOf"},
		{"on behalf of, no credential", func(c *Config) { c.Credential = nil }, func(c *Config) *Source { return c.OnBehalfOf(testAssertion) }, "Credential"},
		{"on behalf of, organizations", tenant("organizations"), func(c *Config) *Source { return c.OnBehalfOf(testAssertion) }, "Tenant"},
		{"on behalf of, no JWT", nothing, func(c *Config) *Source { return c.OnBehalfOf("PLANTED") }, "OnBehalfOf"},
		{"on behalf of, a JWT without exp", nothing, func(c *Config) *Source { return c.OnBehalfOf(testJWT) }, "OnBehalfOf"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			server := new(fakeEntra)
			config := server.config()
			row.change(config)
			_, err := row.flow(config).Token()
			if row.field == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			e, ok := errors.AsType[*ConfigError](err)
			if !ok || e.Field != row.field || e.Remedy == "" {
				t.Errorf("error %v; want one of %s", err, row.field)
			}
			checkAllVerbs(t, "error", err)
			wantRequests(t, server, 0)
		})
	}
}

// A server that says what it was sent.
func TestUserSecretsAreRedacted(t *testing.T) {
	for name, flow := range map[string]func(*Config) *Source{
		"RefreshToken": func(c *Config) *Source { return c.RefreshToken(testRefresh) },
		"Password":     func(c *Config) *Source { return c.Password("jane", testPassword) },
		"OnBehalfOf":   func(c *Config) *Source { return c.OnBehalfOf(testAssertion) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, echo := range []func(form url.Values) string{
				func(form url.Values) string {
					return "you sent " + strings.Join([]string{form.Get("refresh_token"), form.Get("password"), form.Get("assertion")}, "|")
				},
				func(form url.Values) string { return "you sent " + form.Encode() },
				func(form url.Values) string {
					return `{"error":"invalid_request","error_description":"you sent ` + form.Encode() + `"}`
				},
				func(form url.Values) string {
					return `{"error":"invalid_request","error_description":"you sent ` + url.QueryEscape(form.Encode()) + `"}`
				},
			} {
				server := &fakeEntra{}
				server.answer = func(n int, _ *http.Request) (*http.Response, error) {
					return response(http.StatusBadRequest, echo(server.forms[n-1])), nil
				}
				source := flow(server.config())
				_, err := source.Token()
				if e, ok := errors.AsType[*Error](err); !ok || e.StatusCode != http.StatusBadRequest {
					t.Fatalf("error %v", err)
				}
				checkAllVerbs(t, "error", err, source)
			}
		})
	}
}
