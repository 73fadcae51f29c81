package tokensource

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"

	"github.com/exoauth/exoauth/internal/ctxerr"
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
	p := &keyPair{chain: slices.Clone(chain), key: key}
	for _, o := range options {
		p.options |= o
	}
	return certificate{redactedCertificate, func() *keyPair { return p }}
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
	pair func() *keyPair
}

type keyPair struct {
	chain   []*x509.Certificate
	key     crypto.Signer
	options CertificateOption
}

func (p *keyPair) leaf() *x509.Certificate { return p.chain[0] }

func (p *keyPair) has(o CertificateOption) bool { return p.options&o != 0 }

func (c certificate) check() *ConfigError {
	if c.pair == nil {
		return &ConfigError{Problem: "the zero certificate", Remedy: "make it with Certificate or CertificateFile"}
	}
	p := c.pair()
	if len(p.chain) == 0 || slices.Contains(p.chain, nil) {
		return &ConfigError{Problem: "a chain without a certificate", Remedy: "give it the certificate that is uploaded to the app registration"}
	}
	if p.key == nil {
		return &ConfigError{Problem: "a certificate without a private key", Remedy: "give it the key that belongs to the certificate"}
	}
	public, ok := p.key.Public().(*rsa.PublicKey)
	if !ok {
		return &ConfigError{Value: p.name(), Problem: fmt.Sprintf("its key is a %T", p.key.Public()), Remedy: "make a certificate with an RSA key, which is the kind that Entra ID takes"}
	}
	if !public.Equal(p.leaf().PublicKey) {
		return &ConfigError{Value: p.name(), Problem: "the private key belongs to another certificate", Remedy: "put the certificate of the key first"}
	}
	return nil
}

// name tells a certificate from others to whoever looks for it.
func (p *keyPair) name() string {
	return fmt.Sprintf("%s, serial %x", p.leaf().Subject, p.leaf().SerialNumber)
}

func (c certificate) signers(cl *client) []signer {
	a := &assertions{pair: c.pair(), clientID: cl.clientID, audience: cl.endpoint("token"), log: cl.log, signing: ctxerr.NewCalls()}
	return []signer{{sign: a.sign, refused: a.refused}}
}
