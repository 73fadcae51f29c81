package tokensource

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/internal/plain"
)

// FuzzAnswer reads whatever a token endpoint may say, to a request with
// whatever secret.
func FuzzAnswer(f *testing.F) {
	f.Fuzz(func(t *testing.T, status int, retryAfterValue string, body []byte, secret string) {
		e := &Error{Tenant: testTenant, ClientID: testClientID, CorrelationID: correlationID}
		r := secretsOf(url.Values{"client_secret": {secret}})
		a := &answer{status: status, body: body, header: http.Header{"Retry-After": {retryAfterValue}}}
		a.secrets = r
		a.describe(e)
		g, err := a.token(time.Now())
		if err != nil && err != errRefused {
			e.Err = r.Err(err)
		}
		checkText(t, e)
		if e.RetryAfter < 0 || e.RetryAfter > 24*time.Hour || e.CorrelationID == "" {
			t.Fatalf("%+v", e)
		}
		if err != nil {
			checkRedacted(t, e, secret)
			return
		}
		token := g.oauth2()
		if status != http.StatusOK || e.Code != "" || g.check() != nil || token.Expiry.IsZero() || !token.Expiry.After(g.Asked) {
			t.Fatalf("status %d, %+v, %+v", status, e, token)
		}
		if strings.ContainsFunc(token.AccessToken, func(r rune) bool { return r < ' ' || r > '~' }) || token.AccessToken == "" {
			t.Fatalf("access token %q", token.AccessToken)
		}
	})
}

// checkRedacted leaves out secrets so short or plain that the library's own
// words contain them.
func checkRedacted(t *testing.T, e *Error, secret string) {
	t.Helper()
	if len(secret) < 16 || strings.Contains(e.Error()+plain.Redacted, secret) && !strings.ContainsAny(secret, "~") {
		return
	}
	for _, text := range []string{e.Error(), e.Code, e.Suberror, e.Description, e.Claims, e.CorrelationID, e.TraceID} {
		if strings.Contains(text, secret) {
			t.Fatalf("the secret %q is in %q", secret, text)
		}
	}
}
