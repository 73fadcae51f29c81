package exchangetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/signinpage"
	"github.com/exoauth/exoauth/exchangetest/internal/web"
)

// A Browser stands for a person at a browser: it fills in the pages of Entra ID
// as a user would. It keeps cookies, so it signs in only once. It is not safe
// for concurrent use.
type Browser struct {
	// User is the user who signs in.
	User *User

	// Password is the password that is typed. Empty means the user's first
	// password.
	Password string

	// Cancel makes the user cancel on the first page, and Decline makes the
	// user refuse to consent.
	Cancel, Decline bool

	srv    *Server
	client *http.Client
}

// Browser returns a browser for the user, who signs in, approves a second
// factor and consents to everything.
func (s *Server) Browser(user *User) *Browser {
	jar, err := cookiejar.New(nil)
	must(err)
	client := s.HTTPClient()
	client.Jar = jar
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Browser{User: user, srv: s, client: client}
}

// A landing is where the pages led in the end.
type landing struct {
	uri    string
	post   bool
	values url.Values
}

// Authorize opens the URL of an authorization or admin consent request and
// returns the answer for the application's redirect URI, without opening that.
// It returns an error if Entra ID shows one only to the user.
func (b *Browser) Authorize(ctx context.Context, url string) (url.Values, error) {
	l, err := b.visit(ctx, url, "")
	if err != nil {
		return nil, err
	}
	return l.values, nil
}

// Open opens the URL and finally the redirect URI. Pass it to an interactive
// client as the function that opens a browser.
func (b *Browser) Open(ctx context.Context, url string) error {
	l, err := b.visit(ctx, url, "")
	if err != nil {
		return err
	}
	method, body := http.MethodGet, ""
	if l.post {
		method, body = http.MethodPost, l.values.Encode()
	}
	resp, err := b.send(ctx, method, l.uri, body)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// EnterCode enters the user code of the device code flow.
func (b *Browser) EnterCode(ctx context.Context, userCode string) error {
	_, err := b.visit(ctx, b.srv.Cloud().Authority+"/common/oauth2/deviceauth", userCode)
	return err
}

func (b *Browser) send(ctx context.Context, method, uri, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, uri, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return b.client.Do(req)
}

// visit goes from page to page.
func (b *Browser) visit(ctx context.Context, uri, userCode string) (*landing, error) {
	method, body := http.MethodGet, ""
	for range 10 {
		resp, err := b.send(ctx, method, uri, body)
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(io.LimitReader(resp.Body, web.MaxForm))
		resp.Body.Close()
		if err != nil {
			return nil, err
		}
		if to, err := resp.Location(); err == nil {
			if to.Host != resp.Request.URL.Host {
				return landed(to), nil
			}
			method, uri, body = http.MethodGet, to.String(), ""
			continue
		}
		f := signinpage.Parse(string(text))
		switch f.Step {
		case "":
			return &landing{}, problem(f)
		case "post":
			return &landing{f.Action, true, f.Values}, nil
		}
		if err := b.fill(f, userCode); err != nil {
			return nil, err
		}
		next, err := resp.Request.URL.Parse(f.Action)
		if err != nil {
			return nil, err
		}
		method, uri, body = http.MethodPost, next.String(), f.Values.Encode()
	}
	return nil, errors.New("exchangetest: Browser: the pages do not end")
}

func landed(to *url.URL) *landing {
	values := to.Query()
	if to.Fragment != "" {
		values, _ = url.ParseQuery(to.Fragment)
	}
	return &landing{uri: to.String(), values: values}
}

// problem returns what a page says is wrong, which is nothing if all is done.
func problem(f *signinpage.Form) error {
	if f.Problem == "" {
		return nil
	}
	return fmt.Errorf("exchangetest: Browser: %s", f.Problem)
}

// fill fills in a form. A page that has found something wrong with what was
// filled in ends the visit.
func (b *Browser) fill(f *signinpage.Form, userCode string) error {
	if err := problem(f); err != nil {
		return err
	}
	action := map[string]string{"signin": "signin", "mfa": "mfa", "consent": "accept", "code": "code"}[f.Step]
	switch {
	case b.Cancel && f.Step != "code":
		action = "cancel"
	case b.Decline && f.Step == "consent":
		action = "decline"
	}
	f.Values.Set("action", action)
	switch f.Step {
	case "signin":
		password := b.Password
		if password == "" {
			password = b.User.Password
		}
		f.Values.Set("login", b.User.UPN)
		f.Values.Set("passwd", password)
	case "code":
		f.Values.Set("otc", userCode)
	}
	return nil
}

// Format implements [fmt.Formatter] to leave out the password, for every verb.
func (b *Browser) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "Browser{%v}", b.User)
}
