package tokensource

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/internal/smallfile"
)

// filePassword is that of the files in testdata, which OpenSSL 3 has made.
const filePassword = "PLANTED password"

func TestEndlessFile(t *testing.T) {
	if _, err := os.Stat("/dev/zero"); err != nil {
		t.Skip(err)
	}
	_, err := CertificateFile("/dev/zero", "", nil)
	wantError(t, err, "longer than 1 MiB")
}

func TestCertificateFile(t *testing.T) {
	c, err := CertificateFile("../internal/clientcert/testdata/openssl3.pfx", filePassword, &CertificateOptions{SendChain: true})
	if err != nil {
		t.Fatal(err)
	}
	if p, o := c.(certificate).pair(); len(p.Chain) != 2 || p.Leaf().Subject.CommonName != "exoauth test" || !o.SendChain || o.RS256 {
		t.Errorf("%d certificates, the first of %s", len(p.Chain), p.Name())
	}
	dir := t.TempDir()
	long := filepath.Join(dir, "long")
	if err := os.WriteFile(long, make([]byte, smallfile.Max+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		filepath.Join(dir, "nothing"): "cannot be read",
		dir:                           "cannot be read",
		long:                          "longer than 1 MiB",
		"../internal/clientcert/testdata/traditional.pem": "no password",
	} {
		_, err := CertificateFile(path, "", nil)
		wantError(t, err, text)
		if bad, ok := errors.AsType[*ConfigError](err); !ok || bad.Field != "CertificateFile" || bad.Value != path {
			t.Errorf("error %#v", err)
		}
	}
	_, err = CertificateFile("", "", nil)
	wantError(t, err, "an empty path")
	if _, err := CertificateFile(filepath.Join(dir, "nothing"), "", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
}

func TestChainIsSentLeafFirst(t *testing.T) {
	c, err := CertificateFile("../internal/clientcert/testdata/aes256.pem", filePassword, &CertificateOptions{SendChain: true})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	p, _ := c.(certificate).pair()
	for _, cert := range p.Chain {
		names = append(names, cert.Subject.CommonName)
	}
	if got := strings.Join(names, ", "); got != "exoauth test, exoauth test CA" {
		t.Errorf("chain %s", got)
	}
}
