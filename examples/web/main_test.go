package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/tokensource"
)

// Each user signs in once, and sees no mailbox but their own.
func TestDemo(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, func(string) string { return "" }); err != nil {
		t.Fatal(err)
	}
	const want = `No settings: this runs against an Exchange Online in this process.
For a real mailbox set EXO_TENANT, EXO_CLIENT_ID and EXO_CLIENT_SECRET.
adele@contoso.com signs in at login.microsoftonline.com
adele@contoso.com: messages in INBOX: 1
adele@contoso.com: messages in INBOX: 1
adele@contoso.com: signed out
megan@contoso.com signs in at login.microsoftonline.com
megan@contoso.com: messages in INBOX: 2
megan@contoso.com: messages in INBOX: 2
megan@contoso.com: signed out
`
	if out.String() != want {
		t.Errorf("output:\n%s", &out)
	}
}

// Who has signed out is sent to sign in again.
func TestSignOut(t *testing.T) {
	a := &app{config: tokensource.Config{Tenant: "contoso.com", ClientID: "11111111-2222-3333-4444-555555555555", Cache: new(table)}}
	web := httptest.NewRecorder()
	form := httptest.NewRequest("POST", "/sign-out?user=adele@contoso.com", nil)
	a.handler().ServeHTTP(web, form)
	if web.Code != http.StatusOK {
		t.Errorf("status %d: %s", web.Code, web.Body)
	}
	if _, err := a.configOf("adele@contoso.com").SignedIn().Token(); !errors.Is(err, tokensource.ErrInteractionRequired) {
		t.Error(err)
	}
}

func TestAnswerToAnotherBrowser(t *testing.T) {
	web := httptest.NewRecorder()
	new(app).handler().ServeHTTP(web, httptest.NewRequest("GET", "/signed-in?code=a&state=b", nil))
	if web.Code != http.StatusForbidden {
		t.Errorf("status %d", web.Code)
	}
}

// never connects, so that it is the token that fails.
func never(ctx context.Context, _, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestSettingThatIsMissing(t *testing.T) {
	a := &app{
		config: tokensource.Config{ClientID: "11111111-2222-3333-4444-555555555555", Cache: new(table)},
		dialer: func(source *tokensource.Source) *imapdial.Dialer {
			return &imapdial.Dialer{TokenSource: source, DialContext: never}
		},
	}
	web := httptest.NewRecorder()
	a.handler().ServeHTTP(web, httptest.NewRequest("GET", "/?user=adele@contoso.com", nil))
	if web.Code != http.StatusBadGateway || !strings.Contains(web.Body.String(), "Tenant") {
		t.Errorf("status %d: %s", web.Code, web.Body)
	}
}
