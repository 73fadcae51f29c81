package tokensource

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/internal/journal"
	"github.com/exoauth/exoauth/internal/verdict"
	"github.com/exoauth/exoauth/tokencache"
)

var (
	keyA = bytes.Repeat([]byte("PLANTEDa"), 4)
	keyB = bytes.Repeat([]byte("PLANTEDb"), 4)
)

// The wrong key ends no sign-in: the right one opens the entry.
func TestWrongKeyAsksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(answerWith(200, deviceAnswer), rotate)}
		inner := newLockingCache()
		config := server.public()
		config.Cache = tokencache.Encrypted(inner, keyA)
		var s shown
		want(t, config.DeviceCode(s.show), 2)
		config.Cache = tokencache.Encrypted(inner, keyB)
		log := logged(config)
		_, err := config.DeviceCode(s.show).Token()
		if e, ok := errors.AsType[*tokencache.Error](err); !ok || !strings.Contains(e.Error(), "another key") || verdict.Retryable(err) {
			t.Errorf("error %v", err)
		}
		config.Cache = tokencache.Encrypted(inner, keyB, keyA)
		want(t, config.DeviceCode(s.show), 2)
		if len(s.codes) != 1 {
			t.Errorf("asked %d times", len(s.codes))
		}
		checkNoSecret(t, "log", log.String())
	})
}

// An application's token can be had again.
func TestWrongKeyOfAnApplication(t *testing.T) {
	server, inner := new(fakeEntra), newLockingCache()
	config := server.config()
	log := logged(config)
	for n, key := range [][]byte{keyA, keyB, keyB} {
		config.Cache = tokencache.Encrypted(inner, key)
		want(t, config.ClientCredentials(), min(n+1, 2))
	}
	if n := strings.Count(warnings(log), "another key"); n == 0 {
		t.Errorf("log: %s", log)
	}
}

// FuzzRecord decodes whatever a file may hold; what it takes encodes to what it
// decodes to.
func FuzzRecord(f *testing.F) {
	const key = "k"
	for _, r := range []*record{
		{token: token{RefreshToken: "r"}},
		{token: token{AccessToken: "a", Lifetime: maxLifetime, Asked: time.Now()}},
		{token: token{AccessToken: "a", Lifetime: hour, Extra: map[string]any{"scope": "s"}, RefreshToken: "r"}},
	} {
		value, err := r.encode(key)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		r, err := decodeRecord(value, key)
		if err != nil {
			if text := err.Error(); len(text) > 100 {
				t.Fatalf("error %v", err)
			}
			return
		}
		s := &store{client: &client{log: journal.Silent}, refused: "refused"}
		if tok := s.offer(t.Context(), r); tok != nil && (tok.check() != nil || tok.AccessToken == "refused") {
			t.Fatalf("handed out: %+v", r)
		}
		again, err := r.encode(key)
		if err != nil {
			return // grown by escapes
		}
		second, err := decodeRecord(again, key)
		if err != nil || second.RefreshToken != r.RefreshToken || second.AccessToken != r.AccessToken || !second.Asked.Equal(r.Asked) {
			t.Fatalf("%+v, %v; want %+v", second, err, r)
		}
	})
}

func TestCachesAreNotFormatted(t *testing.T) {
	inner := tokencache.Dir(t.TempDir())
	for _, cache := range []tokencache.Cache{tokencache.Encrypted(inner, keyA), tokencache.Encrypted(new(memCache), keyA, keyB)} {
		config := (&fakeEntra{answer: rotate}).config()
		config.Cache = cache
		source := config.RefreshToken(testRefresh)
		want(t, source, 1)
		cl, _ := config.userClient()
		hidden := struct {
			cache  tokencache.Cache
			client *client
		}{cache, cl}
		checkAllVerbs(t, "formatted", cache, *config, config, source)
		if _, ok := cache.(tokencache.Locker); ok { // memCache shows what is in it
			checkAllVerbs(t, "hidden", hidden, &hidden)
			for _, verb := range verbs { // nor the key as numbers
				checkNoKey(t, fmt.Sprintf(verb, hidden))
			}
		}
		if text, err := json.Marshal(cache); err != nil || !strings.Contains(string(text), "Encrypted") {
			t.Errorf("%s, %v", text, err)
		}
	}
}

func checkNoKey(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(text, "80 76 65 78 84") || strings.Contains(text, "0x50, 0x4c") {
		t.Errorf("a key is in %s", text)
	}
}
