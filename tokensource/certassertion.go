package tokensource

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/exoauth/exoauth/internal/ctxerr"
)

const (
	// assertionLifetime is the one that Microsoft recommends.
	assertionLifetime = 10 * time.Minute
	// assertionMargin is how long before its end an assertion is made anew.
	assertionMargin = time.Minute
	// expiryWarning is how long before its end a certificate is warned about.
	expiryWarning = 30 * 24 * time.Hour

	// clockTolerance is how far the clocks may be apart before it is thought
	// to matter; what is more than maxSkew is not made up for, as nobody
	// should get an assertion for next year.
	clockTolerance = 30 * time.Second
	maxSkew        = 24 * time.Hour

	jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// assertions signs the assertions of one client, and keeps the last one while
// it is good. It is safe for concurrent use.
type assertions struct {
	pair               *keyPair
	clientID, audience string
	log                *slog.Logger
	signing            ctxerr.Calls // the key may be in another machine

	mu     sync.Mutex // guards what follows
	last   string
	made   time.Time     // when last was, by both clocks
	skew   time.Duration // of Entra ID's clock against the one on the wall
	warned time.Time
}

func (a *assertions) sign(ctx context.Context, form url.Values) error {
	now := time.Now()
	assertion, skew, err := a.kept(ctx, now)
	if err == nil && assertion == "" {
		assertion, err = a.make(ctx, now, skew)
	}
	if err != nil {
		return err
	}
	form.Set("client_assertion_type", jwtBearer)
	form.Set("client_assertion", assertion)
	return nil
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
		made, err = a.pair.assertion(a.clientID, a.audience, now.Add(skew))
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
	return a.last != "" && byWall >= 0 && max(byWall, now.Sub(a.made)) < assertionLifetime-assertionMargin
}

// refused drops the assertion. Where Entra ID says that it is outside of its
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
	leaf := a.pair.leaf()
	left := leaf.NotAfter.Sub(now.Add(a.skew))
	switch {
	case left < 0:
		return a.pair.bad("the certificate has expired on "+leaf.NotAfter.Format(time.DateOnly), "make a new one and upload it to the app registration")
	case leaf.NotBefore.After(now.Add(a.skew)):
		return a.pair.bad("the certificate is not valid before "+leaf.NotBefore.Format(time.RFC3339), "check this machine's clock")
	case left < expiryWarning && now.Sub(a.warned) >= 24*time.Hour:
		a.warned = now
		a.log.WarnContext(ctx, "tokensource: the certificate expires soon", "certificate", a.pair.name(), "not_after", leaf.NotAfter, "client_id", a.clientID)
	}
	return nil
}

func (p *keyPair) bad(problem, remedy string) error {
	return &ConfigError{Field: "Credential", Value: p.name(), Problem: problem, Remedy: remedy}
}

// assertion signs a JWT by which the client proves itself to the audience.
func (p *keyPair) assertion(clientID, audience string, now time.Time) (string, error) {
	claims := map[string]any{
		"aud": audience, "iss": clientID, "sub": clientID, "jti": newGUID(),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(assertionLifetime).Unix(),
	}
	text := segment(p.header()) + "." + segment(claims)
	digest := sha256.Sum256([]byte(text))
	signature, err := p.key.Sign(rand.Reader, digest[:], p.signerOpts())
	if err != nil {
		return "", fmt.Errorf("the key did not sign: %w", err)
	}
	if !p.verifies(digest[:], signature) {
		return "", errors.New("the key's signature is not what it was asked for: for a key that cannot do PSS there is the option RS256")
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

func (p *keyPair) header() map[string]any {
	h := map[string]any{"alg": "PS256", "typ": "JWT"}
	if p.has(RS256) {
		sum := sha1.Sum(p.leaf().Raw)
		h["alg"], h["x5t"] = "RS256", base64.RawURLEncoding.EncodeToString(sum[:])
	} else {
		sum := sha256.Sum256(p.leaf().Raw)
		h["x5t#S256"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if p.has(SendChain) {
		var chain []string
		for _, c := range p.chain {
			chain = append(chain, base64.StdEncoding.EncodeToString(c.Raw))
		}
		h["x5c"] = chain
	}
	return h
}

func (p *keyPair) signerOpts() crypto.SignerOpts {
	if p.has(RS256) {
		return crypto.SHA256
	}
	return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
}

// verifies is there for signers that pass over the options they do not know.
func (p *keyPair) verifies(digest, signature []byte) bool {
	public := p.leaf().PublicKey.(*rsa.PublicKey)
	if p.has(RS256) {
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest, signature) == nil
	}
	return rsa.VerifyPSS(public, crypto.SHA256, digest, signature, nil) == nil
}

// segment is a part of a JWT: JSON, in base64url.
func segment(v map[string]any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return base64.RawURLEncoding.EncodeToString(text)
}
