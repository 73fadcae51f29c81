package tokensource

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth"
)

// A cachedFlow is one user's way to a token.
type cachedFlow struct {
	name   string
	source func(t *testing.T, c *Config, user string) *Source
}

// signedIn completes the web application's flow.
func signedIn(t *testing.T, c *Config, _ string) *Source {
	t.Helper()
	o := AuthCodeOptions{RedirectURL: webRedirect}
	address, signIn, err := c.AuthCodeURL(o)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	source, err := c.Exchange(t.Context(), signIn, url.Values{"code": {testCode}, "state": {u.Query().Get("state")}})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// The flows that know their user by what they are given.
var namedFlows = []cachedFlow{
	{"password", func(_ *testing.T, c *Config, user string) *Source { return c.Password(user, "the same for both") }},
	{"same user, another password", func(_ *testing.T, c *Config, user string) *Source { return c.Password("jane@contoso.com", user) }},
	{"refresh token", func(_ *testing.T, c *Config, user string) *Source { return c.RefreshToken(user) }},
	{"on behalf of", func(_ *testing.T, c *Config, user string) *Source {
		return c.OnBehalfOf(assertionOf(user, time.Unix(4102444800, 0)))
	}},
	{"browser, hinted", func(_ *testing.T, c *Config, user string) *Source { return c.loopback(user) }},
}

// The flows that know their user by the CacheKey alone.
var keyedFlows = []cachedFlow{
	{"browser", func(_ *testing.T, c *Config, _ string) *Source { return c.loopback("") }},
	{"device code", func(_ *testing.T, c *Config, _ string) *Source { return c.DeviceCode(new(shown).show) }},
	{"web application", signedIn},
	{"application", func(_ *testing.T, c *Config, _ string) *Source { return c.ClientCredentials() }},
}

// loopback signs in with a browser that goes straight to the answer.
func (c *Config) loopback(hint string) *Source {
	return c.AuthCode(AuthCodeOptions{LoginHint: hint, Open: func(ctx context.Context, address string) error {
		u, err := url.Parse(address)
		if err != nil {
			return err
		}
		answer := url.Values{"code": {testCode}, "state": {u.Query().Get("state")}}
		resp, err := http.PostForm(u.Query().Get("redirect_uri"), answer)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}})
}

// entraFor answers both endpoints. The token says which request it came from.
func entraFor() *fakeEntra {
	return &fakeEntra{answer: func(n int, r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/devicecode") {
			return response(200, strings.Replace(deviceAnswer, `"interval":5`, `"interval":0.001`, 1)), nil
		}
		return rotate(n, r)
	}}
}

// Two users of one Config never get each other's token, whether they come one
// after the other, or go on after their tokens have expired.
func TestUsersNeverShareATokenInAnyFlow(t *testing.T) {
	run := func(t *testing.T, flow cachedFlow, keys [2]string) {
		server, cache := entraFor(), newLockingCache()
		tokens := make(map[string]string)
		for round := range 2 {
			for i, user := range []string{"jane@contoso.com", "bob@contoso.com"} {
				config := server.config()
				config.Cache, config.CacheKey = cache, keys[i]
				source := flow.source(t, config, user)
				token, err := source.Token()
				if err != nil {
					t.Fatal(err)
				}
				if round == 1 && flow.name != "web application" && tokens[token.AccessToken] != user {
					t.Errorf("%s has a token of %q", user, tokens[token.AccessToken])
				}
				if whose, ok := tokens[token.AccessToken]; ok && whose != user {
					t.Errorf("%s has the token of %s", user, whose)
				}
				tokens[token.AccessToken] = user
			}
		}
		if n := len(cache.keys()); n != 2 {
			t.Errorf("%d entries; want 2", n)
		}
	}
	for _, flow := range namedFlows {
		t.Run(flow.name, func(t *testing.T) { run(t, flow, [2]string{"", ""}) })
		t.Run(flow.name+", one key", func(t *testing.T) { run(t, flow, [2]string{"app", "app"}) })
	}
	for _, flow := range append(slices.Clone(namedFlows), keyedFlows...) {
		t.Run(flow.name+", two keys", func(t *testing.T) {
			f := cachedFlow{flow.name, func(t *testing.T, c *Config, _ string) *Source { return flow.source(t, c, "jane@contoso.com") }}
			run(t, f, [2]string{"account 1", "account 2"})
		})
	}
}

// A refresh token is one user's as well: what is stored for one is never sent
// for another.
func TestUsersNeverShareARefreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(rotate, rotate)}
		cache := new(memCache)
		of := func(user string) *Source {
			config := server.config()
			config.Cache, config.CacheKey = cache, user
			return config.Resume()
		}
		for _, user := range []string{"account 1", "account 2"} {
			config := server.config()
			config.Cache, config.CacheKey = cache, user
			signedIn(t, config, "")
		}
		pass(2 * hour)
		want(t, of("account 2"), 3)
		server.wantForm(t, 3, withSecret(refreshForm(refreshNumber(2))))
		want(t, of("account 1"), 4)
		server.wantForm(t, 4, withSecret(refreshForm(refreshNumber(1))))
		for _, other := range []string{"", "account", "account 3", "ACCOUNT 1", "account 1 "} {
			if _, err := of(other).Token(); err == nil {
				t.Errorf("%q has a token", other)
			}
		}
		wantRequests(t, server, 4)
	})
}

func withSecret(form map[string]string) map[string]string {
	form["client_secret"] = testSecret
	return form
}

// Each setting that makes for another token makes for another entry.
func TestCacheKeys(t *testing.T) {
	base := func() *Config {
		return &Config{Tenant: "contoso.com", ClientID: testClientID, Credential: Secret(testSecret), CacheKey: "a"}
	}
	key := func(c *Config, flow string, user ...string) string {
		cl, err := c.userClient()
		if err != nil {
			t.Fatal(err)
		}
		return cl.key(flow, user...)
	}
	same := map[string]func(*Config){
		"itself":             func(*Config) {},
		"another secret":     func(c *Config) { c.Credential = Secret("x~") },
		"HTTP client":        func(c *Config) { c.HTTPClient = new(http.Client) },
		"tenant upper case":  func(c *Config) { c.Tenant = "CONTOSO.com" },
		"client upper case":  func(c *Config) { c.ClientID = strings.ToUpper(c.ClientID) },
		"the global cloud":   func(c *Config) { c.Cloud = exoauth.Global },
		"slash at authority": func(c *Config) { c.Cloud.Authority = exoauth.Global.Authority + "/" },
	}
	other := map[string]func(*Config){
		"tenant":    func(c *Config) { c.Tenant = "fabrikam.com" },
		"client":    func(c *Config) { c.ClientID = "another" },
		"public":    func(c *Config) { c.Credential = nil },
		"scopes":    func(c *Config) { c.Scopes = []string{"https://outlook.office.com/IMAP.AccessAsUser.All"} },
		"cloud":     func(c *Config) { c.Cloud = exoauth.China },
		"authority": func(c *Config) { c.Cloud.Authority = "https://login.example.com" },
		"cache key": func(c *Config) { c.CacheKey = "b" },
		"case":      func(c *Config) { c.CacheKey = "A" },
	}
	want := key(base(), keyPerson)
	if len(want) != 64 || strings.Trim(want, "0123456789abcdef") != "" {
		t.Errorf("key %q", want)
	}
	for name, change := range same {
		c := base()
		if change(c); key(c, keyPerson) != want {
			t.Errorf("%s: another entry", name)
		}
	}
	seen := map[string]string{want: "itself"}
	add := func(name, key string) {
		if whose, ok := seen[key]; ok {
			t.Errorf("%s: the entry of %s", name, whose)
		}
		seen[key] = name
	}
	for name, change := range other {
		c := base()
		change(c)
		add(name, key(c, keyPerson))
	}
	for _, flow := range []string{keyApplication, keyPassword, keyRefresh, keyOnBehalfOf} {
		add(flow, key(base(), flow))
	}
	add("user", key(base(), keyPerson, "a"))
	add("users", key(base(), keyPerson, "a", ""))
	c := base() // the end of one part is not the beginning of the next
	c.CacheKey = ""
	add("moved", key(c, keyPerson, "a"))
	c.CacheKey = "a\x00"
	add("with a zero", key(c, keyPerson))
	if cacheKey("a", "bc") == cacheKey("ab", "c") || cacheKey("a") == cacheKey("a", "") {
		t.Error("parts run together")
	}
}

func TestKeysOfManagedIdentities(t *testing.T) {
	vm := map[string]string{}
	app := map[string]string{"IDENTITY_ENDPOINT": "http://127.0.0.1:41056/msi/token", "IDENTITY_HEADER": "PLANTED.header"}
	another := maps.Clone(app)
	another["IDENTITY_HEADER"] = "PLANTED.header2"
	key := func(env map[string]string, o ManagedIdentityOptions) string {
		host, bad := environment(env).Find()
		if bad != nil {
			t.Fatal(bad.Problem)
		}
		key, err := newIdentity(o, host).key()
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	seen := make(map[string]string)
	for name, key := range map[string]string{
		"system":             key(vm, ManagedIdentityOptions{}),
		"client":             key(vm, ManagedIdentityOptions{ClientID: "a"}),
		"object":             key(vm, ManagedIdentityOptions{ObjectID: "a"}),
		"resource id":        key(vm, ManagedIdentityOptions{ResourceID: "/subscriptions/a"}),
		"another resource":   key(vm, ManagedIdentityOptions{Resource: "api://x"}),
		"App Service":        key(app, ManagedIdentityOptions{}),
		"another app there":  key(another, ManagedIdentityOptions{}),
		"client on App Serv": key(app, ManagedIdentityOptions{ClientID: "a"}),
	} {
		if whose, ok := seen[key]; ok {
			t.Errorf("%s: the entry of %s", name, whose)
		}
		seen[key] = name
	}
	if key(app, ManagedIdentityOptions{ClientID: "a"}) != key(another, ManagedIdentityOptions{ClientID: "A"}) {
		t.Error("one identity has two entries")
	}
}

// One identity has a token for each resource, although they are in one Cache.
func TestResourcesOfAManagedIdentity(t *testing.T) {
	host, cache := new(fakeHost), newLockingCache()
	for n, resource := range []string{"", "api://x", "api://y"} {
		o := ManagedIdentityOptions{Resource: resource, Cache: cache}
		for range 2 { // the second one finds the entry
			source, _ := host.at(o, environment(noVariables))
			want(t, source, n+1)
		}
	}
}

// A sign-in by any of the three ways is one for the others; one with a hint is
// that user's.
func TestSignInsOfOnePersonShareAnEntry(t *testing.T) {
	server, cache := entraFor(), newLockingCache()
	config := server.config()
	config.Cache, config.CacheKey = cache, "account 1"
	first, err := config.loopback("").Token()
	if err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string]*Source{"device code": config.DeviceCode(new(shown).show), "signed in": config.Resume(), "browser": config.loopback("")} {
		token, err := source.Token()
		if err != nil || token.AccessToken != first.AccessToken {
			t.Errorf("%s: another token, %v", name, err)
		}
	}
	wantRequests(t, server, 1)
	if _, err := config.loopback("jane@contoso.com").Token(); err != nil || len(cache.keys()) != 2 {
		t.Errorf("%v, %d entries", err, len(cache.keys()))
	}
	if _, err := config.loopback("Jane@Contoso.com").Token(); err != nil || len(cache.keys()) != 2 {
		t.Errorf("%v, %d entries", err, len(cache.keys()))
	}
}

// Prompt and Claims are there to have the person asked.
func TestPromptAsksWhateverIsStored(t *testing.T) {
	for name, change := range map[string]func(*AuthCodeOptions){
		"prompt": func(o *AuthCodeOptions) { o.Prompt = "select_account" },
		"claims": func(o *AuthCodeOptions) { o.Claims = `{"access_token":{}}` },
	} {
		t.Run(name, func(t *testing.T) {
			server, opened := entraFor(), 0
			config := server.config()
			cache := newLockingCache()
			config.Cache = cache
			options := AuthCodeOptions{Open: func(context.Context, string) error { opened++; return errors.New("closed") }}
			if _, err := config.loopback("").Token(); err != nil {
				t.Fatal(err)
			}
			if _, err := config.AuthCode(options).Token(); err != nil || opened != 0 {
				t.Errorf("%v, opened %d times", err, opened)
			}
			change(&options)
			if _, err := config.AuthCode(options).Token(); err == nil || opened != 1 {
				t.Errorf("%v, opened %d times", err, opened)
			}
			if cache.only(t).AccessToken != tokenNumber(1) {
				t.Error("the entry was changed by a sign-in that failed")
			}
		})
	}
}

// The value shows whose it is to nobody, and a password is not a hash away.
func TestKeyOfAPassword(t *testing.T) {
	proof, err := stretched("jane@contoso.com", testPassword)
	if err != nil || len(proof) != 32 {
		t.Fatalf("%d bytes, %v", len(proof), err)
	}
	for _, other := range [][2]string{{"bob@contoso.com", testPassword}, {"jane@contoso.com", "x"}} {
		if p, _ := stretched(other[0], other[1]); p == proof {
			t.Errorf("%v: the same proof", other)
		}
	}
	checkNoSecret(t, "proof", fmt.Sprintf("%x", proof))
}

// A key that could not be made is asked for again, and nothing is read or
// stored under what there is of it: that may lack what tells the users apart.
func TestKeyThatCannotBeMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := new(fakeEntra).public()
		cache := new(memCache)
		config.Cache = cache
		cl, _ := config.userClient()
		s := newUserSession(cl, func() (string, error) { return "half a key", errors.New("not allowed") }, nil)
		s.have = testRefresh
		source := s.source()
		for range 2 {
			if _, err := source.Token(); err == nil || !strings.Contains(err.Error(), "not allowed") {
				t.Errorf("error %v", err)
			}
			pass(rememberAtMost)
		}
		if len(cache.keys()) != 0 {
			t.Error("stored")
		}
	})
}
