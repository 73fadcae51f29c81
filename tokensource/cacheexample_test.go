package tokensource_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokencache/cachetest"
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

// A nightly job for a user who signs in once, with a code. The tokens are
// encrypted on the disk.
func ExampleConfig_Resume() {
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
		Cache:      tokencache.Encrypted(tokencache.Dir(dir), key),
		CacheKey:   "adele",
	}
	// The job, before anybody has signed in.
	_, err = cfg.Resume().TokenContext(context.Background())
	fmt.Println("somebody has to sign in:", errors.Is(err, tokensource.ErrInteractionRequired))

	// Another run of the program, by hand. In a program, show may be nil.
	_, err = cfg.DeviceCode(func(ctx context.Context, code tokensource.DeviceCode) error {
		return srv.Browser(adele).EnterCode(ctx, code.UserCode)
	}).TokenContext(context.Background())
	fmt.Println("signed in:", err == nil)

	// The job, each night.
	token, err := cfg.Resume().TokenContext(context.Background())
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
func ExampleConfig_Resume_webApplication() {
	srv, app, _ := mailClient()
	defer srv.Close()
	cfg := tokensource.Config{
		Tenant:     "organizations",
		ClientID:   app.ClientID,
		Credential: tokensource.Secret(app.Secret),
		Cloud:      srv.Cloud(),
		HTTPClient: srv.HTTPClient(),
		Cache:      cachetest.Memory(),
	}
	of := func(account string) *tokensource.Config {
		own := cfg
		own.CacheKey = account
		return &own
	}
	// In the handler that ends a sign-in:
	//	source, err := of(account).Exchange(r.Context(), signIn, r.URL.Query())
	// and in all others:
	token, err := of("account 17").Resume().Token()
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
		Cache:      cachetest.Memory(),
		CacheKey:   "account 17",
	}
	ctx := context.Background()
	if _, err := cfg.AuthCode(tokensource.AuthCodeOptions{Open: srv.Browser(adele).Open}).TokenContext(ctx); err != nil {
		log.Fatal(err)
	}
	source := cfg.Resume()
	token, err := source.TokenContext(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("a token:", token.Valid())

	if err := source.SignOut(ctx); err != nil {
		log.Fatal(err)
	}
	_, err = cfg.Resume().TokenContext(ctx)
	fmt.Println("somebody has to sign in:", errors.Is(err, tokensource.ErrInteractionRequired))
	// Output:
	// a token: true
	// somebody has to sign in: true
}
