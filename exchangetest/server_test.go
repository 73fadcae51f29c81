package exchangetest

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest/internal/guid"
	"github.com/exoauth/exoauth/exchangetest/internal/pki"
	"github.com/exoauth/exoauth/exchangetest/internal/tokenkey"
)

func TestDialContext(t *testing.T) {
	w := newWorld(t)
	imap := "* OK The Microsoft Exchange IMAP4 service is ready. " + greetingHost
	for _, cloud := range exoauth.Clouds() {
		for _, addr := range []string{cloud.IMAP, strings.ToUpper(cloud.IMAP), "imap-mail.outlook.com:993"} {
			c := w.dial(t, addr)
			host, _, _ := net.SplitHostPort(addr)
			c.startTLS(w.Server, host)
			c.want(imap)
		}
		for _, addr := range []string{cloud.SMTP, "smtp-mail.outlook.com:587"} {
			c := w.dial(t, addr)
			c.read()
			c.send("STARTTLS")
			c.want("220 2.0.0 SMTP server ready")
			host, _, _ := net.SplitHostPort(addr)
			c.startTLS(w.Server, host)
		}
	}
	other := listen(freePort)
	defer other.Close()
	conn, err := w.DialContext(t.Context(), "tcp", other.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := conn.RemoteAddr().String(); got != other.Addr().String() {
		t.Errorf("%s was dialled in place of %s", got, other.Addr())
	}
}

func TestHTTPClientClouds(t *testing.T) {
	w := newWorld(t)
	for _, cloud := range append(exoauth.Clouds(), w.Cloud()) {
		resp, err := w.HTTPClient().PostForm(cloud.Authority+"/contoso.com/oauth2/v2.0/token", w.form())
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("%s: %s", cloud.Authority, resp.Status)
		}
	}
}

func TestTLS(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct {
		name string
		edit func(*tls.Config)
		want string // in the error
	}{
		{"by address", func(c *tls.Config) { c.ServerName = "127.0.0.1" }, ""},
		{"by IPv6 address", func(c *tls.Config) { c.ServerName = "::1" }, ""},
		{"localhost", func(c *tls.Config) { c.ServerName = "localhost" }, ""},
		{"TLS 1.2", func(c *tls.Config) { c.ServerName, c.MaxVersion = "localhost", tls.VersionTLS12 }, ""},
		{"TLS 1.1", func(c *tls.Config) {
			c.ServerName, c.MinVersion, c.MaxVersion = "localhost", tls.VersionTLS10, tls.VersionTLS11
		}, "protocol version"},
		{"another name", func(c *tls.Config) { c.ServerName = "mail.example.com" }, "not mail.example.com"},
		{"somebody else's trust", func(c *tls.Config) {
			*c = tls.Config{ServerName: "localhost", RootCAs: pki.New(nil).ClientConfig().RootCAs}
		}, "certificate"},
	} {
		t.Run(row.name, func(t *testing.T) {
			config := w.TLSConfig()
			row.edit(config)
			conn, err := tls.Dial("tcp", w.Cloud().IMAP, config)
			if err == nil {
				conn.Close()
			}
			if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want %q", err, row.want)
			}
		})
	}
}

// What is logged and recorded, and how an App prints, contains no secret.
func TestNoSecrets(t *testing.T) {
	var log bytes.Buffer
	s := NewUnstartedServer()
	s.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.Start()
	w := &world{Server: s, tenant: s.Tenant(), app: s.Tenant().AddApp("Invoices", IMAPAccessAsApp)}
	w.mailbox = w.tenant.AddMailbox(shared)
	token := w.app.Token(nil)
	w.post(t, "contoso.com", w.form())
	form := w.form()
	form.Set("client_secret", "MARKED-SECRET")
	w.post(t, "contoso.com", form)
	c := w.dialIMAP(t)
	c.send("A AUTHENTICATE XOAUTH2 "+xoauth2IR(shared, token), "B AUTHENTICATE XOAUTH2 "+xoauth2IR(shared, "MARKED-SECRET"), `C LOGIN user MARKED-SECRET`)
	c.want("A NO AUTHENTICATE failed.", "B NO AUTHENTICATE failed.", "C NO LOGIN failed.")
	m := w.dialSMTP(t)
	m.send("AUTH XOAUTH2 "+xoauth2IR(shared, "MARKED-SECRET"), "MARKED-SECRET")
	m.readReply()
	m.readReply()
	s.Close()
	out := log.String() + fmt.Sprintf("%v %+v %#v %s", w.app, w.app, w.app, w.app) + fmt.Sprintf("%+v %+v", w.Sessions(), w.Requests())
	for _, secret := range []string{w.app.Secret, token, strings.Split(token, ".")[2], "MARKED-SECRET", xoauth2IR(shared, "MARKED-SECRET")} {
		if strings.Contains(out, secret) {
			t.Errorf("%q is in the output", secret)
		}
	}
	if !strings.Contains(log.String(), "7000215") {
		t.Errorf("the refusal was not logged: %s", log.String())
	}
}

func mustPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
			t.Errorf("panic %q, want %q", got, want)
		}
	}()
	f()
}

func TestWrongUse(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct {
		name string
		call func()
		want string
	}{
		{"started twice", w.Start, "started or closed already"},
		{"clock backwards", func() { w.Advance(-1) }, "negative"},
		{"tenant without domain", func() { w.AddTenant() }, "without a domain"},
		{"domain twice", func() { w.AddTenant("CONTOSO.com") }, "belongs to another tenant"},
		{"role that there is not", func() { w.tenant.AddApp("x", "Mail.Read") }, `no app role "Mail.Read"`},
		{"user of another domain", func() { w.tenant.AddUser("anna@example.com") }, "contoso.onmicrosoft.com or contoso.com"},
		{"no local part", func() { w.tenant.AddMailbox("@contoso.com") }, "not an address"},
		{"address twice", func() { w.tenant.AddUser("INVOICES@contoso.com") }, "already"},
		{"unknown secret", func() { w.app.RemoveSecret("x") }, "no such secret"},
		{"unknown folder", func() { w.mailbox.Append("Nowhere", nil) }, "Nowhere"},
		{"unknown folder read", func() { w.mailbox.Messages("Nowhere") }, "Nowhere"},
		{"folder twice", func() { w.mailbox.CreateFolder("INBOX") }, "INBOX"},
		{"folder removed twice", func() { w.mailbox.DeleteFolder("Nowhere") }, "Nowhere"},
		{"grant on no mailbox", func() { w.tenant.Grant(w.app, "nobody@contoso.com") }, "no mailbox"},
		{"user of another tenant", func() {
			u := w.AddTenant("fabrikam.com").AddUser("bert@fabrikam.com")
			w.app.Token(&TokenOptions{User: u})
		}, "another tenant"},
	} {
		t.Run(row.name, func(t *testing.T) { mustPanic(t, row.want, row.call) })
	}
}

func TestCmdletsRefuse(t *testing.T) {
	w := newWorld(t)
	fabrikam := w.AddTenant("fabrikam.com")
	for _, row := range []struct {
		name string
		err  error
		want string
	}{
		{"object id is a name", w.tenant.NewServicePrincipal(w.app.ClientID, "Invoices"), `"Invoices" is not a GUID`},
		{"registered twice", w.tenant.NewServicePrincipal(w.app.ClientID, w.app.ObjectID), "already"},
		{"object id twice", w.tenant.NewServicePrincipal(guid.New(), strings.ToUpper(w.app.ServicePrincipalID)), "already"},
		{"no such mailbox", w.tenant.AddMailboxPermission("nobody@contoso.com", w.app.ClientID), `no mailbox "nobody@contoso.com"`},
		{"mailbox of another tenant", fabrikam.AddMailboxPermission(shared, w.app.ClientID), "no mailbox"},
		{"no such trustee", w.tenant.AddRecipientPermission(shared, guid.New()), "New-ServicePrincipal first"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.err == nil || !strings.Contains(row.err.Error(), row.want) {
				t.Errorf("error %v, want %q", row.err, row.want)
			}
		})
	}
}

// Everything may be called from several goroutines.
func TestConcurrentUse(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			u := w.tenant.AddUser(fmt.Sprintf("user%d@contoso.com", i))
			app := w.tenant.AddApp("App", IMAPAccessAsApp)
			w.tenant.Grant(app, u.UPN)
			token := app.Token(nil)
			conn, err := tls.Dial("tcp", w.Cloud().IMAP, w.TLSConfig())
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			fmt.Fprintf(conn, "1 AUTHENTICATE XOAUTH2 %s\r\n2 LOGOUT\r\n", xoauth2IR(u.UPN, token))
			w.Advance(time.Second)
			u.Mailbox.Append("INBOX", []byte("\r\n"))
			w.do("Set-TransportConfig -SmtpClientAuthenticationDisabled $false; Set-CASMailbox " + u.UPN + " -SmtpClientAuthenticationDisabled $null")
			if out, err := io.ReadAll(conn); err != nil || !strings.Contains(string(out), "1 OK AUTHENTICATE completed.") {
				t.Errorf("%s %v", out, err)
			}
			w.Sessions()
			w.Requests()
			w.Sent()
		})
	}
	wg.Wait()
}

func TestUnknownPath(t *testing.T) {
	w := newWorld(t)
	resp, err := w.HTTPClient().Get(w.Cloud().Authority + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Error(resp.Status)
	}
}

func BenchmarkServerWith10Mailboxes(b *testing.B) {
	tokenkey.Public()
	for b.Loop() {
		s := NewServer()
		app := s.Tenant().AddApp("Invoices", IMAPAccessAsApp)
		for i := range 10 {
			m := s.Tenant().AddMailbox(fmt.Sprintf("box%d@contoso.com", i))
			s.Tenant().Grant(app, m.Address)
		}
		s.Close()
	}
}

func BenchmarkIMAPSession(b *testing.B) {
	w := newWorld(b)
	ir := xoauth2IR(shared, w.app.Token(nil))
	for b.Loop() {
		conn, err := tls.Dial("tcp", w.Cloud().IMAP, w.TLSConfig())
		if err != nil {
			b.Fatal(err)
		}
		fmt.Fprintf(conn, "1 AUTHENTICATE XOAUTH2 %s\r\n2 NAMESPACE\r\n3 LOGOUT\r\n", ir)
		if out, err := io.ReadAll(conn); err != nil || !bytes.Contains(out, []byte("2 OK")) {
			b.Fatalf("%s %v", out, err)
		}
		conn.Close()
	}
}
