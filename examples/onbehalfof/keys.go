package main

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// keyLife is how long keys are used before they are fetched again. Entra ID
	// may change them at any time.
	keyLife = 24 * time.Hour
	// keyPause is the least time between two fetches, whatever keys callers
	// name.
	keyPause = time.Minute
	// maxDocument bounds an answer.
	maxDocument = 1 << 20
)

var errKeys = errors.New("the keys of Entra ID cannot be fetched")

// A keySet has the keys that a tenant's tokens are signed with, from its
// discovery documents.
// (https://learn.microsoft.com/entra/identity-platform/signing-key-rollover)
type keySet struct {
	client *http.Client
	tenant string // URL

	known atomic.Pointer[keys] // nil before there are any

	mu    sync.Mutex // held while they are fetched
	tried time.Time
}

// keys are the keys of a tenant at one time.
type keys struct {
	fetched time.Time
	byName  map[keyName]*rsa.PublicKey
}

// A keyName names a key. Tokens of version 1.0 and of version 2.0 have
// different issuers.
type keyName struct{ issuer, id string }

func (k *keys) find(name keyName) *rsa.PublicKey {
	if k == nil {
		return nil
	}
	return k.byName[name]
}

// find returns a key. It may ask Entra ID.
func (s *keySet) find(ctx context.Context, name keyName) (*rsa.PublicKey, error) {
	known := s.known.Load()
	if key := known.find(name); key != nil && time.Since(known.fetched) < keyLife {
		return key, nil
	}
	err := s.refresh(ctx)
	known = s.known.Load()
	switch key := known.find(name); {
	case key != nil: // an old one is better than none
		return key, nil
	case known == nil:
		return nil, fmt.Errorf("%w: %w", errKeys, err)
	}
	return nil, errors.New("the issuer has no such key")
}

var errPause = errors.New("the last try was less than a minute ago")

// refresh fetches the keys, unless they were fetched just now. They are for all
// callers, so it goes on when ctx ends.
func (s *keySet) refresh(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.tried.IsZero() && time.Since(s.tried) < keyPause {
		return errPause
	}
	s.tried = time.Now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	next := &keys{fetched: s.tried, byName: make(map[keyName]*rsa.PublicKey)}
	for _, version := range []string{"", "/v2.0"} {
		if err := s.fetch(ctx, s.tenant+version+"/.well-known/openid-configuration", next); err != nil {
			return err
		}
	}
	s.known.Store(next)
	return nil
}

// fetch adds the keys to which a discovery document leads.
func (s *keySet) fetch(ctx context.Context, document string, to *keys) error {
	var provider struct {
		Issuer string
		Keys   string `json:"jwks_uri"`
	}
	if err := s.get(ctx, document, &provider); err != nil {
		return err
	}
	var set struct {
		Keys []struct{ Kty, Kid, N, E string }
	}
	if err := s.get(ctx, provider.Keys, &set); err != nil {
		return err
	}
	for _, k := range set.Keys {
		if key := publicKey(k.N, k.E); k.Kty == "RSA" && k.Kid != "" && key != nil {
			to.byName[keyName{provider.Issuer, k.Kid}] = key
		}
	}
	return nil
}

// publicKey reads a key (RFC 7518 §6.3.1). It returns nil for one that
// cannot be trusted.
func publicKey(n, e string) *rsa.PublicKey {
	modulus, err := base64.RawURLEncoding.DecodeString(n)
	exponent, err2 := base64.RawURLEncoding.DecodeString(e)
	if err != nil || err2 != nil || len(modulus) < 2048/8 || len(exponent) > 4 {
		return nil
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(new(big.Int).SetBytes(exponent).Int64())}
	if key.N.BitLen() < 2048 || key.E < 3 {
		return nil
	}
	return key
}

func (s *keySet) get(ctx context.Context, url string, to any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := s.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	return json.NewDecoder(io.LimitReader(answer.Body, maxDocument)).Decode(to)
}
