package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/exoauth/exoauth/tokensource"
)

// scope is what the token of a call must allow, as the app registration has it
// under "Expose an API".
const scope = "access_as_user"

var (
	errToken = errors.New("no token that is valid for this API")
	errScope = errors.New("the token of the call has no scope " + scope)
)

// A verifier checks the tokens of calls. The API must do that itself: Entra ID
// sees a token only in the first exchange, not in later calls.
// (https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-tokens)
type verifier struct {
	keys   *keySet
	parser *jwt.Parser
}

func newVerifier(config *tokensource.Config, now func() time.Time) *verifier {
	client := config.HTTPClient
	if client == nil {
		client = &http.Client{Timeout: 10 * time.Second}
	}
	id := strings.ToLower(config.ClientID)
	return &verifier{
		keys: &keySet{client: client, tenant: config.Cloud.WithDefaults().Authority + "/" + config.Tenant},
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired(), jwt.WithTimeFunc(now),
			jwt.WithAudience(id, "api://"+id)), // of version 2.0 and 1.0
	}
}

// claims are the claims that matter here.
type claims struct {
	jwt.RegisteredClaims
	Scope string `json:"scp"`
}

// verify checks signature, issuer, audience and time, and that a user is behind
// the call. The error wraps errToken, errScope, or errKeys if there are no keys
// to check with.
func (v *verifier) verify(ctx context.Context, token string) (*claims, error) {
	var c claims
	_, err := v.parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		return v.keys.find(ctx, keyName{c.Issuer, kid}) // so the issuer is one of those
	})
	switch {
	case errors.Is(err, errKeys):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errToken, err)
	case !slices.Contains(strings.Fields(c.Scope), scope):
		return nil, errScope
	}
	return &c, nil
}
