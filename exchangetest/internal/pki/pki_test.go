package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// handshake returns what the client makes of the server, and what certificates
// that has shown.
func handshake(t *testing.T, server, client *tls.Config) ([]*x509.Certificate, error) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	go tls.Server(a, server).HandshakeContext(t.Context())
	conn := tls.Client(b, client)
	err := conn.HandshakeContext(t.Context())
	return conn.ConnectionState().PeerCertificates, err
}

func TestAuthority(t *testing.T) {
	a := New([]string{"mail.contoso.com"})
	for _, test := range []struct {
		name string
		edit func(*tls.Config)
		want string // in the error; empty for none
	}{
		{"its name", func(c *tls.Config) { c.ServerName = "mail.contoso.com" }, ""},
		{"its IPv4 address", func(c *tls.Config) { c.ServerName = "127.0.0.1" }, ""},
		{"its IPv6 address", func(c *tls.Config) { c.ServerName = "::1" }, ""},
		{"another name", func(c *tls.Config) { c.ServerName = "contoso.com" }, "not contoso.com"},
		{"another authority", func(c *tls.Config) { *c = *New(nil).ClientConfig(); c.ServerName = "127.0.0.1" }, "unknown authority"},
		{"TLS 1.1", func(c *tls.Config) {
			c.ServerName, c.MinVersion, c.MaxVersion = "127.0.0.1", tls.VersionTLS10, tls.VersionTLS11
		}, "protocol version"},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := a.ClientConfig()
			test.edit(config)
			shown, err := handshake(t, a.ServerConfig(), config)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want %q", err, test.want)
			}
			if err == nil && a.Thumbprint() != fmt.Sprintf("%X", sha1.Sum(shown[0].Raw)) {
				t.Errorf("the thumbprint %s is of another certificate", a.Thumbprint())
			}
		})
	}
}

func TestClientRefusesOldTLS(t *testing.T) {
	a := New(nil)
	server, client := a.ServerConfig(), a.ClientConfig()
	server.MinVersion, server.MaxVersion, client.ServerName = tls.VersionTLS10, tls.VersionTLS11, "127.0.0.1"
	if _, err := handshake(t, server, client); err == nil {
		t.Error("a client takes TLS 1.1")
	}
}

// A configuration may be changed by who asked for it.
func TestConfigsAreNew(t *testing.T) {
	a := New(nil)
	client, server := a.ClientConfig(), a.ServerConfig()
	client.ServerName, server.NextProtos = "x", []string{"x"}
	if a.ClientConfig().ServerName != "" || a.ServerConfig().NextProtos != nil {
		t.Error("what one caller has changed, another sees")
	}
}

func TestPEM(t *testing.T) {
	a := New([]string{"mail.contoso.com"})
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(a.PEM()) {
		t.Fatalf("%s", a.PEM())
	}
	if _, err := handshake(t, a.ServerConfig(), &tls.Config{RootCAs: pool, ServerName: "mail.contoso.com"}); err != nil {
		t.Error(err)
	}
	block, rest := pem.Decode(a.PEM())
	if cert, err := x509.ParseCertificate(block.Bytes); err != nil || !cert.IsCA || len(rest) > 0 {
		t.Errorf("error %v, or no authority; and then %q", err, rest)
	}
}

func TestSelfSigned(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := SelfSigned("invoices", key)
	if err := cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
		t.Error(err)
	}
	now := time.Now()
	if cert.Subject.CommonName != "invoices" || !key.PublicKey.Equal(cert.PublicKey) || now.Before(cert.NotBefore) || now.AddDate(9, 0, 0).After(cert.NotAfter) {
		t.Errorf("%v for %v until %v", cert.Subject, cert.PublicKey, cert.NotAfter)
	}
}
