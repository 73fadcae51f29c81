package tokensource

import (
	"cmp"
	"context"
	"crypto"
	"crypto/x509"
	"net/url"
	"slices"

	"github.com/exoauth/exoauth/internal/aadsts"
	"github.com/exoauth/exoauth/internal/clientcert"
	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/internal/smallfile"
)

// Certificate returns a credential that signs with a private key. It is safer
// than a [Secret], because each signature is valid for only ten minutes.
//
// The chain begins with the certificate that was uploaded to the app
// registration. The rest is sent only if o.SendChain is set. The key must be
// that certificate's RSA key. It can be any [crypto.Signer] that is safe for
// concurrent use, such as one in an HSM or a key vault. Each Source uses a
// signature for nine minutes. If signing hangs, the request fails at its time
// limit.
//
// If the certificate has expired, requests fail with an [*Error] that wraps a
// [*ConfigError]. In the thirty days before that, the Source logs a warning
// once a day.
//
// (https://learn.microsoft.com/entra/identity-platform/certificate-credentials)
func Certificate(chain []*x509.Certificate, key crypto.Signer, o *CertificateOptions) Credential {
	return newCertificate(&clientcert.Pair{Chain: slices.Clone(chain), Key: key}, o)
}

// CertificateFile is [Certificate] with the content of a file, in one of the
// forms of [CertificateData]. The file is read once.
//
// The error is a [*ConfigError], which wraps the error of the file system if
// there is one.
func CertificateFile(path, password string, o *CertificateOptions) (Credential, error) {
	if path == "" {
		return nil, &ConfigError{Field: "CertificateFile", Problem: "an empty path", Remedy: "check the variable or setting that it is read from"}
	}
	data, err := smallfile.Read(path)
	if err != nil {
		return nil, &ConfigError{Field: "CertificateFile", Value: path, Problem: "cannot be read", Remedy: "check the path and who may read it", Err: err}
	}
	pair, bad := clientcert.Parse(data, password)
	if bad != nil {
		bad.Field, bad.Value = "CertificateFile", path
		return nil, (*ConfigError)(bad)
	}
	return newCertificate(pair, o), nil
}

// CertificateData is [Certificate] with a certificate and its private key, in
// one of two forms.
//
// PEM: certificates and one key (PKCS #8 or PKCS #1), in any order. The chain
// begins with the certificate of the key; the others keep their order. The
// password decrypts the key if it is encrypted. If certificate and key are in
// separate files, append one to the other.
//
// PFX, also called PKCS #12, as exported by Windows, Key Vault or OpenSSL. The
// password is "" if there is none.
//
// The error is a [*ConfigError]. It contains none of the data.
func CertificateData(data []byte, password string, o *CertificateOptions) (Credential, error) {
	pair, bad := clientcert.Parse(data, password)
	if bad != nil {
		bad.Field = "CertificateData"
		return nil, (*ConfigError)(bad)
	}
	return newCertificate(pair, o), nil
}

// CertificateOptions change how a [Certificate] is used. Nil means the zero
// value.
type CertificateOptions struct {
	// RS256 signs with PKCS #1 v1.5 and names the certificate by its SHA-1
	// (x5t), as Microsoft's documentation did until 2024. Otherwise the
	// signature is PS256 and the name SHA-256 (x5t#S256). Set RS256 for a key
	// in hardware that does not support PSS, and for an authorization server
	// other than Entra ID.
	RS256 bool

	// SendChain sends the whole chain with each request (x5c). An application
	// that is registered by subject name and issuer needs it.
	SendChain bool
}

const redactedCertificate = "tokensource.Certificate(…)"

// certificate hides its key from fmt in the way that secret does.
type certificate struct {
	plain.Kind
	pair func() (*clientcert.Pair, clientcert.Options)
}

func newCertificate(p *clientcert.Pair, o *CertificateOptions) Credential {
	options := clientcert.Options(*cmp.Or(o, new(CertificateOptions)))
	return certificate{redactedCertificate, func() (*clientcert.Pair, clientcert.Options) { return p, options }}
}

func (c certificate) check() *ConfigError {
	if c.pair == nil {
		return &ConfigError{Problem: "the zero certificate", Remedy: "make it with Certificate or CertificateFile"}
	}
	p, _ := c.pair()
	return (*ConfigError)(p.Check())
}

func (c certificate) authenticator(cl *client) authenticator {
	p, o := c.pair()
	signer := clientcert.NewSigner(p, o, cl.clientID, cl.endpoint("token"), cl.log)
	prove := func(ctx context.Context) (url.Values, error) {
		assertion, bad, err := signer.Assertion(ctx, newGUID())
		if bad != nil {
			return nil, (*ConfigError)(bad)
		}
		return assertionProof(assertion), err
	}
	return func(ctx context.Context, send func(proof) *Error) *Error {
		e := send(prove)
		if e == nil || !e.credentialBad() {
			return e
		}
		signer.Drop()
		if slices.Contains(e.AADSTS, aadsts.AssertionOutside) && signer.SetClock(ctx, e.Timestamp) {
			return send(prove)
		}
		return e
	}
}
