package entra

import (
	"cmp"
	"net/http"
	"net/url"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
)

// clientSecret takes the credential from the body or, as RFC 6749 section
// 2.3.1 has it, from the Authorization header.
func clientSecret(r *http.Request) (id, secret string) {
	id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if user, password, ok := r.BasicAuth(); ok {
		id, secret = cmp.Or(id, unescape(user)), cmp.Or(secret, unescape(password))
	}
	return id, secret
}

// unescape decodes what RFC 6749 §2.3.1 has clients encode; clients
// that forget to are understood too, as long as no percent sign is involved.
func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// credential checks the credential of a request, if there is one.
func (s *Server) credential(r *tokenRequest) (given bool, refusal *aadsts.Refusal) {
	_, secret := clientSecret(r.Request)
	switch assertion := r.PostForm.Get("client_assertion"); {
	case assertion != "":
		if kind := r.PostForm.Get("client_assertion_type"); kind != assertionType {
			return true, aadsts.Refuse(aadsts.MissingParameter).Because("The parameter 'client_assertion_type' must be '" + assertionType + "'.")
		}
		return true, s.checkAssertion(r.app, assertion, r.Host)
	case secret != "":
		return true, r.app.CheckSecret(secret)
	}
	return false, nil
}

// publicOrCredential reports whether a request is that of a public client,
// which the application must allow, rather than one with a credential.
func (s *Server) publicOrCredential(r *tokenRequest) (public bool, refusal *aadsts.Refusal) {
	given, refusal := s.credential(r)
	if refusal != nil || given {
		return false, refusal
	}
	if !r.app.State().PublicFlows {
		return false, aadsts.Refuse(aadsts.CredentialRequired)
	}
	return true, nil
}
