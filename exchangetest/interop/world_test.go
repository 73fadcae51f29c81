package interop

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
)

const (
	shared = "invoices@contoso.com"
	upn    = "adele@contoso.com"
)

// A world is a server with an app that may do everything and a user.
type world struct {
	*exchangetest.Server
	tenant *exchangetest.Tenant
	app    *exchangetest.App
	user   *exchangetest.User
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOf(t, exchangetest.NewServer())
}

func newWorldOf(t testing.TB, srv *exchangetest.Server) *world {
	t.Helper()
	t.Cleanup(srv.Close)
	w := &world{Server: srv, tenant: srv.Tenant()}
	w.app = w.tenant.AddApp("Invoices", exchangetest.IMAPAccessAsApp, exchangetest.SMTPSendAsApp, exchangetest.POPAccessAsApp)
	w.tenant.AddMailbox(shared)
	w.tenant.Grant(w.app, shared)
	w.user = w.tenant.AddUser(upn)
	w.app.SetPublicFlows(true)
	w.app.AddRedirectURI(exchangetest.Desktop, "http://localhost")
	return w
}

var (
	appScopes  = []string{"https://outlook.office365.com/.default"}
	userScopes = []string{"https://outlook.office.com/IMAP.AccessAsUser.All", "https://outlook.office.com/SMTP.Send"}
)

// production is an authority as a program for production has it; the server's
// HTTPClient leads it here.
func (w *world) production() string { return "https://login.microsoftonline.com/" + w.tenant.ID }

func certificate(t testing.TB) (*x509.Certificate, *rsa.PrivateKey) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "invoices"}, NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}
