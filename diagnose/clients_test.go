package diagnose_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/diagnose"
	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokensource"
	"github.com/exoauth/exoauth/xoauth2"
)

// What the libraries themselves say where they do not tell what the server
// said. Each error comes from the library.
func TestClients(t *testing.T) {
	for _, test := range []struct {
		name string
		fail func(*testing.T, *exchangetest.Server) error
		want string
	}{
		{"go-imap, reason in brackets", bracketedReason, "reason-unreadable"},
		{"go-imap, goodbye", goodbye, "dropped"},
		{"go-imap, no name for TLS", noServerName, "tls-name"},
		{"crypto/tls on port 587", tlsOnSubmission, "starttls-port"},
		{"net/smtp, no AUTH", noAuth, "no-auth"},
		{"go-sasl, a challenge", challenged, "challenge"},
		{"x/oauth2, no refresh token", noRefreshToken, "no-refresh-token"},
		{"x/oauth2, HTML", signInPage("text/html", "<html>Log in to the network</html>"), "sign-in-host"},
		{"x/oauth2, no token", signInPage("application/json", "{}"), "sign-in-host"},
		{"tokensource, nobody signed in", nobodySignedIn, "nobody-signed-in"},
		{"managed identity, none", noIdentity, "no-identity"},
		{"managed identity, nobody answers", noIdentityHost, "not-in-azure"},
		{"managed identity, no network", noNetwork, "not-in-azure"},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv := exchangetest.NewServer()
			defer srv.Close()
			err := test.fail(t, srv)
			if err == nil {
				t.Fatal("nothing failed")
			}
			findings := diagnose.Explain(err, diagnose.Subject{})
			if len(findings) == 0 || findings[0].Rule != test.want {
				t.Fatalf("%v: %v, want %s", err, findings, test.want)
			}
			checkFinding(t, findings[0])
			if again := diagnose.ExplainLine(err.Error(), diagnose.Subject{}); len(again) == 0 || again[0].Rule != test.want {
				t.Errorf("as a line: %v", again)
			}
		})
	}
}

func loggedIn(t *testing.T, srv *exchangetest.Server, c *imapclient.Client) error {
	t.Helper()
	t.Cleanup(func() { c.Close() })
	app := srv.Tenant().AddApp("Invoices", allRoles...)
	srv.Tenant().AddMailbox(mailbox)
	srv.Tenant().Grant(app, mailbox)
	return c.Authenticate(xoauth2.NewClient(mailbox, app.Token(nil)))
}

func dialIMAP(t *testing.T, srv *exchangetest.Server) *imapclient.Client {
	t.Helper()
	c, err := imapclient.DialTLS(srv.Cloud().IMAP, &imapclient.Options{TLSConfig: srv.TLSConfig()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func bracketedReason(t *testing.T, srv *exchangetest.Server) error {
	srv.Inject(exchangetest.Fault{At: exchangetest.AtIMAP, Command: "AUTHENTICATE", Reply: `{tag} NO [Error="AuthFailed:LogonDenied-None"] AUTHENTICATE failed.`})
	return loggedIn(t, srv, dialIMAP(t, srv))
}

func goodbye(t *testing.T, srv *exchangetest.Server) error {
	c := dialIMAP(t, srv)
	if err := loggedIn(t, srv, c); err != nil {
		t.Fatal(err)
	}
	srv.Inject(exchangetest.Fault{At: exchangetest.AtIMAP, Command: "SELECT", Reply: "* BYE Session invalidated - AccessTokenExpired", Drop: true})
	_, err := c.Select("INBOX", nil).Wait()
	return err
}

func noServerName(t *testing.T, srv *exchangetest.Server) error {
	conn := dialTCP(t, srv.Cloud().IMAP)
	return tls.Client(conn, &tls.Config{MinVersion: tls.VersionTLS12}).Handshake()
}

func tlsOnSubmission(t *testing.T, srv *exchangetest.Server) error {
	_, err := tls.Dial("tcp", srv.Cloud().SMTP, srv.TLSConfig())
	return err
}

func dialTCP(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func noAuth(t *testing.T, srv *exchangetest.Server) error {
	srv.Inject(exchangetest.Fault{At: exchangetest.AtSMTP, Command: "EHLO", Reply: "250-contoso-com.mail.protection.outlook.com Hello\n250 SIZE 157286400"})
	auth := xoauth2.SMTPAuth(mailbox, oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token"}))
	return smtp.SendMail(srv.Cloud().SMTP, auth, mailbox, []string{adele}, nil)
}

func challenged(t *testing.T, srv *exchangetest.Server) error {
	_, err := sasl.NewPlainClient("", mailbox, "password").Next([]byte(`{"status":"400"}`))
	return err
}

func noRefreshToken(*testing.T, *exchangetest.Server) error {
	old := &oauth2.Token{AccessToken: "token", Expiry: time.Now().Add(-time.Hour)}
	_, err := new(oauth2.Config).TokenSource(context.Background(), old).Token()
	return err
}

func signInPage(kind, body string) func(*testing.T, *exchangetest.Server) error {
	return func(t *testing.T, _ *exchangetest.Server) error {
		host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			io.WriteString(w, body)
		}))
		t.Cleanup(host.Close)
		c := oauth2.Config{ClientID: clientID, Endpoint: oauth2.Endpoint{TokenURL: host.URL, AuthStyle: oauth2.AuthStyleInParams}}
		_, err := c.Exchange(t.Context(), "code")
		return err
	}
}

func nobodySignedIn(t *testing.T, _ *exchangetest.Server) error {
	config := tokensource.Config{Tenant: "contoso.com", ClientID: clientID, Cache: tokencache.Dir(t.TempDir()), CacheKey: "adele"}
	_, err := config.Resume().TokenContext(t.Context())
	return err
}

func noIdentity(t *testing.T, srv *exchangetest.Server) error {
	host := srv.AddHost(exchangetest.VM)
	_, err := tokensource.ManagedIdentity(tokensource.ManagedIdentityOptions{HTTPClient: host.HTTPClient()}).TokenContext(t.Context())
	return err
}

// withoutHost gets a token of a managed identity where the address of its host
// cannot be reached.
func withoutHost(t *testing.T, why error) error {
	hc := &http.Client{Transport: &http.Transport{DialContext: func(_ context.Context, network, _ string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: &net.TCPAddr{IP: net.IPv4(169, 254, 169, 254), Port: 80}, Err: why}
	}}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second) // no time for another try
	defer cancel()
	_, err := tokensource.ManagedIdentity(tokensource.ManagedIdentityOptions{HTTPClient: hc}).TokenContext(ctx)
	return err
}

func noIdentityHost(t *testing.T, _ *exchangetest.Server) error {
	return withoutHost(t, errors.New("i/o timeout"))
}

func noNetwork(t *testing.T, _ *exchangetest.Server) error {
	return withoutHost(t, syscall.EHOSTUNREACH)
}
