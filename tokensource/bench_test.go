package tokensource

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/trace"
	"golang.org/x/oauth2"
)

// BenchmarkToken compares a cached token of ours with one of x/oauth2's
// wrapper, which hands out the one it has under a mutex.
func BenchmarkToken(b *testing.B) {
	source := new(fakeEntra).source()
	token, err := source.Token()
	if err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct {
		name   string
		source oauth2.TokenSource
	}{
		{"Source", source},
		{"ReuseTokenSource", oauth2.ReuseTokenSource(token, nil)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bench.source.Token()
			}
		})
		b.Run(bench.name+"/parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					bench.source.Token()
				}
			})
		})
	}
}

// BenchmarkRequest has no network, and tokens that expire as they come.
func BenchmarkRequest(b *testing.B) {
	body := `{"token_type":"Bearer","expires_in":1e-6,"ext_expires_in":3599,"access_token":"` + strings.Repeat("token", 300) + `"}`
	for _, bench := range []struct {
		name string
		ctx  context.Context
	}{
		{"caller who can leave", b.Context()},
		{"caller who cannot", context.Background()},
	} {
		b.Run(bench.name, func(b *testing.B) {
			config := new(fakeEntra).config()
			config.HTTPClient.Transport = sameAnswer(body)
			source := config.ClientCredentials()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := source.TokenContext(bench.ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// sameAnswer is a transport that gives the same answer to all.
type sameAnswer string

func (a sameAnswer) RoundTrip(*http.Request) (*http.Response, error) {
	return response(http.StatusOK, string(a)), nil
}

func TestCachedTokenCostsOneAllocation(t *testing.T) {
	for name, hooks := range map[string]*trace.Hooks{"no hooks": nil, "no functions": {}, "a function": {TokenServed: func(trace.TokenServed) {}}} {
		config := new(fakeEntra).config()
		config.Trace = hooks
		source := config.ClientCredentials()
		want(t, source, 1)
		if n := testing.AllocsPerRun(100, func() { source.Token() }); n > 1 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// BenchmarkNextRun is what the first token of a run costs that finds it in
// files.
func BenchmarkNextRun(b *testing.B) {
	for name, cache := range map[string]tokencache.Cache{"files": tokencache.Dir(b.TempDir()), "encrypted files": tokencache.Encrypted(tokencache.Dir(b.TempDir()), keyA)} {
		b.Run(name, func(b *testing.B) {
			config := new(fakeEntra).config()
			config.Cache = cache
			if _, err := config.ClientCredentials().Token(); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := config.ClientCredentials().Token(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
