package tokensource

import (
	"context"
	"crypto"
	"crypto/x509"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/exoauth/exoauth/internal/clientcert"
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
	a := &assertions{pair: p, options: o, clientID: cl.clientID, audience: cl.endpoint("token"), log: cl.log, signing: ctxerr.NewCalls()}
	return func(ctx context.Context, send func(proof) *Error) *Error {
		e := send(a.proof)
		if e != nil && e.StatusCode != 0 && e.credentialBad() && a.refused(ctx, e) {
			e = send(a.proof)
		}
		return e
	}
}

const (
	// assertionMargin is how long before its end an assertion is made anew.
	assertionMargin = time.Minute
	// expiryWarning is how long before its end a certificate is warned about.
	expiryWarning = 30 * 24 * time.Hour

	// clockTolerance is how far the clocks may be apart before it is thought
	// to matter; what is more than maxSkew is not made up for, as nobody
	// should get an assertion for next year.
	clockTolerance = 30 * time.Second
	maxSkew        = 24 * time.Hour
)

// assertions signs the assertions of one client, and keeps the last one while
// it is good. It is safe for concurrent use.
type assertions struct {
	pair               *clientcert.Pair
	options            clientcert.Options
	clientID, audience string
	log                *slog.Logger
	signing            ctxerr.Calls // the key may be in another machine

	mu     sync.Mutex // guards what follows
	last   string
	made   time.Time     // when last was, by both clocks
	skew   time.Duration // of Entra ID's clock against the one on the wall
	warned time.Time
}

func (a *assertions) proof(ctx context.Context) (url.Values, error) {
	now := time.Now()
	assertion, skew, err := a.kept(ctx, now)
	if err == nil && assertion == "" {
		assertion, err = a.make(ctx, now, skew)
	}
	return assertionProof(assertion), err
}

// kept returns the last assertion if it is still good, or else "", and by how
// much Entra ID's clock is ahead.
func (a *assertions) kept(ctx context.Context, now time.Time) (assertion string, skew time.Duration, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.checkDates(ctx, now); err != nil {
		return "", 0, err
	}
	if a.good(now) {
		assertion = a.last
	}
	return assertion, a.skew, nil
}

// make signs an assertion and keeps it.
func (a *assertions) make(ctx context.Context, now time.Time, skew time.Duration) (string, error) {
	var made string
	err := a.signing.Do(ctx, func() (err error) {
		made, err = a.pair.Assertion(clientcert.Claims{ClientID: a.clientID, Audience: a.audience, ID: newGUID(), Time: now.Add(skew)}, a.options)
		return err
	}, nil)
	if err != nil {
		return "", err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last, a.made = made, now
	return made, nil
}

// good asks both clocks, since the monotonic one stands still while the
// machine sleeps, and the other can be set.
func (a *assertions) good(now time.Time) bool {
	byWall := now.Round(0).Sub(a.made.Round(0))
	return a.last != "" && byWall >= 0 && max(byWall, now.Sub(a.made)) < clientcert.Lifetime-assertionMargin
}

// refused drops the assertion, and reports whether the server may accept another
// one. If Entra ID says that it is outside of its
// time range, its clock is the one that counts. (AADSTS700024)
func (a *assertions) refused(ctx context.Context, e *Error) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = ""
	if !slices.Contains(e.AADSTS, assertionOutside) || e.Timestamp.IsZero() {
		return false
	}
	skew := time.Until(e.Timestamp).Round(time.Second)
	if (skew-a.skew).Abs() < clockTolerance || skew.Abs() > maxSkew {
		return false
	}
	a.skew = skew
	a.log.WarnContext(ctx, "tokensource: this machine's clock differs from that of Entra ID; assertions allow for that", "by", skew, "client_id", a.clientID)
	return true
}

// checkDates refuses a certificate that Entra ID would refuse, and warns of one
// that it soon will. It is called with mu held.
func (a *assertions) checkDates(ctx context.Context, now time.Time) error {
	leaf := a.pair.Leaf()
	left := leaf.NotAfter.Sub(now.Add(a.skew))
	switch {
	case left < 0:
		return a.bad("the certificate has expired on "+leaf.NotAfter.Format(time.DateOnly), "make a new one and upload it to the app registration")
	case leaf.NotBefore.After(now.Add(a.skew)):
		return a.bad("the certificate is not valid before "+leaf.NotBefore.Format(time.RFC3339), "check this machine's clock")
	case left < expiryWarning && now.Sub(a.warned) >= 24*time.Hour:
		a.warned = now
		a.log.WarnContext(ctx, "tokensource: the certificate expires soon", "certificate", a.pair.Name(), "not_after", leaf.NotAfter, "client_id", a.clientID)
	}
	return nil
}

func (a *assertions) bad(problem, remedy string) error {
	return &ConfigError{Field: "Credential", Value: a.pair.Name(), Problem: problem, Remedy: remedy}
}
