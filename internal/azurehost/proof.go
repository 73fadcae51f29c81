package azurehost

import (
	"crypto/sha1"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Pinned returns a transport that talks to the one server whose certificate has
// the SHA-1 that the host names, which is self-signed, or base if it names
// none. Service Fabric names no other hash.
// (https://learn.microsoft.com/azure/service-fabric/how-to-managed-identity-service-fabric-app-code)
func (h *Host) Pinned(base http.RoundTripper) http.RoundTripper {
	if h.pin == "" {
		return base
	}
	t, ok := base.(*http.Transport)
	if ok {
		t = t.Clone()
	} else {
		t = Near()
	}
	t.DialTLSContext = nil // it would know nothing of the pin
	//lint:ignore SA1019 neither would this one
	t.DialTLS = nil
	t.TLSClientConfig = &tls.Config{
		InsecureSkipVerify: true, // the pin is what counts
		VerifyConnection: func(s tls.ConnectionState) error {
			sum := sha1.Sum(s.PeerCertificates[0].Raw)
			if hex.EncodeToString(sum[:]) != h.pin {
				return &tls.CertificateVerificationError{
					UnverifiedCertificates: s.PeerCertificates,
					Err:                    errors.New("the server's certificate is not the one in IDENTITY_SERVER_THUMBPRINT"),
				}
			}
			return nil
		},
	}
	return t
}

const (
	maxKey = 4096
	// RemedyKey is for a host that refuses the proof.
	RemedyKey = "on Linux put the user of this program into the group himds, on Windows into Hybrid agent extension applications"
)

// Key returns the content of the file that Azure Arc's agent names in its
// challenge, which only those on the machine can read. Key refuses a path that
// the agent would not name, or an impostor would be sent any file.
// (https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication)
func (h *Host) Key(challenge string) (string, error) {
	path, err := keyPath(h.KeyDir, challenge)
	if err != nil {
		return "", err
	}
	before, err := os.Lstat(path)
	if err != nil {
		return "", fmt.Errorf("the key of Azure Arc: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", RemedyKey, err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", err
	case !before.Mode().IsRegular() || !os.SameFile(before, info):
		return "", errors.New("the key that Azure Arc names is not a file, which is not followed")
	case info.Size() > maxKey:
		return "", errors.New("the key that Azure Arc names is longer than 4 KiB")
	}
	key, err := io.ReadAll(io.LimitReader(f, maxKey))
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(key))
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errors.New("the key that Azure Arc names is empty, or has characters that no header may have")
	}
	return text, nil
}

// keyPath reads the challenge: Basic realm=<path>.
func keyPath(dir, challenge string) (string, error) {
	scheme, realm, ok := strings.Cut(challenge, "=")
	if !ok || !strings.EqualFold(strings.Join(strings.Fields(scheme), " "), "Basic realm") {
		return "", errors.New("the challenge of Azure Arc names no file")
	}
	path := strings.Trim(strings.TrimSpace(realm), `"`)
	if path != filepath.Clean(path) || !samePath(filepath.Dir(path), dir) || filepath.Ext(path) != ".key" {
		return "", fmt.Errorf("the challenge of Azure Arc names a file that is not one of %s, which is not read", filepath.Join(dir, "*.key"))
	}
	return path, nil
}

func samePath(a, b string) bool {
	return a == b || runtime.GOOS == "windows" && strings.EqualFold(a, b)
}
