package tokensource

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/exoauth/exoauth/internal/clientcert"
	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/internal/smallfile"
)

// Assertion returns a credential that is a token (an assertion) from another
// identity provider, which the app registration must trust (a federated
// identity credential). The provider can be a Kubernetes cluster, GitHub
// Actions, or a [ManagedIdentity] for the resource
// "api://AzureADTokenExchange".
//
// The Source calls f for each request. f must return a JWT that is valid now,
// perhaps a cached one. It must be safe for concurrent use and return when its
// context ends. The Source does not send text that does not have the form of a
// JWT. If f fails, the [*Error] wraps its error, which also decides whether the
// failure is [Error.Retryable].
//
// (https://learn.microsoft.com/entra/workload-id/workload-identity-federation)
func Assertion(f func(ctx context.Context) (string, error)) Credential {
	return assertion{"tokensource.Assertion(…)", f}
}

// AssertionFile is [Assertion] with the content of a file. The Source reads the
// file for each request, because it is replaced before the assertion expires.
// White space around the assertion is ignored.
func AssertionFile(path string) Credential {
	if path == "" {
		return assertion{Kind: "tokensource.AssertionFile()"}
	}
	read := smallfile.Text(path)
	return assertion{plain.Kind("tokensource.AssertionFile(" + path + ")"), func(ctx context.Context) (string, error) {
		text, err := read(ctx)
		if err != nil && ctx.Err() == nil {
			err = &ConfigError{Field: "AssertionFile", Value: path, Problem: "cannot be read", Remedy: "check the path and who may read it", Err: err}
		}
		return text, err
	}}
}

type assertion struct {
	plain.Kind
	get func(context.Context) (string, error)
}

func (a assertion) check() *ConfigError {
	if a.get == nil {
		return &ConfigError{Problem: "an assertion without a source", Remedy: "pass a function that returns one, or the path of a file"}
	}
	return nil
}

var (
	errNoAssertion  = errors.New("the assertion is empty")
	errBadAssertion = errors.New("the assertion is no JWT, which has three parts of base64url: check that it is the right file or function, and that there is nothing around the JWT")
)

func (a assertion) authenticator(*client) authenticator {
	return func(_ context.Context, send func(proof) *Error) *Error { return send(a.proof) }
}

func (a assertion) proof(ctx context.Context) (url.Values, error) {
	text, err := a.get(ctx)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", a.Kind, err)
	case text == "":
		return nil, errNoAssertion
	case !clientcert.IsJWT(text):
		return nil, errBadAssertion
	}
	return assertionProof(text), nil
}

func assertionProof(text string) url.Values {
	return url.Values{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {text}}
}
