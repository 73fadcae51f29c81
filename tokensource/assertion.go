package tokensource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/exoauth/exoauth/internal/clientcert"
	"github.com/exoauth/exoauth/internal/ctxerr"
	"github.com/exoauth/exoauth/internal/plain"
)

// Assertion returns a credential of an identity provider that the app
// registration trusts (a federated identity credential), such as a Kubernetes
// cluster, GitHub Actions, or a [ManagedIdentity] for the resource
// "api://AzureADTokenExchange".
//
// f is called for each request and must return a JWT that is valid now, perhaps
// a cached one. It must be safe for concurrent use and return when its context
// ends. Text that does not have the form of a JWT is not sent. The [*Error]
// wraps an error of f, which decides whether it is [Error.Retryable].
//
// (https://learn.microsoft.com/entra/workload-id/workload-identity-federation)
func Assertion(f func(ctx context.Context) (string, error)) Credential {
	return assertion{"tokensource.Assertion(…)", f}
}

// AssertionFile is [Assertion] with the content of a file. The file is read for
// each request, because it is replaced before the assertion expires. White space
// around the assertion is ignored.
func AssertionFile(path string) Credential {
	if path == "" {
		return assertion{Kind: "tokensource.AssertionFile()"}
	}
	reading := ctxerr.NewCalls()
	return assertion{plain.Kind("tokensource.AssertionFile(" + path + ")"), func(ctx context.Context) (string, error) {
		var data []byte
		err := reading.Do(ctx, func() (err error) {
			data, err = readFile(path)
			return err
		}, nil)
		if err != nil && ctx.Err() != nil {
			return "", ctx.Err()
		}
		if err != nil {
			return "", &ConfigError{Field: "AssertionFile", Value: path, Problem: "cannot be read", Remedy: "check the path and who may read it", Err: err}
		}
		return strings.TrimSpace(string(data)), nil
	}}
}

type assertion struct {
	plain.Kind
	get func(context.Context) (string, error)
}

func (a assertion) check() *ConfigError {
	if a.get == nil {
		return &ConfigError{Problem: "an assertion from nowhere", Remedy: "pass a function that returns one, or the path of a file"}
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

// maxFile bounds a file with a certificate or an assertion.
const maxFile = 1 << 20

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if len(data) > maxFile {
		return nil, errors.New("is longer than 1 MiB")
	}
	return data, err
}
