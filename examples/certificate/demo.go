package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/tokensource"
)

// startDemo starts an Exchange Online with a mailbox, and an application with a
// certificate that may open it. The certificate is in the file that it returns.
func startDemo(config *tokensource.Config, dialer *imapdial.Dialer, mailbox *string) (*exchangetest.Server, string) {
	server := exchangetest.NewServer()
	contoso := server.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	box := contoso.AddMailbox("invoices@contoso.com")
	box.Append("INBOX", []byte("From: accounts@example.com\r\nSubject: Invoice 4711\r\n\r\nAttached.\r\n"))
	contoso.Grant(app, box.Address)
	certificate, file := newCertificate()
	app.AddCertificate(certificate)

	*mailbox = box.Address
	config.Tenant, config.ClientID = contoso.ID, app.ClientID
	config.Cloud, config.HTTPClient = server.Cloud(), server.HTTPClient()
	dialer.Addr, dialer.TLSConfig = server.Cloud().IMAP, server.TLSConfig()
	return server, file
}

// newCertificate makes what openssl req -x509 -newkey rsa:2048 -nodes does.
func newCertificate() (*x509.Certificate, string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Invoices"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(err)
	certificate, err := x509.ParseCertificate(der)
	check(err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	check(err)

	f, err := os.CreateTemp("", "certificate-*.pem") // for its owner's eyes alone
	check(err)
	defer f.Close()
	check(pem.Encode(f, &pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	check(pem.Encode(f, &pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return certificate, f.Name()
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
