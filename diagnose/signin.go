package diagnose

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/tokensource"
)

// maxSkew is how far a clock may be off before assertions and tokens fail.
const maxSkew = 2 * time.Minute

// signIn asks the sign-in host whether it knows the tenant, and what time it
// is.
func (r *run) signIn(ctx context.Context) {
	u, err := url.Parse(r.Cloud.Authority)
	if r.Tenant == "" || err != nil || u.Scheme != "https" || strings.Trim(u.Path, "/") != "" {
		return // what is wrong with it, the TokenSource says
	}
	u.Path = "/" + r.Tenant + "/v2.0/.well-known/openid-configuration"
	r.step(ctx, "sign-in host", "", func(ctx context.Context) (string, error) {
		skew, err := r.askSignIn(ctx, u)
		if err != nil {
			return "", err
		}
		if skew.Abs() > maxSkew {
			direction := map[bool]string{true: "fast", false: "slow"}[skew > 0]
			return "", fmt.Errorf("the clock of this machine is %s %s", skew.Abs().Round(10*time.Second), direction)
		}
		return u.Host + ", the clock is right", nil
	})
}

// askSignIn returns by how much this machine's clock is ahead.
func (r *run) askSignIn(ctx context.Context, u *url.URL) (time.Duration, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return 0, err
	}
	client := cmp.Or(r.HTTPClient, http.DefaultClient)
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	now := time.Now()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return 0, err
	}
	if response.StatusCode != http.StatusOK {
		return 0, refusedStatus(response.Status, body)
	}
	date, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return 0, nil
	}
	return now.Sub(date), nil
}

func refusedStatus(status string, body []byte) error {
	var answer struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &answer) == nil && answer.Description != "" {
		return errors.New(answer.Error + ": " + answer.Description)
	}
	return errors.New("the sign-in host answered " + status)
}

// getToken fetches the token and judges it.
func (r *run) getToken(ctx context.Context) {
	ok := r.step(ctx, "token", "", func(ctx context.Context) (string, error) {
		token, err := ask(ctx, r.TokenSource)
		if err != nil {
			return "", err
		}
		r.token = token.AccessToken
		r.claims = parseClaims(r.token)
		return r.describeToken(token), nil
	})
	if ok {
		r.judge()
	}
}

func (r *run) describeToken(token *oauth2.Token) string {
	left := ""
	if !token.Expiry.IsZero() {
		left = ", valid for " + time.Until(token.Expiry).Round(time.Minute).String()
	}
	switch {
	case r.claims == nil:
		return "opaque, as those of consumer accounts are" + left
	case r.claims.flow() == Delegated:
		return "of the user " + cmp.Or(r.claims.upn, "who signed in") + left
	}
	return "of the application itself" + left
}

// judge looks at the claims, for both protocols.
func (r *run) judge() {
	s := Step{Name: "claims", Status: OK, Seen: "cannot be read"}
	start := time.Now()
	if !r.SkipIMAP {
		about := r.subject(IMAP)
		about.Shared = true // whether the user may open the mailbox, the mailbox says
		s.Findings = Token(r.token, about)
	}
	if !r.SkipSMTP {
		s.Findings = merge(s.Findings, Token(r.token, r.subject(SMTP)))
	}
	if c := r.claims; c != nil {
		s.Seen = cmp.Or(strings.Join(slices.Concat(c.roles, c.scp), " "), "no permission") + ", for " + strings.Join(c.audience, " ")
	}
	if len(s.Findings) > 0 {
		s.Status = Warning
	}
	if slices.ContainsFunc(s.Findings, func(f Finding) bool { return f.Confidence == Certain }) {
		s.Status = Failed
	}
	s.Took = time.Since(start)
	r.done(s)
}

// ask gets a token and returns when ctx ends. A source without a context goes
// on in its goroutine until it returns (golang/oauth2#262).
func ask(ctx context.Context, source oauth2.TokenSource) (*oauth2.Token, error) {
	type answer struct {
		token *oauth2.Token
		err   error
	}
	if source == nil {
		return nil, &tokensource.ConfigError{Field: "TokenSource", Problem: "nil", Remedy: "set it to a source of package tokensource, for example"}
	}
	answers := make(chan answer, 1)
	go func() {
		var a answer
		if s, ok := source.(interface {
			TokenContext(context.Context) (*oauth2.Token, error)
		}); ok {
			a.token, a.err = s.TokenContext(ctx)
		} else {
			a.token, a.err = source.Token()
		}
		answers <- a
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case a := <-answers:
		if a.err == nil && (a.token == nil || a.token.AccessToken == "") {
			a.err = errors.New("the token source returned neither a token nor an error")
		}
		return a.token, a.err
	}
}
