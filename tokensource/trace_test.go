package tokensource_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokensource"
	"github.com/exoauth/exoauth/trace"
)

// traced is a flow whose hooks are counted against the server's records.
type traced struct {
	name string
	// source makes a source with the hooks. What it asks of the server before is
	// not counted.
	source func(t *testing.T, e *entra, hooks *trace.Hooks) *tokensource.Source
}

func tracedFlows() []traced {
	of := func(make func(t *testing.T, e *entra) *tokensource.Source) func(*testing.T, *entra, *trace.Hooks) *tokensource.Source {
		return func(t *testing.T, e *entra, hooks *trace.Hooks) *tokensource.Source {
			e.config.Trace = hooks
			return make(t, e)
		}
	}
	flows := []traced{
		{"AuthCode", of(func(_ *testing.T, e *entra) *tokensource.Source { return e.authCode() })},
		{"DeviceCode", of(func(_ *testing.T, e *entra) *tokensource.Source {
			return e.config.DeviceCode(func(ctx context.Context, code tokensource.DeviceCode) error {
				return e.Browser(e.user).EnterCode(ctx, code.UserCode)
			})
		})},
		{"Password", of(func(_ *testing.T, e *entra) *tokensource.Source { return e.password() })},
		{"OnBehalfOf", of(func(_ *testing.T, e *entra) *tokensource.Source { return e.onBehalfOf() })},
		{"RefreshToken", func(t *testing.T, e *entra, hooks *trace.Hooks) *tokensource.Source {
			token := e.refreshToken(t)
			e.config.Trace = hooks
			return e.config.RefreshToken(token)
		}},
		{"Exchange", of(func(t *testing.T, e *entra) *tokensource.Source { return e.signedIn(t) })},
		{"Resume", func(t *testing.T, e *entra, hooks *trace.Hooks) *tokensource.Source {
			e.config.Cache, e.config.CacheKey = tokencache.Dir(t.TempDir()), "jane"
			e.signedIn(t)
			e.config.Trace = hooks
			return e.config.Resume()
		}},
	}
	for name := range map[string]bool{"secret": true, "certificate": true, "RS256, x5c": true, "federated": true, "in order": true} {
		flows = append(flows, traced{"ClientCredentials, " + name, func(t *testing.T, e *entra, hooks *trace.Hooks) *tokensource.Source {
			f := newFixture(t)
			e.Server = f.Server
			config := f.config(f.Cloud(), f.credentials[name])
			config.Trace = hooks
			return config.ClientCredentials()
		}})
	}
	for name, kind := range map[string]exchangetest.HostKind{
		"VM": exchangetest.VM, "App Service": exchangetest.AppService, "Azure Arc": exchangetest.Arc,
		"Cloud Shell": exchangetest.CloudShell, "Machine Learning": exchangetest.AzureML, "Service Fabric": exchangetest.ServiceFabric,
	} {
		flows = append(flows, traced{"ManagedIdentity, " + name, func(t *testing.T, e *entra, hooks *trace.Hooks) *tokensource.Source {
			host := e.AddHost(kind, e.Tenant().AddManagedIdentity("system", exchangetest.IMAPAccessAsApp))
			host.KeyDir = t.TempDir()
			return tokensource.ManagedIdentityOn(host.Env(), host.KeyDir, tokensource.ManagedIdentityOptions{HTTPClient: host.HTTPClient(), Trace: hooks})
		}})
	}
	return flows
}

// signedIn signs in as a web application does.
func (e *entra) signedIn(t *testing.T) *tokensource.Source {
	t.Helper()
	const back = "https://mail.contoso.com/back"
	e.app.AddRedirectURI(exchangetest.Web, back)
	config := e.config
	config.Credential = tokensource.Secret(e.app.Secret)
	address, signIn, err := config.AuthCodeURL(tokensource.AuthCodeOptions{RedirectURL: back})
	var answer url.Values
	if err == nil {
		answer, err = e.Browser(e.user).Authorize(t.Context(), address)
	}
	var source *tokensource.Source
	if err == nil {
		source, err = config.Exchange(t.Context(), signIn, answer)
	}
	if err != nil {
		t.Fatal(err)
	}
	e.config.Credential = config.Credential
	return source
}

// The hooks tell of as many requests as the server saw, in each flow, for any
// number of callers.
func TestTraceOfEachFlow(t *testing.T) {
	for _, flow := range tracedFlows() {
		t.Run(flow.name, func(t *testing.T) {
			e := newEntraWith(t, func(srv *exchangetest.Server) { srv.DeviceInterval = time.Second })
			events := new(mailtest.Events)
			source := flow.source(t, e, events.Hooks())
			herd(t, source)
			calls := 1
			if flow.name == "Exchange" { // which has its token from the start
				calls = 0
			}
			events.Await(t, "TokenFetch", calls)
			seen := e.Requests()
			if flow.name == "Resume" || flow.name == "RefreshToken" { // after a sign-in without hooks
				seen = seen[1:]
			}
			requests := mailtest.EventsOf[trace.TokenRequest](events, "TokenRequest")
			if len(requests) != len(seen) || len(seen) == 0 && flow.name != "Resume" {
				t.Fatalf("requests %+v, the server saw %+v", requests, seen)
			}
			for i, request := range requests {
				if failed := seen[i].Status != http.StatusOK; request.AADSTS != seen[i].AADSTS || (request.Err != nil) != failed || request.Took <= 0 {
					t.Errorf("request %+v, the server saw %+v", request, seen[i])
				}
			}
			fetches := mailtest.EventsOf[trace.TokenFetch](events, "TokenFetch")
			if len(fetches) != calls || calls > 0 && (fetches[0].Err != nil || fetches[0].Renewal || fetches[0].Lifetime <= 0) {
				t.Errorf("fetches %+v, want %d and none in advance", fetches, calls)
			}
			if got := events.Count("TokenServed"); got != 64 {
				t.Errorf("served %d times, want 64", got)
			}
		})
	}
}

// A refusal is told with its number, once for all who wait.
func TestTraceOfRefusals(t *testing.T) {
	for name, row := range map[string]struct {
		refuse   func(e *entra)
		want     int
		requests int
	}{
		"secret that has expired": {func(e *entra) { e.app.ExpireSecret(e.app.Secret) }, 7000222, 1},
		"no such secret":          {func(e *entra) { e.app.RemoveSecret(e.app.Secret) }, 7000215, 1},
		"blocked tenant":          {func(e *entra) { e.Tenant().SetBlocked(true) }, 5000224, 1},
		"Conditional Access": {func(e *entra) {
			e.Inject(exchangetest.Fault{At: exchangetest.AtEntra, Command: "token", AADSTS: 53003})
		}, 53003, 1},
		"busy, then not": {func(e *entra) {
			e.Inject(exchangetest.Fault{At: exchangetest.AtEntra, Command: "token", AADSTS: 90033})
		}, 90033, 2},
		"no answer": {func(e *entra) {
			e.Inject(exchangetest.Fault{At: exchangetest.AtEntra, Command: "token", Status: http.StatusBadRequest, Reply: "{}"})
		}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEntra(t)
			e.app.SetPublicFlows(false)
			row.refuse(e)
			events := new(mailtest.Events)
			config := e.config
			config.Credential, config.Trace = tokensource.Secret(e.app.Secret), events.Hooks()
			_, err := config.ClientCredentials().TokenContext(t.Context())
			events.Await(t, "TokenFetch", 1)
			requests := mailtest.EventsOf[trace.TokenRequest](events, "TokenRequest")
			if len(requests) != row.requests || len(requests) != len(e.Requests()) {
				t.Fatalf("requests %+v, want %d", requests, row.requests)
			}
			if requests[0].AADSTS != row.want || requests[0].Err == nil || requests[0].ClientID != e.app.ClientID {
				t.Errorf("request %+v, want %d", requests[0], row.want)
			}
			fetch := mailtest.EventsOf[trace.TokenFetch](events, "TokenFetch")[0]
			served := mailtest.EventsOf[trace.TokenServed](events, "TokenServed")
			if !errors.Is(err, fetch.Err) || len(served) != 1 || served[0].Err != err {
				t.Errorf("fetch %+v, served %+v, want both with %v", fetch, served, err)
			}
		})
	}
}

// A hook may use the Source that calls it.
func TestTraceUsesTheSource(t *testing.T) {
	e := newEntra(t)
	var source *tokensource.Source
	asked := make(chan error, 1)
	config := e.config
	config.Credential = tokensource.Secret(e.app.Secret)
	config.Trace = &trace.Hooks{TokenRequest: func(trace.TokenRequest) {
		_, err := source.TokenContext(t.Context())
		asked <- err
	}}
	source = config.ClientCredentials()
	if _, err := source.TokenContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-asked; err != nil {
		t.Error(err)
	}
}
