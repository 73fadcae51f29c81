package clientcert

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"software.sslmate.com/src/go-pkcs12"
)

// filePassword is that of the files in testdata, which OpenSSL 3 has made.
const filePassword = "PLANTED password"

var (
	testKey  = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	otherKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	testCert = sync.OnceValue(func() *x509.Certificate { return newCert(testKey()) })
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newCert(key crypto.Signer) *x509.Certificate {
	template := &x509.Certificate{SerialNumber: big.NewInt(0xabcd), Subject: pkix.Name{CommonName: "exoauth test"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))))
}

// checkSigns has another library verify an assertion.
func checkSigns(t *testing.T, p *Pair, o Options) {
	t.Helper()
	now := time.Now()
	text, err := p.Assertion(Claims{"client", "audience", "id", now}, o)
	if err != nil {
		t.Fatal(err)
	}
	method := map[bool]string{true: "RS256", false: "PS256"}[o.RS256]
	claims := jwt.MapClaims{}
	token, err := jwt.ParseWithClaims(text, claims, func(*jwt.Token) (any, error) { return p.Leaf().PublicKey, nil },
		jwt.WithValidMethods([]string{method}), jwt.WithAudience("audience"), jwt.WithIssuer("client"), jwt.WithSubject("client"))
	if err != nil {
		t.Fatal(err)
	}
	if chain, _ := token.Header["x5c"].([]any); (len(chain) == len(p.Chain)) != o.SendChain {
		t.Errorf("a chain of %d", len(chain))
	}
	if (token.Header["x5t"] != nil) != o.RS256 || (token.Header["x5t#S256"] != nil) == o.RS256 {
		t.Errorf("header %v", token.Header)
	}
	if expires, err := claims.GetExpirationTime(); err != nil || expires.Unix() != now.Add(Lifetime).Unix() {
		t.Errorf("expires at %v, %v", expires, err)
	}
}

// A key of somebody else's signs in its own way.
type otherSigner struct {
	*rsa.PrivateKey
	sign func(key *rsa.PrivateKey, digest []byte) ([]byte, error)
}

func (s otherSigner) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	return s.sign(s.PrivateKey, digest)
}

// A server refuses a salt that is longer or shorter than the hash. (RFC 7518
// section 3.5)
func TestSignerThatPassesOverItsOptions(t *testing.T) {
	salt := func(length int) func(*rsa.PrivateKey, []byte) ([]byte, error) {
		return func(key *rsa.PrivateKey, digest []byte) ([]byte, error) {
			return rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest, &rsa.PSSOptions{SaltLength: length})
		}
	}
	pkcs1 := func(key *rsa.PrivateKey, digest []byte) ([]byte, error) {
		return rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest)
	}
	for name, row := range map[string]struct {
		sign  func(*rsa.PrivateKey, []byte) ([]byte, error)
		rs256 bool
		good  bool
	}{
		"the salt of the hash's length":   {salt(32), false, true},
		"a shorter salt":                  {salt(31), false, false},
		"a longer salt":                   {salt(33), false, false},
		"the longest salt":                {salt(rsa.PSSSaltLengthAuto), false, false},
		"PKCS #1":                         {pkcs1, false, false},
		"PKCS #1, which is asked for":     {pkcs1, true, true},
		"a salt, which is not asked for":  {salt(32), true, false},
		"the signature of something else": {func(key *rsa.PrivateKey, _ []byte) ([]byte, error) { return salt(32)(key, make([]byte, 32)) }, false, false},
	} {
		p := &Pair{Chain: []*x509.Certificate{testCert()}, Key: otherSigner{testKey(), row.sign}}
		if _, err := p.Assertion(Claims{"client", "audience", "id", time.Now()}, Options{RS256: row.rs256}); (err == nil) != row.good {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func testFile(name string) []byte {
	return must(os.ReadFile(filepath.Join("testdata", name)))
}

func TestParse(t *testing.T) {
	cert, other := pemOf("CERTIFICATE", testCert().Raw), pemOf("CERTIFICATE", newCert(otherKey()).Raw)
	pkcs8 := pemOf("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(testKey())))
	pkcs1 := pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(testKey()))
	ec := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, []byte("Bag Attributes\n")) }
	tests := []struct {
		name     string
		data     []byte
		password string
		err      string
	}{
		{"PKCS #8", join(pkcs8, cert), "", ""},
		{"PKCS #1", join(cert, pkcs1), "", ""},
		{"certificate after that of its issuer", join(other, cert, pkcs8), "", ""},
		{"other blocks", join(pemOf("X", []byte("y")), pkcs8, cert), "", ""},
		{"password that is not needed", join(pkcs8, cert), filePassword, ""},
		{"lines of Windows", bytes.ReplaceAll(join(pkcs8, cert), []byte("\n"), []byte("\r\n")), "", ""},
		{"AES-256", testFile("aes256.pem"), filePassword, ""},
		{"AES-128, SHA-512", testFile("aes128.pem"), filePassword, ""},
		{"3DES, SHA-1", testFile("des3.pem"), filePassword, ""},
		{"encrypted in the PEM of old", testFile("traditional.pem"), filePassword, ""},
		{"PFX of OpenSSL 3", testFile("openssl3.pfx"), filePassword, ""},
		{"PFX of Windows", testFile("rc2.pfx"), filePassword, ""},
		{"PFX without a password", testFile("nopassword.pfx"), "", ""},
		{"PFX of Go", must(pkcs12.Modern2026.Encode(testKey(), testCert(), nil, filePassword)), filePassword, ""},

		{"nothing", nil, "", "neither PEM nor a PFX"},
		{"words", []byte("PLANTED"), "", "with a certificate and its key; check that it is the right file"},
		{"PFX in base64", []byte(base64.StdEncoding.EncodeToString(testFile("openssl3.pfx"))), filePassword, "decode it"},
		{"PEM cut short", cert[:100], "", "no private key"},
		{"no key", cert, "", "no private key"},
		{"no certificate", pkcs8, "", "no certificate"},
		{"two keys", join(pkcs8, cert, pkcs1), "", "two private keys"},
		{"key of another", join(pkcs8, other), "", "belongs to another certificate"},
		{"elliptic curve", join(pemOf("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(ec))), cert), "", "elliptic curve"},
		{"elliptic curve in PKCS #8", join(pemOf("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(ec))), cert), "", "ecdsa.PublicKey"},
		{"broken certificate", join(pkcs8, pemOf("CERTIFICATE", []byte("PLANTED"))), "", "certificate that cannot be read"},
		{"broken key", join(pemOf("PRIVATE KEY", []byte("PLANTED")), cert), "", "private key that cannot be read"},
		{"broken key in PKCS #1", join(pemOf("RSA PRIVATE KEY", []byte("PLANTED")), cert), "", "private key that cannot be read"},
		{"no password", testFile("aes256.pem"), "", "no password"},
		{"no password, of old", testFile("traditional.pem"), "", "no password"},
		{"no password for the PFX", testFile("openssl3.pfx"), "", "no password"},
		{"wrong password", testFile("aes256.pem"), "PLANTED wrong", "does not decrypt"},
		{"wrong password, of old", testFile("traditional.pem"), "PLANTED wrong", "does not decrypt"},
		{"wrong password for the PFX", testFile("rc2.pfx"), "PLANTED wrong", "does not decrypt"},
		{"PFX without a key", testFile("nokey.pfx"), filePassword, "neither PEM nor a PFX"},
		{"certificate in DER", testCert().Raw, "", "this is the certificate without its key; pass a PFX, or PEM"},
		{"certificates in DER", slices.Concat(testCert().Raw, testCert().Raw), filePassword, "this is the certificate without its key"},
		{"PKCS #7", must(asn1.Marshal(struct {
			Type asn1.ObjectIdentifier
			Rest []byte `asn1:"explicit,tag:0"`
		}{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}, []byte("PLANTED")})), "", "certificates without a key"},
		{"PKCS #7 of another type", must(asn1.Marshal(struct {
			Type asn1.ObjectIdentifier
			Rest []byte `asn1:"explicit,tag:0"`
		}{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}, []byte("PLANTED")})), "", "export both together"},
		{"key in PKCS #8 in DER", must(x509.MarshalPKCS8PrivateKey(testKey())), "", "this is the key without its certificate"},
		{"key in PKCS #1 in DER", x509.MarshalPKCS1PrivateKey(testKey()), "", "this is the key without its certificate"},
		{"DER of something else", must(asn1.Marshal([]string{"PLANTED"})), "", "export both together"},
		{"PFX cut short", testFile("openssl3.pfx")[:1000], filePassword, "neither PEM nor a PFX"},
		{"scrypt", testFile("scrypt.pem"), filePassword, "not PBKDF2"},
		{"PBES1", testFile("pbes1.pem"), filePassword, "not PBES2"},
		{"broken encryption", join(pemOf("ENCRYPTED PRIVATE KEY", []byte("PLANTED")), cert), filePassword, "private key that cannot be read"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, bad := Parse(test.data, test.password)
			if test.err == "" {
				if bad != nil {
					t.Fatalf("%+v", bad)
				}
				checkSigns(t, p, Options{})
				checkSigns(t, p, Options{RS256: true, SendChain: true})
				return
			}
			if bad == nil {
				t.Fatal("no error")
			}
			text := fmt.Sprintf("%s; %s: %v", bad.Problem, bad.Remedy, bad.Err)
			if !strings.Contains(text, test.err) || bad.Field != "" || bad.Value != "" && test.name != "key of another" && !strings.HasPrefix(test.name, "elliptic") || bad.Remedy == "" {
				t.Errorf("%+v, want %q", bad, test.err)
			}
			if strings.Contains(text, "PLANTED") {
				t.Errorf("a secret is in %s", text)
			}
			if strings.Contains(text, "asn1") && len(test.data) > 0 && test.data[0] == derSequence {
				t.Errorf("the words of the parser: %s", text)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"aes256.pem", "traditional.pem", "scrypt.pem"} {
		f.Add(testFile(name), "wrong")
	}
	f.Add(pemOf("PRIVATE KEY", []byte("x")), "")
	f.Fuzz(func(t *testing.T, data []byte, password string) {
		if !bytes.Contains(data, []byte("-----BEGIN")) || bytes.Count(data, []byte("ENCRYPTED")) > 1 {
			return // PFX is read by another package, and may ask for much work
		}
		p, bad := Parse(data, password)
		if bad == nil {
			bad = p.Check()
		}
		if bad != nil && bad.Remedy == "" {
			t.Fatalf("%+v", bad)
		}
	})
}

func TestLeafFirst(t *testing.T) {
	leaf, other := testCert(), newCert(otherKey())
	last := newCert(otherKey())
	for name, row := range map[string]struct{ chain, want []*x509.Certificate }{
		"first":  {[]*x509.Certificate{leaf, other, last}, []*x509.Certificate{leaf, other, last}},
		"second": {[]*x509.Certificate{other, leaf, last}, []*x509.Certificate{leaf, other, last}},
		"last":   {[]*x509.Certificate{other, last, leaf}, []*x509.Certificate{leaf, other, last}},
		"alone":  {[]*x509.Certificate{leaf}, []*x509.Certificate{leaf}},
		"none":   {[]*x509.Certificate{other, last}, []*x509.Certificate{other, last}},
		"empty":  {},
	} {
		if got := leafFirst(row.chain, testKey()); !slices.Equal(got, row.want) {
			t.Errorf("%s: %d certificates in another order", name, len(got))
		}
	}
}

func TestCheckOfAChain(t *testing.T) {
	for name, row := range map[string]struct {
		pair    Pair
		problem string
	}{
		"no certificate":      {Pair{Key: testKey()}, "a chain without a certificate"},
		"nil in place of one": {Pair{Chain: []*x509.Certificate{testCert(), nil}, Key: testKey()}, "a chain without a certificate"},
		"no key":              {Pair{Chain: []*x509.Certificate{testCert()}}, "a certificate without a private key"},
	} {
		if bad := row.pair.Check(); bad == nil || bad.Problem != row.problem {
			t.Errorf("%s: %+v, want %q", name, bad, row.problem)
		}
	}
	pair := Pair{Chain: []*x509.Certificate{testCert(), newCert(otherKey())}, Key: testKey()}
	if bad := pair.Check(); bad != nil {
		t.Errorf("%+v", bad)
	}
}

// A second wrong password must not find the first one's error changed.
func TestPasswordErrorsAreNotShared(t *testing.T) {
	_, bad := Parse(testFile("aes256.pem"), "")
	if bad == nil {
		t.Fatal("no error")
	}
	bad.Field, bad.Value = "CertificateFile", "aes256.pem"
	if _, again := Parse(testFile("aes256.pem"), ""); again == nil || again.Field != "" || again.Value != "" {
		t.Errorf("%+v", again)
	}
}

func TestAssertionThatTheClockHasLeftBehind(t *testing.T) {
	tests := []struct {
		name string
		wall time.Duration // by which the clock on the wall has moved
		want bool
	}{
		{"not moved", 0, true},
		{"1 ns less than nine minutes", 9*time.Minute - 1, true},
		{"slept", 9 * time.Minute, false},
		{"set back", -1, false},
	}
	for _, test := range tests {
		now := time.Now()
		a := &Signer{last: "a", made: now}
		if got := a.good(now.Round(0).Add(test.wall)); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestLimits(t *testing.T) {
	if Lifetime != 10*time.Minute || assertionMargin != time.Minute || clockTolerance != 30*time.Second || maxSkew != 24*time.Hour || expiryWarning != 30*24*time.Hour {
		t.Error("a limit has moved")
	}
}
