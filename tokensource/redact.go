package tokensource

import (
	"net/url"

	"github.com/exoauth/exoauth/internal/plain"
)

// excerptSize bounds, in bytes, what is shown of an answer that is not
// understood.
const excerptSize = 200

// secretFields are the parameters of token requests that nobody may see.
var secretFields = []string{"client_secret", "client_assertion", "assertion", "refresh_token", "code", "code_verifier", "device_code", "password"}

// secretsOf returns what is secret in the form of a request.
func secretsOf(form url.Values) *plain.Secrets {
	secrets := new(plain.Secrets)
	for _, field := range secretFields {
		secrets.Add(form.Get(field))
	}
	return secrets
}

// excerpt returns the first characters of an answer that was not understood,
// which may be half of one with a token in it.
func excerpt(secrets *plain.Secrets, body []byte) string {
	return plain.Head(plain.Conceal(secrets.Text(string(head(body, 16<<10)))), excerptSize)
}

// oneLine is an error whose text comes from elsewhere, on its way out.
type oneLine struct{ error }

func (e oneLine) Error() string { return plain.Line(head(e.error.Error(), 1<<10)) }
func (e oneLine) Unwrap() error { return e.error }

// head returns the first n bytes, which may end within a character.
func head[T ~string | ~[]byte](s T, n int) T { return s[:min(len(s), n)] }
