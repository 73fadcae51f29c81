package interop

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/emersion/go-imap/v2/imapclient"
	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/tokensource"
)

// A tokenFunc is a library's way to a token.
type tokenFunc func(ctx context.Context) (string, time.Time, error)

// Token and TokenContext are what a program writes that has a library already
// and no use for tokensource.
func (f tokenFunc) Token() (*oauth2.Token, error) { return f.TokenContext(context.Background()) }

func (f tokenFunc) TokenContext(ctx context.Context) (*oauth2.Token, error) {
	token, expires, err := f(ctx)
	if err != nil {
		return nil, err
	}
	return &oauth2.Token{AccessToken: token, Expiry: expires}, nil
}

// plain is f without its other method.
type plain struct{ f tokenFunc }

func (p plain) Token() (*oauth2.Token, error) { return p.f.Token() }

// libraries are those that have sign-ins of their own.
var libraries = map[string]func(t *testing.T, w *world, client *http.Client) tokenFunc{
	"azidentity": func(t *testing.T, w *world, client *http.Client) tokenFunc {
		cred, err := azidentity.NewClientSecretCredential(w.tenant.ID, w.app.ClientID, w.app.Secret,
			&azidentity.ClientSecretCredentialOptions{ClientOptions: azcore.ClientOptions{Transport: client}})
		if err != nil {
			t.Fatal(err)
		}
		return func(ctx context.Context) (string, time.Time, error) {
			token, err := cred.GetToken(ctx, policy.TokenRequestOptions{Scopes: appScopes})
			return token.Token, token.ExpiresOn, err
		}
	},
	"MSAL Go": func(t *testing.T, w *world, client *http.Client) tokenFunc {
		app, err := confidential.New(w.production(), w.app.ClientID, secretCredential(t, w.app), confidential.WithHTTPClient(client))
		if err != nil {
			t.Fatal(err)
		}
		return func(ctx context.Context) (string, time.Time, error) {
			result, err := app.AcquireTokenSilent(ctx, appScopes)
			if err != nil {
				result, err = app.AcquireTokenByCredential(ctx, appScopes)
			}
			return result.AccessToken, result.ExpiresOn, err
		}
	},
}

// outages are the ways in which the authority is away.
var outages = map[string]roundTripFunc{
	"refused": dialling(func(context.Context) error { return os.NewSyscallError("connect", syscall.ECONNREFUSED) }),
	"unknown host": dialling(func(context.Context) error {
		return &net.DNSError{Err: "no such host", Name: "login.microsoftonline.com", IsNotFound: true}
	}),
	"no answer": dialling(func(ctx context.Context) error {
		select {
		case <-time.After(30 * time.Second): // as long as azcore's own client tries
			return os.ErrDeadlineExceeded
		case <-ctx.Done():
			return ctx.Err()
		}
	}),
	"captive portal": func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/html"}}, Request: r,
			Body: io.NopCloser(strings.NewReader("<html>Accept the terms of this hotel</html>")),
		}, nil
	},
}

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// dialling is a transport whose connections fail with reason.
func dialling(reason func(context.Context) error) roundTripFunc {
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: network, Err: reason(ctx)}
		},
	}
	return transport.RoundTrip
}

// internet is a transport that can fail.
type internet struct {
	http.RoundTripper
	mu   sync.Mutex
	down http.RoundTripper // nil while all is well
}

func (i *internet) set(down http.RoundTripper) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

func (i *internet) RoundTrip(r *http.Request) (*http.Response, error) {
	i.mu.Lock()
	transport := i.down
	i.mu.Unlock()
	if transport == nil {
		transport = i.RoundTripper
	}
	return transport.RoundTrip(r)
}

// internet leads to w from a bubble of synctest, which has another clock.
func (w *world) internet() *internet {
	transport := w.HTTPClient().Transport.(*http.Transport).Clone()
	now := time.Now()
	transport.TLSClientConfig.Time = func() time.Time { return now }
	transport.DisableKeepAlives = true // a connection would keep the clock of the bubble from moving
	return &internet{RoundTripper: transport}
}

// expiring is a mailbox whose sessions end after two hours, when it calls ended.
func expiring(ended func()) mailtest.Script {
	return mailtest.OverTLS(func(p *mailtest.Peer) {
		p.Say("* OK The Microsoft Exchange IMAP4 service is ready. [VEUwUDAwMENBMDAwMS5URVNUUDAwMC5QUk9ELk9VVExPT0suQ09N]")
		tag, ok := p.Next("AUTHENTICATE")
		if !ok {
			return // there was no token
		}
		p.Say(tag + " OK AUTHENTICATE completed.")
		p.Say("* CAPABILITY IMAP4 IMAP4rev1 IDLE NAMESPACE", p.Tag("CAPABILITY")+" OK CAPABILITY completed.")
		p.Say(`* NAMESPACE (("" "/")) NIL NIL`, p.Tag("NAMESPACE")+" OK NAMESPACE completed.")
		over := time.AfterFunc(2*time.Hour, func() {
			ended()
			p.Say("* BYE Session invalidated - AccessTokenExpired")
			p.Close()
		})
		defer over.Stop()
		mailtest.Silence(p)
	})
}

// The authority is away for an hour, which begins when the token of a session
// that stood for two hours has expired. That is no reason for Keep to end.
func TestKeepGoesOnWithoutTheAuthority(t *testing.T) {
	w := newWorld(t)
	ways := map[string]func(tokenFunc) oauth2.TokenSource{
		"plain":            func(f tokenFunc) oauth2.TokenSource { return plain{f} },
		"under a context":  func(f tokenFunc) oauth2.TokenSource { return f },
		"tokensource.Func": func(f tokenFunc) oauth2.TokenSource { return tokensource.Func(f) },
	}
	for library, tokens := range libraries {
		for outage, down := range outages {
			for way, source := range ways {
				t.Run(library+"/"+outage+"/"+way, func(t *testing.T) {
					internet := w.internet()
					synctest.Test(t, func(t *testing.T) {
						keepThrough(t, source(tokens(t, w, &http.Client{Transport: internet})), internet, down)
					})
				})
			}
		}
	}
}

func keepThrough(t *testing.T, source oauth2.TokenSource, internet *internet, down http.RoundTripper) {
	var cut, back time.Time
	dialer := &imapdial.Dialer{
		TokenSource: source,
		TLSConfig:   &tls.Config{RootCAs: mailtest.ClientTLS().RootCAs},
		DialContext: expiring(func() {
			cut = time.Now()
			internet.set(down)
			time.AfterFunc(time.Hour, func() { internet.set(nil) })
		}).For(t),
	}
	ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
	defer cancel()
	calls, enough := 0, errors.New("two sessions are enough")
	err := dialer.Keep(ctx, shared, nil, func(ctx context.Context, _ *imapclient.Client) error {
		if calls++; calls == 2 {
			back = time.Now()
			return enough
		}
		<-ctx.Done()
		return ctx.Err()
	})
	if calls != 2 || err != enough {
		t.Fatalf("f was called %d times, and Keep ended with %v", calls, err)
	}
	if late := back.Sub(cut) - time.Hour; late < 0 || late > 10*time.Minute {
		t.Errorf("the second session stood %v after the authority was back", late)
	}
	time.Sleep(time.Minute) // until the last try of a library has ended
}
