package tokensource

import (
	"context"
	"net/url"
	"strings"

	"github.com/exoauth/exoauth/internal/plain"
)

// A Credential proves to Entra ID which application is asking. Make one with
// [Secret], [Certificate] or [Assertion], or combine several with [InOrder]. A
// Credential may serve several Configs, and is safe for concurrent use. Its
// formatted value shows only the kind of credential.
type Credential interface {
	// check returns nil for a credential that can be used. The caller fills in
	// the Field of the error.
	check() *ConfigError
	// authenticator returns the function that authenticates the requests of a
	// client.
	authenticator(*client) authenticator
}

// An authenticator makes a request by calling send: once, or again with another
// proof if the first was refused. It is safe for concurrent use. It is a
// function, so that fmt shows nothing of its secrets.
type authenticator func(ctx context.Context, send func(proof) *Error) *Error

// A proof returns parameters that prove the application in one request.
type proof func(context.Context) (url.Values, error)

// public is the authenticator of a client without a credential.
func public(_ context.Context, send func(proof) *Error) *Error {
	return send(func(context.Context) (url.Values, error) { return nil, nil })
}

// Secret returns a client secret of the app registration: its Value under
// "Certificates & secrets", not its Secret ID. The Source returns a
// [*ConfigError] if the value is empty or has white space in it, such as the
// line end of a file.
//
// When a secret has expired, requests fail with AADSTS7000222. [SecretFunc] can
// warn in time.
func Secret(value string) Credential {
	return secret{redactedSecret, func() string { return value }}
}

// secret keeps its value in a closure because fmt calls no method of a value
// that it reaches through an unexported field.
type secret struct {
	plain.Kind
	value func() string
}

func (s secret) check() *ConfigError {
	if s.value == nil || s.value() == "" {
		return &ConfigError{Problem: "an empty secret", Remedy: "check the variable or file that it is read from"}
	}
	if strings.ContainsFunc(s.value(), func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return &ConfigError{
			Problem: "a secret with white space or control characters in it, which no client secret has",
			Remedy:  "trim the line break at the end of the file that it comes from",
		}
	}
	return nil
}

func (s secret) authenticator(*client) authenticator {
	return func(_ context.Context, send func(proof) *Error) *Error {
		return send(func(context.Context) (url.Values, error) {
			return url.Values{"client_secret": {s.value()}}, nil
		})
	}
}

const redactedSecret = "tokensource.Secret(…)"

// checkCredential is for the flows of confidential clients.
func checkCredential(c Credential) *ConfigError {
	if c == nil {
		return &ConfigError{Field: "Credential", Problem: "nil", Remedy: "set it, for example to tokensource.Secret(value)"}
	}
	err := c.check()
	if err != nil {
		err.Field = "Credential"
	}
	return err
}
