// Package pki makes the certificates of the test servers.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// An Authority is a certificate authority and the one certificate of a server
// that it has issued. It may be used by several goroutines at once, and must be
// made by [New].
type Authority struct {
	roots *x509.CertPool
	ca    []byte // in DER
	key   *ecdsa.PrivateKey
	names []string
	cert  tls.Certificate
}

// New makes an authority, of which the server's certificate is valid for the
// names, for 127.0.0.1 and for ::1.
func New(names []string) *Authority {
	ca := template(1, "exchangetest CA")
	ca.IsCA, ca.BasicConstraintsValid = true, true
	ca.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	key := newKey()
	root := sign(ca, ca, &key.PublicKey, key)
	roots := x509.NewCertPool()
	roots.AddCert(parse(root))
	a := &Authority{roots: roots, ca: root, key: key, names: names}
	a.issue()
	return a
}

// AddName issues the server's certificate anew, for another name or IP address,
// too. It must not be called once the certificate is in use.
func (a *Authority) AddName(name string) {
	a.names = append(a.names, name)
	a.issue()
}

func (a *Authority) issue() {
	leaf := template(2, "exchangetest")
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	leaf.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	for _, name := range a.names {
		if ip := net.ParseIP(name); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, name)
		}
	}
	key := newKey()
	a.cert = tls.Certificate{Certificate: [][]byte{sign(leaf, parse(a.ca), &key.PublicKey, a.key), a.ca}, PrivateKey: key}
}

// PEM returns the certificate of the authority.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.ca})
}

// Thumbprint returns the SHA-1 of the server's certificate, in hexadecimal.
func (a *Authority) Thumbprint() string { return fmt.Sprintf("%X", sha1.Sum(a.cert.Certificate[0])) }

// ClientConfig returns a new configuration that trusts the authority and nobody
// else.
func (a *Authority) ClientConfig() *tls.Config {
	return &tls.Config{RootCAs: a.roots, MinVersion: tls.VersionTLS12}
}

// ServerConfig returns a new configuration with the server's certificate.
// Exchange Online refuses what is older than TLS 1.2.
func (a *Authority) ServerConfig() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.cert}, MinVersion: tls.VersionTLS12}
}

// SelfSigned returns a certificate of that common name for the key, signed with
// it.
func SelfSigned(name string, key crypto.Signer) *x509.Certificate {
	t := template(1, name)
	return parse(sign(t, t, key.Public(), key))
}

// template is valid from yesterday for ten years.
func template(serial int64, name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.AddDate(10, 0, 0),
	}
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	return key
}

func sign(template, parent *x509.Certificate, pub, signer any) []byte {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, signer)
	must(err)
	return der
}

func parse(der []byte) *x509.Certificate {
	cert, err := x509.ParseCertificate(der)
	must(err)
	return cert
}

// must is for what fails only if this package is wrong.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("exchangetest: %v", err))
	}
}
