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
		{"nil", Assertion(nil), "without a source", false},
		{"no path", AssertionFile(""), "without a source", false},
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

// The file of an assertion is replaced before its end.
func TestAssertionFileIsReadForEachRequest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	synctest.Test(t, func(t *testing.T) {
		server := new(fakeEntra)
		source, _ := certified(server, AssertionFile(file))
		for n, text := range []string{"the.first.one", "the.second.one"} {
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
