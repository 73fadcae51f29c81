package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/settings"
)

const mailbox = "invoices@contoso.com"

// demo opens a mailbox with each credential.
func demo(ctx context.Context, out io.Writer) error {
	server := exchangetest.NewServer()
	defer server.Close()
	dir, err := os.MkdirTemp("", "service")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, way := range ways(server) {
		fmt.Fprint(out, way.name, ": ")
		s := settings.Settings{Custom: server.Cloud(), RootCAs: server.TLSConfig().RootCAs}
		path := filepath.Join(dir, "credential")
		if err := os.WriteFile(path, way.file, 0o600); err != nil {
			return err
		}
		way.set(&s, path)
		if err := visit(ctx, out, s, mailbox); err != nil {
			return err
		}
	}
	return nil
}

// A way to prove who the program is, with the content of a file.
type way struct {
	name string
	file []byte
	set  func(s *settings.Settings, path string)
}

// ways makes a mailbox, and who may open it.
func ways(server *exchangetest.Server) []way {
	contoso, cluster := server.Tenant(), server.AddIssuer("cluster")
	contoso.AddMailbox(mailbox).Append("INBOX", []byte("From: accounts@example.com\r\nSubject: Invoice 4711\r\n\r\nAttached.\r\n"))
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	contoso.Grant(app, mailbox)
	identity := contoso.AddManagedIdentity("invoices", exchangetest.IMAPAccessAsApp)
	contoso.Grant(identity, mailbox)

	certificate, text := newCertificate()
	app.AddCertificate(certificate)
	const serviceAccount = "system:serviceaccount:mail:reader"
	app.AddFederatedCredential(cluster.URL, serviceAccount, "")
	of := func(s *settings.Settings) { s.Tenant, s.ClientID = contoso.ID, app.ClientID }
	return []way{
		{"secret", []byte(app.Secret), func(s *settings.Settings, path string) { of(s); s.ClientSecretFile = path }},
		{"certificate", text, func(s *settings.Settings, path string) { of(s); s.CertificateFile = path }},
		{"workload identity", []byte(cluster.Token(serviceAccount, "", 0)), func(s *settings.Settings, path string) { of(s); s.FederatedTokenFile = path }},
		{"managed identity", nil, func(s *settings.Settings, _ string) {
			for name, value := range server.AddHost(exchangetest.AppService, identity).Env() {
				check(os.Setenv(name, value)) // as App Service does
			}
			s.ManagedIdentity = identity.ClientID
		}},
	}
}

// newCertificate makes what openssl req -x509 -newkey rsa:2048 -nodes does.
func newCertificate() (*x509.Certificate, []byte) {
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
	var text bytes.Buffer
	check(pem.Encode(&text, &pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	check(pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return certificate, text.Bytes()
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
