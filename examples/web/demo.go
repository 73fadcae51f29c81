package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/tokensource"
)

// run serves the application, or shows it where there are no settings.
func run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	tenant, id, secret := getenv("EXO_TENANT"), getenv("EXO_CLIENT_ID"), getenv("EXO_CLIENT_SECRET")
	if tenant == "" && id == "" && secret == "" {
		fmt.Fprintln(out, "No settings: this runs against an Exchange Online in this process.\nFor a real mailbox set EXO_TENANT, EXO_CLIENT_ID and EXO_CLIENT_SECRET.")
		return demo(ctx, out)
	}
	a := &app{
		config: tokensource.Config{
			Tenant: tenant, ClientID: id, Credential: tokensource.Secret(secret), Cache: new(table),
		},
		dialer:  func(source *tokensource.Source) *imapdial.Dialer { return &imapdial.Dialer{TokenSource: source} },
		address: "http://localhost:8080",
	}
	fmt.Fprintln(out, "open", a.address+"/?user=… with the user's address; Ctrl-C ends")
	web := &http.Server{Addr: "localhost:8080", Handler: a.handler(), BaseContext: func(net.Listener) context.Context { return ctx }}
	defer context.AfterFunc(ctx, func() { web.Close() })()
	if err := web.ListenAndServe(); ctx.Err() == nil {
		return err
	}
	return nil
}

// demo has two users visit the application twice each, and sign out.
func demo(ctx context.Context, out io.Writer) error {
	server := exchangetest.NewServer()
	defer server.Close()
	registered := server.Tenant().AddApp("Web mail")
	a := &app{config: tokensource.Config{
		Tenant: server.Tenant().ID, ClientID: registered.ClientID, Credential: tokensource.Secret(registered.Secret),
		HTTPClient: server.HTTPClient(), Cache: new(table),
	}}
	a.dialer = func(source *tokensource.Source) *imapdial.Dialer {
		return &imapdial.Dialer{TokenSource: source, DialContext: server.DialContext, TLSConfig: server.TLSConfig()}
	}
	web := httptest.NewServer(a.handler())
	defer web.Close()
	a.address = web.URL
	registered.AddRedirectURI(exchangetest.Web, a.address+"/signed-in")

	for i, name := range []string{"adele@contoso.com", "megan@contoso.com"} {
		user := server.Tenant().AddUser(name)
		for range i + 1 {
			user.Mailbox.Append("INBOX", []byte("Subject: Hello\r\n\r\nHello!\r\n"))
		}
		if err := visitTwice(ctx, out, web, server.Browser(user)); err != nil {
			return err
		}
	}
	return nil
}

// visitTwice signs in at the first visit, because the application sends the
// browser to Entra ID; at the second one there is no need. Then it signs out.
func visitTwice(ctx context.Context, out io.Writer, web *httptest.Server, browser *exchangetest.Browser) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if "http://"+r.URL.Host != web.URL {
			return http.ErrUseLastResponse // the browser of exchangetest goes on from here
		}
		return nil
	}}
	home := web.URL + "/?user=" + browser.User.UPN
	first, err := client.Get(home)
	if err != nil {
		return err
	}
	first.Body.Close()
	entra, err := first.Location()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s signs in at %s\n", browser.User.UPN, entra.Host)
	answer, err := browser.Authorize(ctx, entra.String())
	if err != nil {
		return err
	}
	for _, address := range []string{web.URL + "/signed-in?" + answer.Encode(), home} {
		if err := show(out)(client.Get(address)); err != nil {
			return err
		}
	}
	return show(out)(client.PostForm(web.URL+"/sign-out", url.Values{"user": {browser.User.UPN}}))
}

// show copies a page.
func show(out io.Writer) func(*http.Response, error) error {
	return func(page *http.Response, err error) error {
		if err != nil {
			return err
		}
		defer page.Body.Close()
		_, err = io.Copy(out, page.Body)
		return err
	}
}
