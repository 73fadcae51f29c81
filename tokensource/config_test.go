package tokensource

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth"
)

// wantError wants the text in the error, or no error where it is empty.
func wantError(t *testing.T, err error, text string) {
	t.Helper()
	switch {
	case text == "" && err != nil:
		t.Errorf("error: %v", err)
	case text != "" && err == nil:
		t.Errorf("no error; want %q", text)
	case text != "" && !strings.Contains(err.Error(), text):
		t.Errorf("error %q; want %q in it", err, text)
	}
}

func TestConfig(t *testing.T) {
	const other = "00000000-0000-0000-0000-00000000abcd"
	tests := []struct {
		name   string
		change func(*Config)
		field  string // of the ConfigError; "" where the request is made
		text   string // in the error
	}{
		{"good", func(*Config) {}, "", ""},
		{"a tenant's id", func(c *Config) { c.Tenant = other }, "", ""},
		{"a hyphen in the domain", func(c *Config) { c.Tenant = "contoso-mail.example.com" }, "", ""},
		{"authority with a slash at its end", func(c *Config) { c.Cloud.Authority = "https://login.example.com/" }, "", ""},
		{"authority with a port", func(c *Config) { c.Cloud.Authority = "https://127.0.0.1:8443" }, "", ""},
		{"no scopes", func(c *Config) { c.Scopes = []string{} }, "", ""},
		{"another resource", func(c *Config) { c.Scopes = []string{"https://mail.example.com/.default"} }, "", ""},

		{"no tenant", func(c *Config) { c.Tenant = "" }, "Tenant", "empty"},
		{"slash in the tenant", func(c *Config) { c.Tenant = "contoso.com/evil" }, "Tenant", `"contoso.com/evil"`},
		{"dots for a tenant", func(c *Config) { c.Tenant = ".." }, "Tenant", "neither"},
		{"per cent in the tenant", func(c *Config) { c.Tenant = "contoso%2fcom" }, "Tenant", "neither"},
		{"question mark in the tenant", func(c *Config) { c.Tenant = "contoso.com?a=b" }, "Tenant", "neither"},
		{"white space around the tenant", func(c *Config) { c.Tenant = "contoso.com\n" }, "Tenant", `"contoso.com\n"`},
		{"common", func(c *Config) { c.Tenant = "common" }, "Tenant", "many tenants"},
		{"organizations", func(c *Config) { c.Tenant = "Organizations" }, "Tenant", "many tenants"},
		{"consumers", func(c *Config) { c.Tenant = "consumers" }, "Tenant", "many tenants"},
		{"consumers by id", func(c *Config) { c.Tenant = strings.ToUpper("9188040d-6c67-4c5b-b112-36a304b66dad") }, "Tenant", "many tenants"},
		{"no client id", func(c *Config) { c.ClientID = "" }, "ClientID", "empty"},
		{"secret for a client id", func(c *Config) { c.ClientID = testSecret }, "ClientID", "characters"},
		{"white space around the client id", func(c *Config) { c.ClientID = " " + testClientID }, "ClientID", `" ` + testClientID},
		{"secret for a tenant", func(c *Config) { c.Tenant = testSecret }, "Tenant", "neither"},
		{"no credential", func(c *Config) { c.Credential = nil }, "Credential", "nil"},
		{"empty secret", func(c *Config) { c.Credential = Secret("") }, "Credential", "empty"},
		{"zero secret", func(c *Config) { c.Credential = secret{} }, "Credential", "empty"},
		{"line end after the secret", func(c *Config) { c.Credential = Secret(testSecret + "\n") }, "Credential", "white space"},
		{"a space in the secret", func(c *Config) { c.Credential = Secret("PLANTED~a b") }, "Credential", "white space"},
		{"delete in the secret", func(c *Config) { c.Credential = Secret("PLANTED~a\x7fb") }, "Credential", "control characters"},
		{"an exclamation mark in the secret", func(c *Config) { c.Credential = Secret("PLANTED~a!b") }, "", ""},
		{"beyond ASCII in the secret", func(c *Config) { c.Credential = Secret("PLANTED~a\u0080b") }, "", ""},
		{"a space in the scope", func(c *Config) { c.Scopes = []string{"https://mail.example.com/a b/.default"} }, "Scopes", "white space"},
		{"delete in the scope", func(c *Config) { c.Scopes = []string{"https://mail.example.com/\x7f/.default"} }, "Scopes", "white space"},
		{"the first and the last character in the scope", func(c *Config) { c.Scopes = []string{"https://mail.example.com/!~/.default"} }, "", ""},
		{"another ending of the scope", func(c *Config) { c.Scopes = []string{"https://mail.example.com/Mail.Read"} }, "Scopes", "ends in /.default (AADSTS1002012)"},
		{"plain http", func(c *Config) { c.Cloud.Authority = "http://login.example.com" }, "Cloud.Authority", "http://login.example.com"},
		{"no scheme", func(c *Config) { c.Cloud.Authority = "login.example.com" }, "Cloud.Authority", "https://"},
		{"no host", func(c *Config) { c.Cloud.Authority = "https://:443" }, "Cloud.Authority", "host alone"},
		{"tenant in the authority", func(c *Config) { c.Cloud.Authority = "https://login.example.com/contoso.com" }, "Cloud.Authority", "put the tenant into Tenant"},
		{"query in the authority", func(c *Config) { c.Cloud.Authority = "https://login.example.com?a" }, "Cloud.Authority", "host alone"},
		{"password in the authority", func(c *Config) { c.Cloud.Authority = "https://u:" + testToken + "@login.example.com" }, "Cloud.Authority", "host alone"},
		{"unreadable authority", func(c *Config) { c.Cloud.Authority = "https://%zz" }, "Cloud.Authority", "host alone"},
		{"delegated scope", func(c *Config) { c.Scopes = []string{"https://outlook.office.com/IMAP.AccessAsUser.All"} }, "Scopes", "/.default"},
		{"nothing before /.default", func(c *Config) { c.Scopes = []string{"/.default"} }, "Scopes", "/.default"},
		{"two scopes", func(c *Config) { c.Scopes = []string{exoauth.Global.AppScope(), "offline_access"} }, "Scopes", "exactly one"},
		{"two scopes in one string", func(c *Config) { c.Scopes = []string{"openid https://outlook.office365.com/.default"} }, "Scopes", "white space"},
		{"Graph", func(c *Config) { c.Scopes = []string{"https://Graph.microsoft.com/.default"} }, "Scopes", "Microsoft Graph"},
		{"Graph with a slash too many", func(c *Config) { c.Scopes = []string{"https://graph.microsoft.com//.default"} }, "Scopes", "Microsoft Graph"},
		{"Graph by its id", func(c *Config) { c.Scopes = []string{"00000003-0000-0000-c000-000000000000/.default"} }, "Scopes", "Microsoft Graph"},
		{"Graph for a resource", func(c *Config) { c.Cloud.Resource = "https://graph.microsoft.us" }, "Cloud.Resource", "Microsoft Graph"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := new(fakeEntra)
			config := server.config()
			test.change(config)
			_, err := config.ClientCredentials().TokenContext(t.Context())
			wantError(t, err, test.text)
			if test.field == "" {
				wantRequests(t, server, 1)
				return
			}
			wantRequests(t, server, 0)
			bad, ok := errors.AsType[*ConfigError](err)
			if !ok || bad.Field != test.field || bad.Remedy == "" {
				t.Fatalf("error %#v; want a *ConfigError for %s", err, test.field)
			}
			checkAllVerbs(t, "error", err, *bad)
		})
	}
}

func TestConfigIsCopied(t *testing.T) {
	server := new(fakeEntra)
	config := server.config()
	config.Scopes = []string{"https://mail.example.com/.default"}
	source := config.ClientCredentials()
	config.Scopes[0] = "changed"
	config.HTTPClient.Transport = nil
	config.Tenant, config.ClientID, config.Credential = "changed", "changed", nil
	want(t, source, 1)
	if got := server.forms[0].Get("scope"); got != "https://mail.example.com/.default" {
		t.Errorf("scope %q", got)
	}
}

func TestGivenClientIsLeftAlone(t *testing.T) {
	server := new(fakeEntra)
	config := server.config()
	config.HTTPClient.Timeout = time.Minute
	want(t, config.ClientCredentials(), 1)
	if config.HTTPClient.CheckRedirect != nil || config.HTTPClient.Timeout != time.Minute {
		t.Error("the caller's client was changed")
	}
}

func TestRequestLimit(t *testing.T) {
	tests := []struct {
		name   string
		client *http.Client
		want   time.Duration
	}{
		{"no client", nil, 30 * time.Second},
		{"client without one", new(http.Client), 30 * time.Second},
		{"client with one", &http.Client{Timeout: time.Minute}, time.Minute},
		{"client with a senseless one", &http.Client{Timeout: -1}, 30 * time.Second},
	}
	for _, test := range tests {
		config := Config{Tenant: testTenant, ClientID: testClientID, HTTPClient: test.client}
		if got := config.newClient(exoauth.Global, "").limit; got != test.want {
			t.Errorf("%s: %v; want %v", test.name, got, test.want)
		}
	}
}
