package tokensource_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"sync"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokensource"
)

// refreshTokenOf signs a user in to another program.
func refreshTokenOf(srv *exchangetest.Server, app *exchangetest.App, user *exchangetest.User) string {
	cache := make(oneEntry, 1)
	cfg := &tokensource.Config{Tenant: "contoso.onmicrosoft.com", ClientID: app.ClientID, Cloud: srv.Cloud(), HTTPClient: srv.HTTPClient(), Cache: cache}
	if _, err := cfg.AuthCode(tokensource.AuthCodeOptions{Open: srv.Browser(user).Open}).Token(); err != nil {
		log.Fatal(err)
	}
	var stored struct {
		RefreshToken string `json:"refresh_token"`
	}
	if err := json.Unmarshal(<-cache, &stored); err != nil {
		log.Fatal(err)
	}
	return stored.RefreshToken
}

// The user signs in when the program is run for the first time. In a program,
// the directory is one below os.UserCacheDir.
func ExampleDirCache() {
	srv, app, adele := mailClient()
	defer srv.Close()
	dir, err := os.MkdirTemp("", "tokens")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	program := func() error {
		cfg := &tokensource.Config{
			Tenant:     "contoso.onmicrosoft.com",
			ClientID:   app.ClientID,
			Cloud:      srv.Cloud(),
			HTTPClient: srv.HTTPClient(),
			Cache:      tokensource.DirCache(dir),
		}
		source := cfg.AuthCode(tokensource.AuthCodeOptions{
			LoginHint: "adele@contoso.com",
			Open: func(ctx context.Context, address string) error {
				fmt.Println("the browser opens")
				return srv.Browser(adele).Open(ctx, address)
			},
		})
		token, err := source.Token()
		if err == nil {
			fmt.Println("a token:", token.Valid())
		}
		return err
	}
	for range 2 {
		if err := program(); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// the browser opens
	// a token: true
	// a token: true
}

// The key is a secret of its own, from a vault or the keyring of the system.
func ExampleEncrypted() {
	key := make([]byte, 32)
	rand.Read(key)
	dir, err := os.MkdirTemp("", "tokens")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	cache := tokensource.Encrypted(tokensource.DirCache(dir), key)
	ctx := context.Background()
	if err := cache.Put(ctx, "a", []byte("a token")); err != nil {
		log.Fatal(err)
	}
	value, err := cache.Get(ctx, "a")
	fmt.Printf("%s, %v\n", value, err)

	another := make([]byte, 32)
	rand.Read(another)
	_, err = tokensource.Encrypted(tokensource.DirCache(dir), another).Get(ctx, "a")
	var wrong *tokensource.CacheError
	fmt.Println(errors.As(err, &wrong))

	// After the key was replaced.
	value, err = tokensource.Encrypted(tokensource.DirCache(dir), another, key).Get(ctx, "a")
	fmt.Printf("%s, %v\n", value, err)
	// Output:
	// a token, <nil>
	// true
	// a token, <nil>
}

// A table stands for a database: "key" is its primary key, and "value" is
// binary. The driver's own "no rows" becomes ErrCacheMiss.
type table struct {
	mu   sync.Mutex
	rows map[string][]byte
}

func (t *table) Get(_ context.Context, key string) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	value, ok := t.rows[key]
	if !ok {
		return nil, tokensource.ErrCacheMiss
	}
	return value, nil
}

func (t *table) Put(_ context.Context, key string, value []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows[key] = value
	return nil
}

func (t *table) Delete(_ context.Context, key string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.rows, key)
	return nil
}

// A Cache of your own has three methods.
func ExampleCache() {
	srv, app, adele := mailClient()
	defer srv.Close()
	cfg := &tokensource.Config{
		Tenant:     "contoso.onmicrosoft.com",
		ClientID:   app.ClientID,
		Cloud:      srv.Cloud(),
		HTTPClient: srv.HTTPClient(),
		Cache:      &table{rows: make(map[string][]byte)},
	}
	for range 2 {
		token, err := cfg.Password("adele@contoso.com", adele.Password).Token()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(token.Valid(), len(srv.Requests()))
	}
	// Output:
	// true 1
	// true 1
}

// A nightly job for a user who signs in once, with a code. The tokens are
// encrypted on the disk.
func ExampleConfig_SignedIn() {
	srv, app, adele := quickDevices()
	defer srv.Close()
	dir, err := os.MkdirTemp("", "tokens")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	key := make([]byte, 32) // a secret of its own, as of a vault
	rand.Read(key)

	cfg := &tokensource.Config{
		Tenant:     "contoso.onmicrosoft.com",
		ClientID:   app.ClientID,
		Cloud:      srv.Cloud(),
		HTTPClient: srv.HTTPClient(),
		Cache:      tokensource.Encrypted(tokensource.DirCache(dir), key),
		CacheKey:   "adele",
	}
	// The job, before anybody has signed in.
	_, err = cfg.SignedIn().TokenContext(context.Background())
	fmt.Println("somebody has to sign in:", errors.Is(err, tokensource.ErrInteractionRequired))

	// Another run of the program, by hand. In a program, show may be nil.
	_, err = cfg.DeviceCode(func(ctx context.Context, code tokensource.DeviceCode) error {
		return srv.Browser(adele).EnterCode(ctx, code.UserCode)
	}).TokenContext(context.Background())
	fmt.Println("signed in:", err == nil)

	// The job, each night.
	token, err := cfg.SignedIn().TokenContext(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("a token:", token.Valid())
	// Output:
	// somebody has to sign in: true
	// signed in: true
	// a token: true
}

// A web application tells its users apart by what it knows them by, and needs
// nobody to sign in again when it was restarted.
func ExampleConfig_SignedIn_webApplication() {
	srv, app, _ := mailClient()
	defer srv.Close()
	cfg := tokensource.Config{
		Tenant:     "organizations",
		ClientID:   app.ClientID,
		Credential: tokensource.Secret(app.Secret),
		Cloud:      srv.Cloud(),
		HTTPClient: srv.HTTPClient(),
		Cache:      &table{rows: make(map[string][]byte)},
	}
	of := func(account string) *tokensource.Config {
		own := cfg
		own.CacheKey = account
		return &own
	}
	// In the handler that ends a sign-in:
	//	source, err := of(account).Exchange(r.Context(), signIn, r.URL.Query())
	// and in all others:
	token, err := of("account 17").SignedIn().Token()
	switch {
	case errors.Is(err, tokensource.ErrInteractionRequired):
		fmt.Println("redirect the browser to the address of AuthCodeURL")
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println(token.Valid())
	}
	// Output: redirect the browser to the address of AuthCodeURL
}

// A user of a web application signs out. Then nobody's program opens the
// mailbox, until the user has signed in again.
func ExampleSource_SignOut() {
	srv, app, adele := mailClient()
	defer srv.Close()
	cfg := &tokensource.Config{
		Tenant:     "contoso.onmicrosoft.com",
		ClientID:   app.ClientID,
		Cloud:      srv.Cloud(),
		HTTPClient: srv.HTTPClient(),
		Cache:      &table{rows: make(map[string][]byte)},
		CacheKey:   "account 17",
	}
	ctx := context.Background()
	if _, err := cfg.AuthCode(tokensource.AuthCodeOptions{Open: srv.Browser(adele).Open}).TokenContext(ctx); err != nil {
		log.Fatal(err)
	}
	source := cfg.SignedIn()
	token, err := source.TokenContext(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("a token:", token.Valid())

	if err := source.SignOut(ctx); err != nil {
		log.Fatal(err)
	}
	_, err = cfg.SignedIn().TokenContext(ctx)
	fmt.Println("somebody has to sign in:", errors.Is(err, tokensource.ErrInteractionRequired))
	// Output:
	// a token: true
	// somebody has to sign in: true
}
