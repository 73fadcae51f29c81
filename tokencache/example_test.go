package tokencache_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log"
	"os"
	"sync"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokensource"
)

// mailClient returns a server with an application to which a user may sign in.
func mailClient() (*exchangetest.Server, *exchangetest.App, *exchangetest.User) {
	srv := exchangetest.NewServer()
	app := srv.Tenant().AddApp("Mail client")
	app.AddRedirectURI(exchangetest.Desktop, "http://localhost")
	app.SetPublicFlows(true)
	app.Consent(nil, exchangetest.IMAPAccessAsUser, exchangetest.SMTPSend)
	return srv, app, srv.Tenant().AddUser("adele@contoso.com")
}

// The user signs in when the program is run for the first time. In a program,
// the directory is one below os.UserCacheDir.
func ExampleDir() {
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
			Cache:      tokencache.Dir(dir),
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

	cache := tokencache.Encrypted(tokencache.Dir(dir), key)
	ctx := context.Background()
	if err := cache.Put(ctx, "a", []byte("a token")); err != nil {
		log.Fatal(err)
	}
	value, err := cache.Get(ctx, "a")
	fmt.Printf("%s, %v\n", value, err)

	another := make([]byte, 32)
	rand.Read(another)
	_, err = tokencache.Encrypted(tokencache.Dir(dir), another).Get(ctx, "a")
	var wrong *tokencache.Error
	fmt.Println(errors.As(err, &wrong))

	// After the key was replaced.
	value, err = tokencache.Encrypted(tokencache.Dir(dir), another, key).Get(ctx, "a")
	fmt.Printf("%s, %v\n", value, err)
	// Output:
	// a token, <nil>
	// true
	// a token, <nil>
}

// A table stands for a database: "key" is its primary key, and "value" is
// binary. The driver's own "no rows" becomes ErrMiss.
type table struct {
	mu   sync.Mutex
	rows map[string][]byte
}

func (t *table) Get(_ context.Context, key string) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	value, ok := t.rows[key]
	if !ok {
		return nil, tokencache.ErrMiss
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
