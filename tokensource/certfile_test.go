package tokensource

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// filePassword is that of the files in testdata, which OpenSSL 3 has made.
const filePassword = "PLANTED password"

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func testFile(name string) []byte {
	return must(os.ReadFile(filepath.Join("testdata", "certificate", name)))
}

func TestCertificateData(t *testing.T) {
	cert, other := pemOf("CERTIFICATE", testCert().Raw), pemOf("CERTIFICATE", newCert(otherKey(), time.Now(), time.Now().Add(time.Hour)).Raw)
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
		}{pkcs7SignedData, []byte("PLANTED")})), "", "certificates without a key"},
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
			c, err := CertificateData(test.data, test.password)
			wantError(t, err, test.err)
			if test.err == "" {
				source, _ := certified(new(fakeEntra), c)
				want(t, source, 1)
				return
			}
			bad, ok := errors.AsType[*ConfigError](err)
			if c != nil || !ok || bad.Field != "CertificateData" || bad.Remedy == "" {
				t.Errorf("%v, %#v", c, err)
			}
			checkAllVerbs(t, "error", err, *bad)
			if strings.Contains(err.Error(), "asn1") && len(test.data) > 0 && test.data[0] == derSequence {
				t.Errorf("the words of the parser: %v", err)
			}
		})
	}
}

func TestEndlessFile(t *testing.T) {
	if _, err := os.Stat("/dev/zero"); err != nil {
		t.Skip(err)
	}
	_, err := CertificateFile("/dev/zero", "")
	wantError(t, err, "longer than 1 MiB")
}

// A second wrong password must not find the first one's error changed.
func TestPasswordErrorsAreNotShared(t *testing.T) {
	_, err := CertificateFile("testdata/certificate/aes256.pem", "")
	wantError(t, err, "aes256.pem")
	if errNeedsPassword.Field != "" || errNeedsPassword.Value != "" {
		t.Errorf("%+v", errNeedsPassword)
	}
}

func TestCertificateFile(t *testing.T) {
	c, err := CertificateFile("testdata/certificate/openssl3.pfx", filePassword, SendChain)
	if err != nil {
		t.Fatal(err)
	}
	if p := c.(certificate).pair(); len(p.chain) != 2 || p.leaf().Subject.CommonName != "exoauth test" || !p.has(SendChain) || p.has(RS256) {
		t.Errorf("%d certificates, the first of %s", len(p.chain), p.name())
	}
	dir := t.TempDir()
	long := filepath.Join(dir, "long")
	if err := os.WriteFile(long, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		filepath.Join(dir, "nothing"):          "cannot be read",
		dir:                                    "cannot be read",
		long:                                   "longer than 1 MiB",
		"testdata/certificate/traditional.pem": "no password",
	} {
		_, err := CertificateFile(path, "")
		wantError(t, err, text)
		if bad, ok := errors.AsType[*ConfigError](err); !ok || bad.Field != "CertificateFile" || bad.Value != path {
			t.Errorf("error %#v", err)
		}
	}
	_, err = CertificateFile("", "")
	wantError(t, err, "an empty path")
	if _, err := CertificateFile(filepath.Join(dir, "nothing"), ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
}

func TestChainIsSentLeafFirst(t *testing.T) {
	c, err := CertificateFile("testdata/certificate/aes256.pem", filePassword, SendChain)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, cert := range c.(certificate).pair().chain {
		names = append(names, cert.Subject.CommonName)
	}
	if got := strings.Join(names, ", "); got != "exoauth test, exoauth test CA" {
		t.Errorf("chain %s", got)
	}
}

func FuzzCertificateData(f *testing.F) {
	for _, name := range []string{"aes256.pem", "traditional.pem", "scrypt.pem"} {
		f.Add(testFile(name), "wrong")
	}
	f.Add(pemOf("PRIVATE KEY", []byte("x")), "")
	f.Fuzz(func(t *testing.T, data []byte, password string) {
		if !bytes.Contains(data, []byte("-----BEGIN")) || bytes.Count(data, []byte("ENCRYPTED")) > 1 {
			return // PFX is read by another package, and may ask for much work
		}
		c, err := CertificateData(data, password)
		if (c == nil) == (err == nil) {
			t.Fatalf("%v, %v", c, err)
		}
	})
}
