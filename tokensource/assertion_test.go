package tokensource

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/internal/verdict"
)

func TestAssertionIsAskedForEachRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: sequence(unavailable)}
		calls := 0
		source, log := certified(server, Assertion(func(context.Context) (string, error) {
			calls++
			return "PLANTED.1." + strings.Repeat("PLANTED", calls), nil
		}))
		want(t, source, 2)
		for n, form := range server.forms {
			if got := form.Get("client_assertion"); got != "PLANTED.1."+strings.Repeat("PLANTED", n+1) || form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
				t.Errorf("request %d with %s", n+1, got)
			}
		}
		checkNoSecret(t, "log", log.String())
	})
}

func TestAssertionThatIsNone(t *testing.T) {
	sealed := errors.New("sealed")
	give := func(text string, err error) Credential {
		return Assertion(func(context.Context) (string, error) { return text, err })
	}
	tests := []struct {
		name       string
		credential Credential
		err        string
		passes     bool
	}{
		{"nil", Assertion(nil), "from nowhere", false},
		{"no path", AssertionFile(""), "from nowhere", false},
		{"error", give("", sealed), "Assertion(…): sealed", false},
		{"error that passes", give("", passingError{sealed}), "sealed", true},
		{"empty", give("", nil), "is empty", false},
		{"line end", give(testJWT+"\n", nil), "no JWT", false},
		{"one part", give("PLANTED", nil), "no JWT", false},
		{"two parts", give("PLANTED.PLANTED", nil), "no JWT", false},
		{"four parts", give("PLANTED.PLANTED.PLANTED.PLANTED", nil), "no JWT", false},
		{"an empty part", give("PLANTED..PLANTED", nil), "no JWT", false},
		{"base64, but not that of URLs", give("PLANTED.PLAN+ED.PLANTED", nil), "no JWT", false},
		{"padding", give("PLANTED.PLANTED=.PLANTED", nil), "no JWT", false},
		{"no such file", AssertionFile("testdata/nothing"), "testdata/nothing", false},
		{"time limit", Assertion(func(ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() }), "time limit", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := new(fakeEntra)
				source, log := certified(server, test.credential)
				_, err := source.TokenContext(t.Context())
				wantError(t, err, test.err)
				if verdict.Retryable(err) != test.passes {
					t.Errorf("Retryable() is %v", !test.passes)
				}
				wantRequests(t, server, 0)
				checkAllVerbs(t, "error", err, test.credential)
				checkNoSecret(t, "log", log.String())
			})
		})
	}
	source, _ := certified(new(fakeEntra), AssertionFile("testdata/nothing"))
	if _, err := source.TokenContext(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
}

// A herd with an assertion that cannot be had asks for it once.
func TestHerdWithoutAssertion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		source, _ := certified(new(fakeEntra), Assertion(func(context.Context) (string, error) {
			calls++
			pass(time.Second)
			return "", errors.New("sealed")
		}))
		herd(t.Context(), source, 64)
		if calls != 1 {
			t.Errorf("%d calls", calls)
		}
	})
}

func setWorkload(t *testing.T, file, authority string) {
	t.Helper()
	for name, value := range map[string]string{
		"AZURE_TENANT_ID": testTenant, "AZURE_CLIENT_ID": testClientID, "AZURE_FEDERATED_TOKEN_FILE": file, "AZURE_AUTHORITY_HOST": authority,
	} {
		t.Setenv(name, value)
	}
}

func TestWorkloadIdentity(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	setWorkload(t, file, "https://login.microsoftonline.com/")
	synctest.Test(t, func(t *testing.T) {
		config, err := WorkloadIdentity()
		if err != nil {
			t.Fatal(err)
		}
		server := new(fakeEntra)
		config.HTTPClient = server.config().HTTPClient
		source := config.ClientCredentials()
		for n, text := range []string{"the.first.one", "the.second.one"} { // as the file rotates
			if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			want(t, source, n+1)
			if got := server.forms[n].Get("client_assertion"); got != text {
				t.Errorf("assertion %q; want %q", got, text)
			}
			pass(time.Hour)
		}
	})
}

func TestWorkloadIdentityOfEachCloud(t *testing.T) {
	for authority, want := range map[string]exoauth.Cloud{
		"":                                   {},
		"https://login.microsoftonline.com/": exoauth.Global,
		"https://login.microsoftonline.us/":  exoauth.GCCHigh,
		"https://LOGIN.partner.microsoftonline.cn": exoauth.China,
		"https://login.example.com/":               {Authority: "https://login.example.com"},
	} {
		setWorkload(t, "f", authority)
		if c, err := WorkloadIdentity(); err != nil || c.Cloud != want {
			t.Errorf("%s: %+v, %v", authority, c, err)
		}
	}
}

func TestWorkloadIdentityWithoutItsEnvironment(t *testing.T) {
	for _, name := range []string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST"} {
		t.Run(name, func(t *testing.T) {
			setWorkload(t, "f", "")
			value := ""
			if name == "AZURE_AUTHORITY_HOST" {
				value = "http://login.example.com"
			}
			t.Setenv(name, value)
			c, err := WorkloadIdentity()
			if bad, ok := errors.AsType[*ConfigError](err); c != nil || !ok || bad.Field != name || bad.Remedy == "" {
				t.Errorf("%v, %#v", c, err)
			}
		})
	}
}
