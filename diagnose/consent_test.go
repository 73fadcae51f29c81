package diagnose_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/diagnose"
	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokensource"
)

// The commands have to grant all that tokensource asks for, also where nobody
// says what that is: consent to half of it gives no token.
func TestConsentToDefaultScopes(t *testing.T) {
	server := exchangetest.NewServer()
	defer server.Close()
	app := server.Tenant().AddApp("Mail API")
	user := server.Tenant().AddUser(adele)
	config := &tokensource.Config{
		Tenant: "contoso.com", ClientID: app.ClientID, Credential: tokensource.Secret(app.Secret), HTTPClient: server.HTTPClient(),
	}
	call := app.Token(&exchangetest.TokenOptions{User: user, Audience: app.ClientID})

	_, err := config.OnBehalfOf(call).TokenContext(t.Context())
	if !errors.Is(err, tokensource.ErrInteractionRequired) {
		t.Fatal(err)
	}
	findings := diagnose.Explain(err, diagnose.Subject{})
	if len(findings) != 1 || findings[0].Rule != "no-consent" {
		t.Fatalf("findings %v", names(findings))
	}
	if _, err := server.Tenant().Admin(strings.Join(texts(findings[0]), "\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := config.OnBehalfOf(call).TokenContext(t.Context()); err != nil {
		t.Errorf("after the commands: %v", err)
	}
}
