package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/tokensource"
)

// A publisher answers as Entra ID does, with the keys of that name.
type publisher struct {
	asked atomic.Int64 // for keys
	names []string
	fails bool
	slow  time.Duration
}

var published = func() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(key.N.Bytes())
}()

func (p *publisher) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.slow > 0 {
		select {
		case <-time.After(p.slow):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if p.fails {
		return nil, errors.New("away")
	}
	var answer any = map[string]string{"issuer": "issuer", "jwks_uri": "https://login.example.com/keys"}
	if r.URL.Path == "/keys" {
		p.asked.Add(1)
		var list []map[string]string
		for _, name := range p.names {
			list = append(list, map[string]string{"kty": "RSA", "kid": name, "n": published, "e": "AQAB"})
		}
		answer = map[string]any{"keys": list}
	}
	body, _ := json.Marshal(answer)
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(string(body)))}, nil
}

func inBubble(t *testing.T, f func(t *testing.T, p *publisher, s *keySet)) {
	synctest.Test(t, func(t *testing.T) {
		p := &publisher{names: []string{"one"}}
		f(t, p, &keySet{client: &http.Client{Transport: p}, tenant: "https://login.example.com/contoso.com"})
	})
}

func has(t *testing.T, s *keySet, id string) bool {
	t.Helper()
	key, err := s.find(t.Context(), keyName{"issuer", id})
	if key == nil && errors.Is(err, errKeys) {
		t.Errorf("no keys: %v", err)
	}
	return key != nil
}

// However many unknown keys are named, Entra ID is asked once a minute.
func TestUnknownKeys(t *testing.T) {
	inBubble(t, func(t *testing.T, p *publisher, s *keySet) {
		for range 10 {
			for range 100 {
				if has(t, s, rand.Text()) {
					t.Fatal("a key that is not there")
				}
			}
			time.Sleep(keyPause / 10)
		}
		if got := p.asked.Load(); got != 2 { // of each version
			t.Errorf("asked %d times within a minute", got)
		}
	})
}

// A new key is found within a minute, and an old one is gone within a day.
func TestKeysChange(t *testing.T) {
	inBubble(t, func(t *testing.T, p *publisher, s *keySet) {
		if !has(t, s, "one") {
			t.Fatal("no key")
		}
		p.names = []string{"one", "two"}
		time.Sleep(keyPause)
		if !has(t, s, "two") {
			t.Error("the new key is not found")
		}
		p.names = []string{"two"}
		time.Sleep(keyLife)
		if has(t, s, "one") {
			t.Error("a key that was withdrawn a day ago")
		}
	})
}

// While Entra ID is away the keys that are known go on to be good.
func TestKeysAreAway(t *testing.T) {
	inBubble(t, func(t *testing.T, p *publisher, s *keySet) {
		p.fails = true
		if _, err := s.find(t.Context(), keyName{"issuer", "one"}); !errors.Is(err, errKeys) {
			t.Errorf("error %v", err)
		}
		p.fails = false
		time.Sleep(keyPause)
		if !has(t, s, "one") {
			t.Error("not asked again")
		}
		p.fails = true
		time.Sleep(keyLife)
		if !has(t, s, "one") {
			t.Error("a known key is lost")
		}
	})
}

// A caller who leaves does not take the keys of the others along, and a slow
// answer holds up nobody whose key is known.
func TestKeysForAll(t *testing.T) {
	inBubble(t, func(t *testing.T, p *publisher, s *keySet) {
		p.slow = time.Second
		ctx, leave := context.WithCancel(t.Context())
		leave()
		if key, err := s.find(ctx, keyName{"issuer", "one"}); key == nil {
			t.Error(err)
		}
		time.Sleep(keyPause)
		go s.find(t.Context(), keyName{"issuer", "x"})
		synctest.Wait()
		start := time.Now()
		if !has(t, s, "one") || time.Since(start) != 0 {
			t.Errorf("waited for %v", time.Since(start))
		}
		time.Sleep(keyPause) // until the answers are there
	})
}

func TestPublicKey(t *testing.T) {
	short := base64.RawURLEncoding.EncodeToString(big.NewInt(0).Lsh(big.NewInt(1), 1023).Bytes())
	for name, row := range map[string]struct {
		n, e string
		good bool
	}{
		"good":                {published, "AQAB", true},
		"1024 bits":           {short, "AQAB", false},
		"1024 bits and zeros": {base64.RawURLEncoding.EncodeToString(append(make([]byte, 128), make([]byte, 128)...)), "AQAB", false},
		"no base64":           {"*", "AQAB", false},
		"exponent 1":          {published, "AQ", false},
		"no exponent":         {published, "", false},
		"exponent of 2^32":    {published, "AQAAAAA", false},
	} {
		if (publicKey(row.n, row.e) != nil) != row.good {
			t.Error(name)
		}
	}
}

// A Source ends with its token, and there are no more than that many.
func TestSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sources
		made := 0
		of := func(token string, life time.Duration) *tokensource.Source {
			return s.of(token, time.Now().Add(life), func(string) *tokensource.Source {
				made++
				return new(tokensource.Source)
			})
		}
		first := of("a", time.Hour)
		if of("a", time.Hour) != first || made != 1 {
			t.Error("two for one token")
		}
		time.Sleep(time.Hour)
		if of("a", time.Hour) == first || len(s.kept) != 1 {
			t.Error("one whose token has ended")
		}
		time.Sleep(time.Hour)
		for range 3 * maxSources {
			of(rand.Text(), time.Minute)
		}
		late := of("late", time.Hour)
		for range maxSources {
			of(rand.Text(), time.Minute)
		}
		if len(s.kept) != maxSources || of("late", time.Hour) != late {
			t.Errorf("%d are kept", len(s.kept))
		}
	})
}
