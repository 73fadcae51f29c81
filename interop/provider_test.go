package interop

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/tokensource"
)

const (
	tenant = "contoso.onmicrosoft.com"
	usable = "PlantedSecret~for+a/service=="
)

// A provider is a running oidc-provider.
type provider struct {
	cloud  exoauth.Cloud
	client *http.Client
	web    *httptest.Server // where the client "web" takes answers, at /signed-in
	handle http.HandlerFunc // what it does
	key    *rsa.PrivateKey  // of the client "signer"
	cert   *x509.Certificate

	mu       sync.Mutex
	requests []string // the last element of their paths
}

// startProvider runs one that lives as long as the test.
func startProvider(t *testing.T) *provider {
	t.Helper()
	needNode(t)
	p := new(provider)
	p.key, p.cert = newSigner(t)
	p.web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.handle(w, r) }))
	t.Cleanup(p.web.Close)
	cert, key, pool := newServerCertificate(t)
	settings, err := json.Marshal(map[string]any{
		"tenant": tenant, "secret": usable, "cert": cert, "key": key, "web": p.web.URL + "/signed-in",
		"jwks": map[string]any{"keys": []any{map[string]string{
			"kty": "RSA", "use": "sig", "n": base64url(p.key.N.Bytes()), "e": base64url(big.NewInt(int64(p.key.E)).Bytes()),
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "provider.mjs")
	var said bytes.Buffer // it warns of what its settings for tests are
	cmd.Stderr = &said
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close() // which ends it
		cmd.Wait()
		if t.Failed() {
			t.Logf("oidc-provider: %s", &said)
		}
	})
	if _, err := stdin.Write(append(settings, '\n')); err != nil {
		t.Fatal(err)
	}
	port, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal("oidc-provider did not start: ", err)
	}
	p.cloud.Authority = "https://127.0.0.1:" + strings.TrimSpace(port)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)
	p.client = &http.Client{Transport: counting{p, transport}}
	return p
}

// counting notes the requests.
type counting struct {
	p    *provider
	next http.RoundTripper
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.p.mu.Lock()
	c.p.requests = append(c.p.requests, r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:])
	c.p.mu.Unlock()
	return c.next.RoundTrip(r)
}

// wantRequests compares the requests since the last call.
func (p *provider) wantRequests(t *testing.T, want ...string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if got := strings.Join(p.requests, " "); got != strings.Join(want, " ") {
		t.Errorf("requests %s; want %s", got, strings.Join(want, " "))
	}
	p.requests = nil
}

func (p *provider) config(clientID string) *tokensource.Config {
	return &tokensource.Config{Cloud: p.cloud, Tenant: tenant, ClientID: clientID, HTTPClient: p.client}
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func newSigner(t *testing.T) (*rsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "signer"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

func newServerCertificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	cert, key = encode("CERTIFICATE", der), encode("PRIVATE KEY", pkcs8)
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(cert))
	return cert, key, pool
}
