package tokensource

import (
	"context"
	"net/url"
	"strings"

	"github.com/exoauth/exoauth/internal/plain"
)

// A Credential proves to Entra ID which application asks. [Secret],
// [Certificate] and [Assertion] make one, and [InOrder] one of several.
// One Credential may serve several Configs, and several goroutines. Its
// formatted value, whatever the verb, shows the kind of credential only.
type Credential interface {
	// check returns nil, or what is wrong with it. The Field of the error is
	// filled in by the caller.
	check() *ConfigError
	// signers returns what signs the requests of a client, in the order in
	// which they are tried: one, but for [InOrder].
	signers(*client) []signer
}

// A signer proves the application in the requests of one client. It is made
// of functions, so that fmt shows nothing of what they know. It is safe for
// concurrent use. The zero signer is that of a public client.
type signer struct {
	// sign adds the proof to the form of one request. Nil means none.
	sign func(ctx context.Context, form url.Values) error
	// refused is told of the error with which the server refused the proof, and
	// reports whether the server may accept a new one. Nil means that it does
	// not.
	refused func(context.Context, *Error) bool
}

// Secret is a client secret of the app registration: what the column Value of
// "Certificates & secrets" showed when it was made, not the Secret ID. A value
// that is empty or has white space in it, such as the line end of a file, is
// reported by the Source.
//
// Secrets expire: the requests then fail with AADSTS7000222.
func Secret(value string) Credential {
	sign := func(_ context.Context, form url.Values) error {
		form.Set("client_secret", value)
		return nil
	}
	return secret{redactedSecret, func() string { return value }, []signer{{sign: sign}}}
}

// secret keeps its value in a closure because fmt calls no method of a value
// that it reaches through an unexported field.
type secret struct {
	plain.Kind
	value func() string
	own   []signer // one, which all clients share
}

func (s secret) check() *ConfigError {
	if s.value == nil || s.value() == "" {
		return &ConfigError{Problem: "an empty secret", Remedy: "check the variable or file that it is read from"}
	}
	if strings.ContainsFunc(s.value(), func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return &ConfigError{
			Problem: "a secret with white space or control characters in it, which no client secret has",
			Remedy:  "cut the line end off that the file it is read from has",
		}
	}
	return nil
}

func (s secret) signers(*client) []signer { return s.own }

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
