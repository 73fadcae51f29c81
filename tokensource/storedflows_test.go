package tokensource_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokensource"
)

// A directory that cannot be written to: what is in it is used.
func TestReadOnlyDirectory(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions do not stop this user")
	}
	if mailtest.AsNobody(t) {
		return
	}
	e := newEntra(t)
	dir := filepath.Join(t.TempDir(), "tokens")
	e.config.Cache = tokencache.Dir(dir)
	e.config.CacheKey = "adele"
	if _, err := e.authCode().Token(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	if _, err := e.config.Resume().Token(); err != nil {
		t.Errorf("what is stored: %v", err)
	}
	e.config.CacheKey = "another"
	before := len(e.Requests())
	if _, err := e.password().Token(); err == nil || !strings.Contains(err.Error(), dir) || len(e.Requests()) != before {
		t.Errorf("error %v", err)
	}
}

func TestCacheSettings(t *testing.T) {
	e := newEntra(t)
	e.config.Credential = tokensource.Secret(e.app.Secret)
	key := bytes.Repeat([]byte("k"), 32)
	for name, cache := range map[string]tokencache.Cache{
		"no directory":      tokencache.Dir(""),
		"no cache":          tokencache.Encrypted(nil, key),
		"short key":         tokencache.Encrypted(tokencache.Dir("x"), key[:31]),
		"long key":          tokencache.Encrypted(tokencache.Dir("x"), append(key, 0)),
		"no key":            tokencache.Encrypted(tokencache.Dir("x"), nil),
		"zeros":             tokencache.Encrypted(tokencache.Dir("x"), make([]byte, 32)),
		"short old key":     tokencache.Encrypted(tokencache.Dir("x"), key, key[:16]),
		"encrypted nowhere": tokencache.Encrypted(tokencache.Dir(""), key),
	} {
		t.Run(name, func(t *testing.T) {
			e.config.Cache = cache
			for _, source := range []*tokensource.Source{e.config.ClientCredentials(), e.password(), tokensource.ManagedIdentity(tokensource.ManagedIdentityOptions{Cache: cache})} {
				_, err := source.Token()
				if bad, ok := errors.AsType[*tokensource.ConfigError](err); !ok || bad.Field != "Cache" || bad.Remedy == "" {
					t.Errorf("error %v", err)
				}
			}
			if _, err := cache.Get(t.Context(), entryKey); err == nil {
				t.Error("Get: no error")
			}
			if err := cache.Put(t.Context(), entryKey, nil); err == nil {
				t.Error("Put: no error")
			}
			if err := cache.Delete(t.Context(), entryKey); err == nil {
				t.Error("Delete: no error")
			}
		})
	}
	if n := len(e.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// Each flow with its tokens in files, encrypted too: two runs, one request.
func TestEveryFlowIsStored(t *testing.T) {
	key := bytes.Repeat([]byte("k"), 32)
	for _, encrypted := range []bool{false, true} {
		for name, flow := range map[string]func(*entra, *testing.T) func() *tokensource.Source{
			"authorization code": func(e *entra, _ *testing.T) func() *tokensource.Source { return e.authCode },
			"password":           func(e *entra, _ *testing.T) func() *tokensource.Source { return e.password },
			"refresh token": func(e *entra, t *testing.T) func() *tokensource.Source {
				refresh := e.refreshToken(t)
				return func() *tokensource.Source { return e.config.RefreshToken(refresh) }
			},
			"on behalf of": func(e *entra, _ *testing.T) func() *tokensource.Source {
				e.config.Credential = tokensource.Secret(e.app.Secret)
				assertion := e.app.Token(&exchangetest.TokenOptions{User: e.user, Audience: "api://" + e.app.ClientID})
				return func() *tokensource.Source { return e.config.OnBehalfOf(assertion) }
			},
			"application": func(e *entra, _ *testing.T) func() *tokensource.Source {
				e.config.Credential = tokensource.Secret(e.app.Secret)
				return e.config.ClientCredentials
			},
		} {
			t.Run(fmt.Sprintf("%s, encrypted %t", name, encrypted), func(t *testing.T) {
				e := newEntra(t)
				source := flow(e, t)
				dir := filepath.Join(t.TempDir(), "tokens")
				before := len(e.Requests())
				for range 2 {
					e.config.Cache = tokencache.Dir(dir)
					if encrypted {
						e.config.Cache = tokencache.Encrypted(e.config.Cache, key)
					}
					if _, err := source().Token(); err != nil {
						t.Fatal(err)
					}
				}
				if n := len(e.Requests()) - before; n != 1 {
					t.Errorf("%d requests", n)
				}
				files, _ := filepath.Glob(filepath.Join(dir, "*.token"))
				if len(files) != 1 {
					t.Fatalf("files: %q", files)
				}
				if text, err := os.ReadFile(files[0]); err != nil || bytes.Contains(text, []byte("token")) == encrypted {
					t.Errorf("stored as %q, %v", text, err)
				}
			})
		}
	}
}
