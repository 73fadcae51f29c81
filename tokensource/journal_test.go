package tokensource

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bytes"
	"runtime"
	"strings"
	"sync"

	"github.com/exoauth/exoauth/tokencache"
)

// A logBuffer is what handlers write to. String waits for calls that have
// answered and not written their records yet.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	for stacks := make([]byte, 1<<20); ; runtime.Gosched() {
		n := runtime.Stack(stacks, true)
		if !strings.Contains(string(stacks[:n]), "tokensource.(*call).run.func") {
			break
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// logTo returns a logger without levels or times.
func logTo(b *logBuffer) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// logCalls returns the messages of all records that this package writes.
func logCalls(t *testing.T) (messages []string) {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	paths = append(paths, "../internal/clientcert/signer.go")
	levels := []string{"Debug", "Info", "Warn", "Error", "Log", "LogAttrs"}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(gotoken.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || len(call.Args) < 2 {
				return true
			}
			on, _ := method.X.(*ast.Ident)
			if slices.Contains(levels, method.Sel.Name) && (on == nil || on.Name != "http") {
				t.Errorf("%s: %s without a context cannot be kept", path, method.Sel.Name)
			}
			text, ok := call.Args[1].(*ast.BasicLit)
			if name := method.Sel.Name; ok && text.Kind == gotoken.STRING && (strings.HasSuffix(name, "Context") || name == "warn") {
				message, _ := strconv.Unquote(text.Value)
				messages = append(messages, strings.TrimPrefix(message, "tokensource: "))
			}
			return true
		})
	}
	return messages
}

// A needy handler needs a token of the Source for each of its records, and the
// lock of its Cache, as one does that sends them by mail in a process of its
// own.
type needy struct {
	slog.Handler
	t      *testing.T
	source **Source
	lock   func(context.Context) error

	busy *atomic.Bool // or the records of its own token would have it call itself
	seen map[string]bool
}

func (needy) Enabled(context.Context, slog.Level) bool { return true }

func (n needy) Handle(ctx context.Context, r slog.Record) error {
	if !n.busy.CompareAndSwap(false, true) {
		return nil
	}
	defer n.busy.Store(false)
	n.seen[strings.TrimPrefix(r.Message, "tokensource: ")] = true
	if ctx.Err() != nil {
		n.t.Errorf("%s: the context has ended: %v", r.Message, ctx.Err())
	}
	ctx, cancel := context.WithTimeout(ctx, lockLimit-1)
	defer cancel()
	if err := n.lock(ctx); err != nil {
		n.t.Errorf("%s: the lock is held: %v", r.Message, err)
	}
	if source := *n.source; source != nil {
		if _, err := source.TokenContext(ctx); ctx.Err() != nil {
			n.t.Errorf("%s: no answer of the Source: %v", r.Message, err)
		}
	}
	return nil
}

// Whatever is logged, the handler may use the Source that it is about, and the
// waiters have their answer before.
func TestHandlerMayUseTheSource(t *testing.T) {
	broken := func(context.Context, string) error { return errors.New("no route to the database") }
	user := func(c *Config) *Source { return c.RefreshToken(testRefresh) }
	token := func(t *testing.T, s *Source) { s.TokenContext(t.Context()) }
	twice := func(t *testing.T, s *Source) {
		token(t, s)
		pass(hour)
		token(t, s)
	}
	rows := map[string]struct {
		answer func(int, *http.Request) (*http.Response, error)
		set    func(*Config, *lockingCache)
		open   func(*Config) *Source
		use    func(*testing.T, *Source)
	}{
		"got a token":    {rotate, nil, (*Config).ClientCredentials, token},
		"trying again":   {script(unavailable, rotate), nil, (*Config).ClientCredentials, token},
		"request failed": {refuse, nil, (*Config).ClientCredentials, token},
		"nobody waited for it any more": {script(hang, refuse), nil, (*Config).ClientCredentials, func(t *testing.T, s *Source) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			s.TokenContext(ctx)
		}},
		"credential refused, trying the next": {refuse, func(c *Config, _ *lockingCache) {
			c.Credential = InOrder(Secret("PLANTED~1"), Secret("PLANTED~2"))
		}, (*Config).ClientCredentials, token},
		"the certificate expires soon": {rotate, func(c *Config, _ *lockingCache) {
			cert := newCert(testKey(), time.Now().Add(-hour), time.Now().Add(24*hour))
			c.Credential = Certificate([]*x509.Certificate{cert}, testKey(), nil)
		}, (*Config).ClientCredentials, token},
		"the client secret expires soon": {rotate, func(c *Config, _ *lockingCache) {
			c.Credential = SecretFunc(func(context.Context) (string, time.Time, error) { return testSecret, time.Now().Add(hour), nil })
		}, (*Config).ClientCredentials, token},
		"this machine's clock differs from that of Entra ID; assertions allow for that": {
			func(n int, r *http.Request) (*http.Response, error) {
				if n == 1 {
					return outside(time.Now().Add(hour))(n, r)
				}
				return rotate(n, r)
			}, func(c *Config, _ *lockingCache) {
				cert := newCert(testKey(), time.Now().Add(-hour), time.Now().Add(2400*hour))
				c.Credential = Certificate([]*x509.Certificate{cert}, testKey(), nil)
			}, (*Config).ClientCredentials, token},
		"took a token from the cache": {rotate, nil, user, func(t *testing.T, s *Source) {
			token(t, s)
			synctest.Wait() // for the handler, which takes one record at a time
			s.cached.Store(nil)
			token(t, s)
		}},
		"the cache failed":       {rotate, func(_ *Config, c *lockingCache) { c.get = broken }, (*Config).ClientCredentials, token},
		"a token was not stored": {succeed, func(_ *Config, c *lockingCache) { c.put = broken }, (*Config).ClientCredentials, token},
		"a damaged entry of the cache is replaced": {rotate, func(_ *Config, c *lockingCache) {
			c.get = func(context.Context, string) error { return fmt.Errorf("%w: bad padding", tokencache.ErrMiss) }
		}, user, token},
		"a refresh token that has ended was not deleted": {script(rotate, badRequest(revoked)), func(_ *Config, c *lockingCache) { c.delete = broken }, user, twice},
		"refresh token refused, signing in anew": {script(rotate, badRequest(revoked), rotate), nil, func(c *Config) *Source {
			return c.Password("jane@contoso.com", testPassword)
		}, twice},
		"a token that was refused is still in the cache": {rotate, nil, user, func(t *testing.T, s *Source) {
			token := want(t, s, 1)
			pass(2 * time.Minute)
			s.flow().(*userSession).store.cache.(*lockingCache).put = broken
			s.Invalidate(token)
		}},
	}
	for _, message := range logCalls(t) {
		row, ok := rows[message]
		if !ok {
			t.Errorf("no row for %q", message)
			continue
		}
		t.Run(message, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: row.answer}
				config, cache := server.config(), newLockingCache()
				config.Cache = cache
				if row.set != nil {
					row.set(config, cache)
				}
				var source *Source
				handler := needy{t: t, source: &source, seen: make(map[string]bool), busy: new(atomic.Bool), lock: func(ctx context.Context) error {
					_, unlock, err := cache.Lock(ctx, "")
					if err == nil {
						unlock()
					}
					return err
				}}
				config.Logger = slog.New(handler)
				source = row.open(config)
				row.use(t, source)
				synctest.Wait()
				pass(10 * time.Second)
				if !handler.seen[message] {
					t.Errorf("seen: %v", handler.seen)
				}
			})
		})
	}
}

// A handler that takes long keeps nobody from their token.
func TestHandlerKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		config := new(fakeEntra).config()
		config.Logger = slog.New(slow{slog.DiscardHandler, release})
		source := config.ClientCredentials()
		for _, c := range []<-chan result{ask(t.Context(), source), ask(forGood(t), source)} {
			synctest.Wait()
			select {
			case r := <-c:
				if r.err != nil {
					t.Error(r.err)
				}
			default:
				t.Error("waits for the log")
			}
		}
		close(release)
	})
}

type slow struct {
	slog.Handler
	release chan struct{}
}

func (slow) Enabled(context.Context, slog.Level) bool { return true }

func (s slow) Handle(context.Context, slog.Record) error { <-s.release; return nil }
