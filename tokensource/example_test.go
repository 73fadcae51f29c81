package tokensource_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokensource"
)

// The settings of production are the first three; the other two lead to a
// server in this process.
func ExampleConfig_ClientCredentials() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	app := srv.Tenant().AddApp("Invoices", exchangetest.IMAPAccessAsApp)

	cfg := &tokensource.Config{
		Tenant:     "contoso.onmicrosoft.com",
		ClientID:   app.ClientID,
		Credential: tokensource.Secret(app.Secret),
		Cloud:      srv.Cloud(),
		HTTPClient: srv.HTTPClient(),
	}
	source := cfg.ClientCredentials()
	for range 3 {
		token, err := source.TokenContext(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(token.Type(), token.Valid())
	}
	fmt.Println("requests:", len(srv.Requests()))
	// Output:
	// Bearer true
	// Bearer true
	// Bearer true
	// requests: 1
}

func ExampleError() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	app := srv.Tenant().AddApp("Invoices")

	cfg := &tokensource.Config{
		Tenant:     "contoso.onmicrosoft.com",
		ClientID:   app.ClientID,
		Credential: tokensource.Secret("not~its~secret"),
		Cloud:      srv.Cloud(),
		HTTPClient: srv.HTTPClient(),
	}
	_, err := cfg.ClientCredentials().Token()
	var refusal *tokensource.Error
	if errors.As(err, &refusal) {
		fmt.Println(refusal.StatusCode, refusal.Code, refusal.AADSTS)
		fmt.Println("try again later:", refusal.Temporary())
		fmt.Println("somebody has to sign in:", errors.Is(err, tokensource.ErrInteractionRequired))
	}
	// Output:
	// 401 invalid_client [7000215]
	// try again later: false
	// somebody has to sign in: false
}

func ExampleConfigError() {
	cfg := &tokensource.Config{Tenant: "common", ClientID: "11111111-2222-3333-4444-555555555555"}
	_, err := cfg.ClientCredentials().Token()
	var setting *tokensource.ConfigError
	if errors.As(err, &setting) {
		fmt.Println(setting.Field, "must not be", setting.Value)
	}
	// Output: Tenant must not be common
}

// A mail server has refused the token: the next one is fetched anew, unless
// this one was fetched moments ago.
func ExampleSource_Invalidate() {
	n := 0
	source := tokensource.Func(func(context.Context) (string, time.Time, error) {
		n++
		return fmt.Sprint("token ", n), time.Now().Add(time.Hour), nil
	})
	refused, err := source.Token()
	if err != nil {
		log.Fatal(err)
	}
	source.Invalidate(refused)
	token, err := source.Token()
	fmt.Println(token.AccessToken, err)
	// Output: token 1 <nil>
}

func ExampleFunc() {
	source := tokensource.Func(func(ctx context.Context) (string, time.Time, error) {
		// Here MSAL, azidentity or a vault is asked, under ctx.
		return "an access token", time.Now().Add(time.Hour), nil
	})
	token, err := source.Token()
	fmt.Println(token.AccessToken, err)
	// Output: an access token <nil>
}
