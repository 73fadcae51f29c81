package tokensource_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokensource"
)

// A program sets the first three fields; the other two lead to a server in this
// process.
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

// A certificate and its key in one file, PEM or PFX, in place of a secret.
func ExampleCertificateFile() {
	credential, err := tokensource.CertificateFile("../internal/clientcert/testdata/openssl3.pfx", "PLANTED password", nil)
	if err != nil {
		log.Fatal(err)
	}
	cfg := &tokensource.Config{
		Tenant:     "contoso.onmicrosoft.com",
		ClientID:   "11111111-2222-3333-4444-555555555555",
		Credential: credential,
	}
	source := cfg.ClientCredentials()
	fmt.Println(credential, source)
	// Output: tokensource.Certificate(…) tokensource.Source(application 11111111-2222-3333-4444-555555555555 of tenant contoso.onmicrosoft.com)
}

// For a certificate in an environment variable, or in a secret of a key vault.
func ExampleCertificateData() {
	_, err := tokensource.CertificateData([]byte(os.Getenv("EXO_CERTIFICATE_PEM")), "", nil)
	var setting *tokensource.ConfigError
	if errors.As(err, &setting) {
		fmt.Println(setting.Field+":", setting.Problem)
	}
	// Output: CertificateData: neither PEM nor a PFX with a certificate and its key
}

// For a token in a file that is replaced before the token expires.
func ExampleAssertionFile() {
	cfg := &tokensource.Config{
		Tenant:     "contoso.onmicrosoft.com",
		ClientID:   "11111111-2222-3333-4444-555555555555",
		Credential: tokensource.AssertionFile("/var/run/secrets/tokens/mail"),
	}
	fmt.Println(cfg.Credential)
	// Output: tokensource.AssertionFile(/var/run/secrets/tokens/mail)
}

// A key that never leaves an HSM or a key vault is a crypto.Signer.
func ExampleCertificate() {
	chain, key := newCertificate()

	credential := tokensource.Certificate(chain, key, &tokensource.CertificateOptions{SendChain: true})
	fmt.Println(credential)
	// Output: tokensource.Certificate(…)
}

// A secret is rotated without an outage: if Entra ID says that the first is
// bad, the Source tries the next.
func ExampleInOrder() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	app := srv.Tenant().AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	added := app.AddSecret(0)
	app.RemoveSecret(app.Secret)

	cfg := &tokensource.Config{
		Tenant:     "contoso.onmicrosoft.com",
		ClientID:   app.ClientID,
		Credential: tokensource.InOrder(tokensource.Secret(app.Secret), tokensource.Secret(added)),
		Cloud:      srv.Cloud(),
		HTTPClient: srv.HTTPClient(),
	}
	token, err := cfg.ClientCredentials().Token()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Valid())
	// Output: true
}

// A program outside of Azure, such as a GitHub Actions job, proves itself with
// a token from an identity provider that the app registration trusts.
func ExampleAssertion() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	provider := srv.AddIssuer("actions")
	app := srv.Tenant().AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	app.AddFederatedCredential(provider.URL, "repo:contoso/mail", "")

	cfg := &tokensource.Config{
		Tenant:   "contoso.onmicrosoft.com",
		ClientID: app.ClientID,
		Credential: tokensource.Assertion(func(ctx context.Context) (string, error) {
			return provider.Token("repo:contoso/mail", "", 0), nil // asked for, under ctx
		}),
		Cloud:      srv.Cloud(),
		HTTPClient: srv.HTTPClient(),
	}
	token, err := cfg.ClientCredentials().Token()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Valid())
	// Output: true
}

// A vault knows when a secret expires. The Source logs a warning in time.
func ExampleSecretFunc() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	app := srv.Tenant().AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	fromVault := func(context.Context) (string, time.Time, error) {
		return app.Secret, time.Now().AddDate(0, 6, 0), nil
	}

	cfg := &tokensource.Config{
		Tenant:     srv.Tenant().ID,
		ClientID:   app.ClientID,
		Credential: tokensource.SecretFunc(fromVault),
		HTTPClient: srv.HTTPClient(),
	}
	token, err := cfg.ClientCredentials().Token()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Valid())
	// Output: true
}

// On a virtual machine, in App Service or Functions, or on a server that Azure
// Arc manages, the program needs no credential.
func ExampleManagedIdentity() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	identity := srv.Tenant().AddManagedIdentity("invoices", exchangetest.IMAPAccessAsApp)
	machine := srv.AddHost(exchangetest.VM, identity)

	source := tokensource.ManagedIdentity(tokensource.ManagedIdentityOptions{
		ClientID:   identity.ClientID,
		HTTPClient: machine.HTTPClient(),
	})
	token, err := source.Token()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Valid())
	// Output: true
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
		fmt.Println("try again later:", refusal.Retryable())
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

// A mail server has refused the token. The next call fetches another one,
// unless this one was fetched less than a minute ago.
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
		// Ask MSAL, azidentity or a vault here, with ctx.
		return "an access token", time.Now().Add(time.Hour), nil
	})
	token, err := source.Token()
	fmt.Println(token.AccessToken, err)
	// Output: an access token <nil>
}
