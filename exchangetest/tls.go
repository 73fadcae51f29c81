package exchangetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/exoauth/exoauth"
)

// loginHosts returns the names of Entra ID in the clouds of Microsoft.
var loginHosts = sync.OnceValue(func() map[string]bool {
	hosts := make(map[string]bool)
	for _, c := range exoauth.Clouds() {
		if u, err := url.Parse(c.Authority); err == nil {
			hosts[strings.ToLower(u.Hostname())] = true
		}
	}
	return hosts
})

// certNames returns the names that the server's certificate is valid for.
func certNames() []string {
	imap, smtp := mailHosts()
	names := []string{"localhost", hveHost}
	for _, hosts := range []map[string]bool{loginHosts(), imap, smtp} {
		names = slices.AppendSeq(names, maps.Keys(hosts))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// A pki is a certificate authority and the one certificate it has issued.
type pki struct {
	roots *x509.CertPool
	ca    []byte // in DER
	cert  tls.Certificate
}

func newPKI() *pki {
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "exchangetest CA"},
		NotBefore:             now.Add(-24 * time.Hour),
		NotAfter:              now.AddDate(10, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "exchangetest"},
		NotBefore:    ca.NotBefore,
		NotAfter:     ca.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     certNames(),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	caKey, leafKey := newECKey(), newECKey()
	caDER := mustSign(ca, ca, &caKey.PublicKey, caKey)
	leafDER := mustSign(leaf, ca, &leafKey.PublicKey, caKey)
	root, err := x509.ParseCertificate(caDER)
	must(err)
	roots := x509.NewCertPool()
	roots.AddCert(root)
	return &pki{
		roots: roots,
		ca:    caDER,
		cert:  tls.Certificate{Certificate: [][]byte{leafDER, caDER}, PrivateKey: leafKey},
	}
}

// CA returns the certificate of the server's certificate authority in PEM, for
// programs that are told whom to trust by a file.
func (s *Server) CA() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.pki.ca})
}

// serverConfig returns the configuration of all three servers. Exchange Online
// refuses what is older than TLS 1.2.
func (p *pki) serverConfig() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{p.cert}, MinVersion: tls.VersionTLS12}
}

func newECKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	return key
}

func mustSign(template, parent *x509.Certificate, pub, signer any) []byte {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, signer)
	must(err)
	return der
}

// must is for what fails only if this package is wrong.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("exchangetest: %v", err))
	}
}
