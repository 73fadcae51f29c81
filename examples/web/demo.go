package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/settings"
	"github.com/exoauth/exoauth/tokensource"
)

// run serves the application, or shows it where there are no settings.
func run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	s := settings.FromEnv(getenv)
	if s.IsZero() {
		fmt.Fprintln(out, "No settings: this runs against an Exchange Online in this process.\nFor a real mailbox set EXO_TENANT, EXO_CLIENT_ID and EXO_CLIENT_SECRET.")
		return demo(ctx, out)
	}
	s.Cache = newTable()
	config, err := s.Config()
	if err != nil {
		return err
	}
	cloud, trust := s.Servers()
	a := newApp(*config, func(source *tokensource.Source) *imapdial.Dialer {
		return &imapdial.Dialer{TokenSource: source, Addr: cloud.IMAP, TLSConfig: trust}
	})
	port := cmp.Or(getenv("EXO_PORT"), "8080")
	a.address = "http://localhost:" + port
	listeners, err := listen(port)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "open", a.address+"; Ctrl-C ends")
	return serve(ctx, a.handler(), listeners)
}

// demo has two users visit the application twice each, and sign out.
func demo(ctx context.Context, out io.Writer) error {
	server := exchangetest.NewServer()
	defer server.Close()
	a, web := demoApp(server)
	defer web.Close()
	for i, name := range []string{"adele@contoso.com", "megan@contoso.com"} {
		user := server.Tenant().AddUser(name)
		for range i + 1 {
			user.Mailbox.Append("INBOX", []byte("Subject: Hello\r\n\r\nHello!\r\n"))
		}
		if err := visitTwice(ctx, out, a.address, server.Browser(user)); err != nil {
			return err
		}
	}
	return nil
}

// demoApp returns an application that uses a server in this process.
func demoApp(server *exchangetest.Server) (*app, *httptest.Server) {
	registered := server.Tenant().AddApp("Web mail")
	a := newApp(tokensource.Config{
		Tenant: server.Tenant().ID, ClientID: registered.ClientID, Credential: tokensource.Secret(registered.Secret),
		HTTPClient: server.HTTPClient(), Cache: newTable(),
	}, func(source *tokensource.Source) *imapdial.Dialer {
		return &imapdial.Dialer{TokenSource: source, DialContext: server.DialContext, TLSConfig: server.TLSConfig()}
	})
	web := httptest.NewServer(a.handler())
	a.address = web.URL
	registered.AddRedirectURI(exchangetest.Web, a.address+"/signed-in")
	return a, web
}

// visitTwice signs in, and opens the mailbox again with the tokens that are
// stored. Then it signs out.
func visitTwice(ctx context.Context, out io.Writer, home string, browser *exchangetest.Browser) error {
	client, err := newClient(home)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, browser.User.UPN, "signs in")
	signedIn, err := signIn(ctx, client, home, browser)
	if err != nil {
		return err
	}
	again, err := client.Get(home)
	if err != nil {
		return err
	}
	signedOut, err := client.PostForm(home+"/sign-out", nil)
	if err != nil {
		return err
	}
	for _, answer := range []*http.Response{signedIn, again, signedOut} {
		fmt.Fprintln(out, sentence(answer))
	}
	return nil
}

// newClient returns a browser that follows no redirects to other sites.
func newClient(home string) (*http.Client, error) {
	jar, err := cookiejar.New(nil)
	return &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if "http://"+r.URL.Host != home {
			return http.ErrUseLastResponse // the browser of exchangetest goes on from here
		}
		return nil
	}}, err
}

// signIn presses the button, fills in the pages of Entra ID and comes back.
func signIn(ctx context.Context, client *http.Client, home string, browser *exchangetest.Browser) (*http.Response, error) {
	pressed, err := client.PostForm(home+"/sign-in", nil)
	if err != nil {
		return nil, err
	}
	pressed.Body.Close()
	entra, err := pressed.Location()
	if err != nil {
		return nil, err
	}
	answer, err := browser.Authorize(ctx, entra.String())
	if err != nil {
		return nil, err
	}
	return client.Get(home + "/signed-in?" + answer.Encode())
}

// sentence returns the text of a page.
func sentence(answer *http.Response) string {
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err.Error()
	}
	_, text, _ := strings.Cut(string(body), "<p>")
	text, _, _ = strings.Cut(text, "</p>")
	return text
}
