package interop

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokensource"
)

// emulate returns an Entra ID of this process, a public client there, and
// somebody who can sign in.
func emulate(t *testing.T) (*exchangetest.Server, *tokensource.Config, person) {
	t.Helper()
	chromium := needChromium(t)
	srv := exchangetest.NewUnstartedServer()
	srv.DeviceInterval = 100 * time.Millisecond
	srv.Start()
	t.Cleanup(srv.Close)
	app := srv.Tenant().AddApp("Mail client")
	app.AddRedirectURI(exchangetest.Desktop, "http://localhost")
	app.SetPublicFlows(true)
	adele := srv.Tenant().AddUser("adele@contoso.com")
	adele.SetState(exchangetest.UserState{RequireMFA: true})
	config := &tokensource.Config{Cloud: srv.Cloud(), Tenant: srv.Tenant().ID, ClientID: app.ClientID, HTTPClient: srv.HTTPClient()}
	return srv, config, person{Chromium: chromium, User: adele.UPN, Password: adele.Password}
}

// Through the pages to sign in, for a second factor and to consent.
func TestEmulatorAuthCodeInBrowser(t *testing.T) {
	srv, config, adele := emulate(t)
	adele.Screenshot = os.Getenv("EXO_SCREENSHOT")
	end := make(chan screen, 1)
	source := config.AuthCode(tokensource.AuthCodeOptions{Open: func(_ context.Context, address string) error {
		adele.Address = address
		seen, err := adele.visit(t.Context())
		end <- seen
		return err
	}})
	wantToken(t, source)
	if seen := <-end; seen.Title != "You are signed in" || !strings.HasPrefix(seen.URL, "http://localhost:") || strings.Contains(seen.URL, "code") {
		t.Errorf("the person sees %+v", seen)
	}
	wantGrants(t, srv, "authorization_code")
}

// Somebody who cannot sign in: the page says why, and so does the error.
func TestEmulatorDeclinesInBrowser(t *testing.T) {
	srv, config, adele := emulate(t)
	end := make(chan screen, 1)
	adele.Decline = true
	source := config.AuthCode(tokensource.AuthCodeOptions{Open: func(_ context.Context, address string) error {
		adele.Address = address
		seen, err := adele.visit(t.Context())
		end <- seen
		return err
	}})
	_, err := source.TokenContext(t.Context())
	if e, ok := errors.AsType[*tokensource.Error](err); !ok || e.Code != "access_denied" || e.Retryable() {
		t.Errorf("error %v", err)
	}
	if seen := <-end; seen.Title != "The sign-in did not succeed" || !strings.Contains(seen.Text, "access_denied") {
		t.Errorf("the person sees %+v", seen)
	}
	wantGrants(t, srv)
}

// With the mouse, and with the keyboard alone: Enter goes on, from the field or the
// button that the page has focused.
func TestEmulatorDeviceCodeInBrowser(t *testing.T) {
	for name, keyboard := range map[string]bool{"mouse": false, "keyboard": true} {
		t.Run(name, func(t *testing.T) {
			srv, config, adele := emulate(t)
			adele.Keyboard = keyboard
			source := config.DeviceCode(func(_ context.Context, code tokensource.DeviceCode) error {
				adele.Address, adele.Code = code.VerificationURL, code.UserCode
				seen, err := adele.visit(t.Context())
				if !strings.Contains(seen.Title, "You have signed in") {
					t.Errorf("the person sees %+v", seen)
				}
				return err
			})
			wantToken(t, source)
			wantGrants(t, srv, "urn:ietf:params:oauth:grant-type:device_code")
		})
	}
}

func wantGrants(t *testing.T, srv *exchangetest.Server, want ...string) {
	t.Helper()
	var got []string
	for _, r := range srv.Requests() {
		got = append(got, r.Grant)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("token requests %q; want %q", got, want)
	}
}
