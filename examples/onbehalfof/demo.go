package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/tokensource"
)

// demo calls the API. All servers are in this process.
func demo(ctx context.Context, out io.Writer) error {
	server := exchangetest.NewServer()
	defer server.Close()
	app := server.Tenant().AddApp("Mail API")
	adele := server.Tenant().AddUser("adele@contoso.com")
	app.Consent(adele, exchangetest.IMAPAccessAsUser, exchangetest.SMTPSend)
	adele.Mailbox.Append("INBOX", []byte("Subject: Hello\r\n\r\nHello!\r\n"))
	a := demoAPI(server, app)

	call := httptest.NewRequestWithContext(ctx, http.MethodGet, "/?user="+adele.UPN, nil)
	call.Header.Set("Authorization", "Bearer "+app.Token(&exchangetest.TokenOptions{
		User: adele, Audience: "api://" + app.ClientID, Scopes: []string{scope},
	}))
	answer := httptest.NewRecorder()
	a.handler().ServeHTTP(answer, call)
	_, err := answer.Body.WriteTo(out)
	return err
}

// demoAPI returns an API that uses a server in this process.
func demoAPI(server *exchangetest.Server, app *exchangetest.App) *api {
	config := tokensource.Config{
		Tenant: "contoso.com", ClientID: app.ClientID, Credential: tokensource.Secret(app.Secret), HTTPClient: server.HTTPClient(),
	}
	return newAPI(config, func(source *tokensource.Source) *imapdial.Dialer {
		return &imapdial.Dialer{TokenSource: source, DialContext: server.DialContext, TLSConfig: server.TLSConfig()}
	})
}
