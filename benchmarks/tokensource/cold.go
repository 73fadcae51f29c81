package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/exoauth/exoauth/tokensource"
)

// requests are tokens from the server, over TLS on loopback. One may cost what
// x/oauth2's costs: it comes once an hour. What ours take
// longer than the bare exchange is the reading of the JSON, a limit to the time
// of a request, a correlation id, what the token may last and whether it can be
// one. A caller whose context can end has a goroutine made that goes on without
// it.
func (r *report) requests() {
	s := newServer()
	defer s.Close()
	exchange := &lane{name: "bare HTTP exchange", run: single(bare(s, s.Client(), secret, discard))}
	withAssertion := bare(s, s.Client(), strings.Repeat("a", assertionSize), discard)
	long := &lane{name: "bare, with an assertion", run: single(withAssertion)}
	decoded := &lane{name: "bare, and encoding/json", run: single(bare(s, s.Client(), secret, decode))}
	lanes := []*lane{exchange, long, decoded}
	for _, c := range cold[1:] {
		get := c.open(s, s.Client(), 1)
		lanes = append(lanes, &lane{name: c.name, run: alone(get, 1)})
	}
	short := newServer()
	defer short.Close()
	short.lifetime = expired
	first, second, key := withCertificate(short, short.Client())
	ours := &lane{name: "exoauth, secret", run: alone(openOurs(short, short.Client(), 1), 1)}
	leaving := &lane{name: "exoauth, with a context", run: single(leaving(config(short, short.Client(), 0).ClientCredentials()))}
	signing := &lane{name: "exoauth, certificate, first", run: single(first)}
	signed := &lane{name: "exoauth, certificate, second", run: single(second)}
	signature := &lane{name: "RSA signature and exchange", run: single(func() error { return errors.Join(sign(key), withAssertion()) })}
	lanes = append(lanes, ours, leaving, signing, signed, signature)
	race(2*r.rounds, lanes) // the median wants more of them
	above := func(a, b *lane) float64 { return a.typical() / b.typical() }
	fmt.Fprintf(r.out, "\nFrom the server\n")
	for _, l := range lanes {
		fmt.Fprintf(r.out, "  %-28s %11v %8d allocs %8.2f of the bare exchange\n", l.name, time.Duration(l.typical()), l.allocs, above(l, exchange))
	}
	oauth2 := lanes[slices.IndexFunc(lanes, func(l *lane) bool { return strings.HasPrefix(l.name, "x/oauth2") })]
	cost := above(ours, oauth2)
	r.promise("secret / x/oauth2", cost, cost <= 1, "at most 1")
	cost = above(signing, signature)
	r.promise("certificate, first / RSA signature and exchange", cost, cost <= 1.3, "at most 1.3")
	r.tell("certificate, second / exchange with an assertion", above(signed, long))
	r.tell("secret, with a context / bare exchange", above(leaving, exchange))
}

// bare is the HTTP exchange that no library can do without, read being what is
// done with the answer. proof is the secret, or something as long as an
// assertion.
func bare(s *server, hc *http.Client, proof string, read func(io.Reader) error) func() error {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {proof}, "scope": {scope}}
	return func() error {
		resp, err := hc.Post(s.URL+"/"+tenant(0)+"/oauth2/v2.0/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		return read(resp.Body)
	}
}

// assertionSize is about that of an assertion with a signature of 2048 bits.
const assertionSize = 870

func discard(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// decode reads two fields with encoding/json.
func decode(r io.Reader) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	var answer struct {
		AccessToken string  `json:"access_token"`
		ExpiresIn   float64 `json:"expires_in"`
	}
	return json.Unmarshal(body, &answer)
}

// leaving gets a token as a dialer does, with a context that may end.
func leaving(source *tokensource.Source) func() error {
	return func() error {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		_, err := source.TokenContext(ctx)
		return err
	}
}

// withCertificate returns two functions that get a token: each time with a new
// assertion, and each time with the one that is there.
func withCertificate(s *server, hc *http.Client) (first, second func() error, key *rsa.PrivateKey) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	check(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "benchmark"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(err)
	cert, err := x509.ParseCertificate(der)
	check(err)
	c := config(s, hc, 0)
	c.Credential = tokensource.Certificate([]*x509.Certificate{cert}, key, nil)
	get := func(source *tokensource.Source) error {
		_, err := source.Token()
		return err
	}
	kept := c.ClientCredentials()
	return func() error { return get(c.ClientCredentials()) }, func() error { return get(kept) }, key
}

func sign(key *rsa.PrivateKey) error {
	digest := sha256.Sum256([]byte(scope))
	_, err := key.Sign(rand.Reader, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
	return err
}
