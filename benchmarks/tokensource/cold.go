package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/exoauth/exoauth/tokensource"
)

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

// decode reads two fields with encoding/json, which takes as long as half of
// the exchange: a token is long.
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
	c.Credential = tokensource.Certificate([]*x509.Certificate{cert}, key)
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
