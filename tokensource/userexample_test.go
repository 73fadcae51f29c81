package tokensource_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokensource"
)

// mailClient is an application for users, and one of them.
func mailClient() (*exchangetest.Server, *exchangetest.App, *exchangetest.User) {
	srv := exchangetest.NewServer()
	app, user := addMailClient(srv)
	return srv, app, user
}

// quickDevices is mailClient for device codes, without the wait between polls.
func quickDevices() (*exchangetest.Server, *exchangetest.App, *exchangetest.User) {
	srv := exchangetest.NewUnstartedServer()
	srv.DeviceInterval = 10 * time.Millisecond
	srv.Start()
	app, user := addMailClient(srv)
	return srv, app, user
}

func addMailClient(srv *exchangetest.Server) (*exchangetest.App, *exchangetest.User) {
	app := srv.Tenant().AddApp("Mail client")
	app.AddRedirectURI(exchangetest.Desktop, "http://localhost")
	app.SetPublicFlows(true)
	app.Consent(nil, exchangetest.IMAPAccessAsUser, exchangetest.SMTPSend)
	return app, srv.Tenant().AddUser("adele@contoso.com")
}

// The user signs in with the system's browser. In this example, Open stands in
// for the browser; a program leaves it nil.
func ExampleConfig_AuthCode() {
	srv, app, adele := mailClient()
	defer srv.Close()

	cfg := &tokensource.Config{
		Tenant:     "organizations", // whichever the user is of
		ClientID:   app.ClientID,
		Cloud:      srv.Cloud(),
		HTTPClient: srv.HTTPClient(),
	}
	source := cfg.AuthCode(tokensource.AuthCodeOptions{
		LoginHint: "adele@contoso.com",
		Open:      srv.Browser(adele).Open,
	})
	token, err := source.TokenContext(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Type(), token.Valid())
	// Output: Bearer true
}

// A web application has two handlers: one begins the sign-in, the other
// completes it. In this example, a map stands in for its sessions.
func ExampleConfig_AuthCodeURL() {
	srv, app, adele := mailClient()
	defer srv.Close()
	cfg := &tokensource.Config{
		Tenant:     "organizations",
		ClientID:   app.ClientID,
		Credential: tokensource.Secret(app.Secret),
		Cloud:      srv.Cloud(),
		HTTPClient: srv.HTTPClient(),
	}

	sessions := make(map[string]tokensource.SignIn)
	mux := http.NewServeMux()
	web := httptest.NewServer(mux)
	defer web.Close()
	app.AddRedirectURI(exchangetest.Web, web.URL+"/signed-in")

	mux.HandleFunc("GET /sign-in", func(w http.ResponseWriter, r *http.Request) {
		address, signIn, err := cfg.AuthCodeURL(tokensource.AuthCodeOptions{RedirectURL: web.URL + "/signed-in"})
		if err != nil {
			http.Error(w, "cannot sign in", http.StatusInternalServerError)
			return
		}
		sessions["of this browser"] = signIn
		http.Redirect(w, r, address, http.StatusFound)
	})
	mux.HandleFunc("GET /signed-in", func(w http.ResponseWriter, r *http.Request) {
		signIn := sessions["of this browser"]
		delete(sessions, "of this browser")
		source, err := cfg.Exchange(r.Context(), signIn, r.URL.Query())
		if err != nil {
			http.Error(w, "not signed in", http.StatusForbidden)
			return
		}
		token, err := source.TokenContext(r.Context())
		fmt.Println(token.Type(), err)
	})

	// The user follows the link.
	link, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Get(web.URL + "/sign-in")
	if err != nil {
		log.Fatal(err)
	}
	link.Body.Close()
	if err := srv.Browser(adele).Open(context.Background(), link.Header.Get("Location")); err != nil {
		log.Fatal(err)
	}
	// Output: Bearer <nil>
}

// A program without a browser shows code.Message and waits. In this example,
// the user signs in at once.
func ExampleConfig_DeviceCode() {
	srv, app, adele := quickDevices()
	defer srv.Close()
	cfg := &tokensource.Config{
		Tenant:     "contoso.onmicrosoft.com",
		ClientID:   app.ClientID,
		Cloud:      srv.Cloud(),
		HTTPClient: srv.HTTPClient(),
	}
	source := cfg.DeviceCode(func(ctx context.Context, code tokensource.DeviceCode) error {
		fmt.Println("the code has", len(code.UserCode), "characters")
		return srv.Browser(adele).EnterCode(ctx, code.UserCode)
	})
	token, err := source.Token()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Valid())
	// Output:
	// the code has 9 characters
	// true
}

// With a refresh token that another program has got, such as one in a setting.
// The first run uses it; the next run uses the one that the first has stored.
func ExampleConfig_RefreshToken() {
	srv, app, adele := mailClient()
	defer srv.Close()
	dir, err := os.MkdirTemp("", "tokens")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	token := refreshTokenOf(srv, app, adele)

	cfg := &tokensource.Config{
		Tenant:     "contoso.onmicrosoft.com",
		ClientID:   app.ClientID,
		Cloud:      srv.Cloud(),
		HTTPClient: srv.HTTPClient(),
		Cache:      tokencache.Dir(dir),
	}
	before := len(srv.Requests())
	for range 2 { // two runs
		access, err := cfg.RefreshToken(token).Token()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(access.Valid(), len(srv.Requests())-before)
	}
	// Output:
	// true 1
	// true 1
}

// A web API was called by a user's program, with a token for the API, and opens
// that user's mailbox.
func ExampleConfig_OnBehalfOf() {
	srv, app, adele := mailClient()
	defer srv.Close()
	// Authorization: Bearer …, checked by the API
	incoming := app.Token(&exchangetest.TokenOptions{User: adele, Audience: "api://" + app.ClientID})

	cfg := &tokensource.Config{
		Tenant:     "contoso.onmicrosoft.com",
		ClientID:   app.ClientID,
		Credential: tokensource.Secret(app.Secret),
		Cloud:      srv.Cloud(),
		HTTPClient: srv.HTTPClient(),
	}
	token, err := cfg.OnBehalfOf(incoming).Token()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Valid(), token.Extra("scope"))
	// Output: true https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send
}

// A password is the last resort, and multi-factor authentication ends it.
func ExampleConfig_Password() {
	srv, app, adele := mailClient()
	defer srv.Close()
	cfg := &tokensource.Config{
		Tenant:     "contoso.onmicrosoft.com",
		ClientID:   app.ClientID,
		Cloud:      srv.Cloud(),
		HTTPClient: srv.HTTPClient(),
	}
	token, err := cfg.Password("adele@contoso.com", adele.Password).Token()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Valid())

	adele.SetState(exchangetest.UserState{RequireMFA: true})
	_, err = cfg.Password("adele@contoso.com", adele.Password).Token()
	var refusal *tokensource.Error
	if errors.As(err, &refusal) {
		fmt.Println(refusal.AADSTS, errors.Is(err, tokensource.ErrInteractionRequired))
	}
	// Output:
	// true
	// [50076] true
}
