// Package clientcert reads the certificates of applications, and signs the
// assertions by which they prove themselves.
package clientcert

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/exoauth/exoauth/internal/setting"
)

// Lifetime is that of an assertion, as Microsoft recommends.
const Lifetime = 10 * time.Minute

// A Pair is a certificate with those that vouch for it, and its private key.
type Pair struct {
	Chain []*x509.Certificate // the one of the key first
	Key   crypto.Signer
}

// Options change how a Pair signs.
type Options struct {
	// RS256 signs with PKCS #1 v1.5 and names the certificate by its SHA-1.
	// Otherwise it is PS256 and SHA-256.
	RS256 bool
	// SendChain sends the chain along (x5c).
	SendChain bool
}

// Leaf returns the certificate of the key.
func (p *Pair) Leaf() *x509.Certificate { return p.Chain[0] }

// Name returns the subject and the serial number, to find the certificate by.
func (p *Pair) Name() string {
	return fmt.Sprintf("%s, serial %x", p.Leaf().Subject, p.Leaf().SerialNumber)
}

// Check returns nil, or what is wrong with the pair.
func (p *Pair) Check() *setting.Error {
	if len(p.Chain) == 0 || slices.Contains(p.Chain, nil) {
		return &setting.Error{Problem: "a chain without a certificate", Remedy: "give it the certificate that is uploaded to the app registration"}
	}
	if p.Key == nil {
		return &setting.Error{Problem: "a certificate without a private key", Remedy: "give it the key that belongs to the certificate"}
	}
	public, ok := p.Key.Public().(*rsa.PublicKey)
	if !ok {
		return &setting.Error{Value: p.Name(), Problem: fmt.Sprintf("its key is a %T", p.Key.Public()), Remedy: "make a certificate with an RSA key, which is the kind that Entra ID takes"}
	}
	if !public.Equal(p.Leaf().PublicKey) {
		return &setting.Error{Value: p.Name(), Problem: "the private key belongs to another certificate", Remedy: "put the certificate of the key first"}
	}
	return nil
}

// Claims are those of an assertion.
type Claims struct {
	ClientID, Audience string
	ID                 string    // of this assertion, used once
	Time               time.Time // from which it is valid, for [Lifetime]
}

// Assertion signs a JWT by which the client proves itself to the audience. Signing may take its time: the key may be in
// another machine.
func (p *Pair) Assertion(c Claims, o Options) (string, error) {
	claims := map[string]any{
		"aud": c.Audience, "iss": c.ClientID, "sub": c.ClientID, "jti": c.ID,
		"iat": c.Time.Unix(), "nbf": c.Time.Unix(), "exp": c.Time.Add(Lifetime).Unix(),
	}
	text := segment(p.header(o)) + "." + segment(claims)
	digest := sha256.Sum256([]byte(text))
	signature, err := p.Key.Sign(rand.Reader, digest[:], o.signerOpts())
	if err != nil {
		return "", fmt.Errorf("the key did not sign: %w", err)
	}
	if !p.verifies(digest[:], signature, o) {
		return "", errors.New("the key's signature is not what it was asked for: for a key that cannot do PSS there is the option RS256")
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

func (p *Pair) header(o Options) map[string]any {
	h := map[string]any{"alg": "PS256", "typ": "JWT"}
	if o.RS256 {
		sum := sha1.Sum(p.Leaf().Raw)
		h["alg"], h["x5t"] = "RS256", base64.RawURLEncoding.EncodeToString(sum[:])
	} else {
		sum := sha256.Sum256(p.Leaf().Raw)
		h["x5t#S256"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if o.SendChain {
		var chain []string
		for _, c := range p.Chain {
			chain = append(chain, base64.StdEncoding.EncodeToString(c.Raw))
		}
		h["x5c"] = chain
	}
	return h
}

func (o Options) signerOpts() crypto.SignerOpts {
	if o.RS256 {
		return crypto.SHA256
	}
	return pss
}

// pss are the options of PS256, whose salt has one length. (RFC 7518 §3.5)
var pss = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}

// verifies is there for signers that pass over the options they do not know.
func (p *Pair) verifies(digest, signature []byte, o Options) bool {
	public := p.Leaf().PublicKey.(*rsa.PublicKey)
	if o.RS256 {
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest, signature) == nil
	}
	return rsa.VerifyPSS(public, crypto.SHA256, digest, signature, pss) == nil
}

// segment is a part of a JWT: JSON, in base64url.
func segment(v map[string]any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return base64.RawURLEncoding.EncodeToString(text)
}
