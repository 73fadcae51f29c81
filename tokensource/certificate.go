package tokensource

import (
	"context"
	"crypto"
	"crypto/x509"
	"net/url"
	"slices"

	"github.com/exoauth/exoauth/internal/clientcert"
	"github.com/exoauth/exoauth/internal/plain"
)

// Certificate proves the application by signatures of its private key, in
// place of a secret: the better of the two, for what is sent is of use for ten
// minutes only.
//
// The chain begins with the certificate that is uploaded to the app
// registration; the rest is used by [SendChain] alone. The key must be RSA and
// that certificate's. Any [crypto.Signer] does, such as one of an HSM or of a
// key vault, as long as it may be used by several goroutines. It is asked for
// one signature in nine minutes at most for each Source. If signing hangs, the
// request fails at its time limit.
//
// A certificate that has expired is an error of the requests; one with less
// than thirty days to go is warned about in the log, once a day.
//
// (https://learn.microsoft.com/entra/identity-platform/certificate-credentials)
func Certificate(chain []*x509.Certificate, key crypto.Signer, options ...CertificateOption) Credential {
	return newCertificate(&clientcert.Pair{Chain: slices.Clone(chain), Key: key}, options)
}

// CertificateFile is [Certificate] with the content of a file: see
// [CertificateData] for what that may be. The file is read once.
//
// The error is a [*ConfigError], which wraps that of the file system.
func CertificateFile(path, password string, options ...CertificateOption) (Credential, error) {
	if path == "" {
		return nil, &ConfigError{Field: "CertificateFile", Problem: "an empty path", Remedy: "check the variable or setting that it is read from"}
	}
	data, err := readFile(path)
	if err != nil {
		return nil, &ConfigError{Field: "CertificateFile", Value: path, Problem: "cannot be read", Remedy: "check the path and who may read it", Err: err}
	}
	pair, bad := clientcert.Parse(data, password)
	if bad != nil {
		bad.Field, bad.Value = "CertificateFile", path
		return nil, (*ConfigError)(bad)
	}
	return newCertificate(pair, options), nil
}

// CertificateData is [Certificate] with a certificate and its private key, in
// one of two forms.
//
// PEM: certificates, and one key (PKCS #8 or PKCS #1), in any order. The
// certificate of the key comes first in the chain, the others follow in the
// order they have. The password decrypts the key, if it is encrypted. If the
// two are in files of their own, pass the one appended to the other.
//
// PFX, also called PKCS #12: as Windows, Key Vault and OpenSSL make it, with
// old ciphers or new ones. The password is "" if there is none.
//
// The error is a [*ConfigError]. None of the data is in it.
func CertificateData(data []byte, password string, options ...CertificateOption) (Credential, error) {
	pair, bad := clientcert.Parse(data, password)
	if bad != nil {
		bad.Field = "CertificateData"
		return nil, (*ConfigError)(bad)
	}
	return newCertificate(pair, options), nil
}

// A CertificateOption changes how a [Certificate] is used.
type CertificateOption int

const (
	// RS256 signs with PKCS #1 v1.5 and names the certificate by its SHA-1
	// (x5t), as Microsoft's documentation had it until 2024. Without it, the
	// signature is PS256 and the name SHA-256 (x5t#S256). It is for keys in
	// hardware that has no PSS, and for authorization servers other than Entra
	// ID.
	RS256 CertificateOption = 1 << iota
	// SendChain sends the chain along (x5c), which an application is asked for
	// that is registered by subject name and issuer.
	SendChain
)

const redactedCertificate = "tokensource.Certificate(…)"

// certificate keeps its key from fmt in the way that secret does.
type certificate struct {
	plain.Kind
	pair func() (*clientcert.Pair, clientcert.Options)
}

func newCertificate(p *clientcert.Pair, options []CertificateOption) Credential {
	var all CertificateOption
	for _, o := range options {
		all |= o
	}
	o := clientcert.Options{RS256: all&RS256 != 0, SendChain: all&SendChain != 0}
	return certificate{redactedCertificate, func() (*clientcert.Pair, clientcert.Options) { return p, o }}
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
		if e == nil || e.StatusCode == 0 || !e.credentialBad() {
			return e
		}
		signer.Drop()
		if slices.Contains(e.AADSTS, assertionOutside) && signer.SetClock(ctx, e.Timestamp) {
			return send(prove)
		}
		return e
	}
}
