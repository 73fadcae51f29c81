package tokensource

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"software.sslmate.com/src/go-pkcs12"
)

// maxFile bounds what is read of a file with a certificate or an assertion.
const maxFile = 1 << 20

// derSequence is the first byte of every PFX.
const derSequence = 0x30

// CertificateFile is [Certificate] with what is in a file: see
// [CertificateData] for what that may be. The file is read once.
//
// The error is a [*ConfigError], which wraps that of the file system.
func CertificateFile(path, password string, options ...CertificateOption) (Credential, error) {
	if path == "" {
		return nil, &ConfigError{Field: "CertificateFile", Problem: "an empty path", Remedy: "check the variable or setting that it is read from"}
	}
	data, err := readFile(path)
	if err != nil {
		return nil, &ConfigError{Field: "CertificateFile", Value: path, Problem: "cannot be read", Remedy: "check the path and who may read it", Err: err}
	}
	c, bad := parseCertificate(data, password, options)
	if bad != nil {
		bad.Field, bad.Value = "CertificateFile", path
		return nil, bad
	}
	return c, nil
}

// CertificateData is [Certificate] with a certificate and its private key, in
// one of two forms.
//
// PEM: certificates, and one key (PKCS #8 or PKCS #1), in any order. The
// certificate of the key comes first in the chain, the others follow in the
// order they have. The password decrypts the key, if it is encrypted. Where
// the two are in files of their own, pass the one appended to the other.
//
// PFX, also called PKCS #12: as Windows, Key Vault and OpenSSL make it, with
// old ciphers or new ones. The password is "" where there is none.
//
// The error is a [*ConfigError]. None of the data is in it.
func CertificateData(data []byte, password string, options ...CertificateOption) (Credential, error) {
	c, bad := parseCertificate(data, password, options)
	if bad != nil {
		bad.Field = "CertificateData"
		return nil, bad
	}
	return c, nil
}

func parseCertificate(data []byte, password string, options []CertificateOption) (Credential, *ConfigError) {
	parse := parsePFX
	if bytes.Contains(data, []byte("-----BEGIN")) {
		parse = parsePEM
	}
	chain, key, bad := parse(data, password)
	if bad != nil {
		return nil, bad
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, &ConfigError{Problem: fmt.Sprintf("its key is a %T", key), Remedy: "make a certificate with an RSA key"}
	}
	c := Certificate(leafFirst(chain, signer), signer, options...)
	return c, c.check()
}

var (
	errWrongPassword = &ConfigError{Problem: "the password does not decrypt the private key", Remedy: "check the password"}
	errNeedsPassword = &ConfigError{Problem: "the private key is encrypted, and there is no password", Remedy: "give the password"}
)

func parsePFX(data []byte, password string) ([]*x509.Certificate, any, *ConfigError) {
	if bad := halfOfIt(data); bad != nil {
		return nil, nil, bad
	}
	key, leaf, rest, err := pkcs12.DecodeChain(data, password)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword) && password == "":
		return nil, nil, clone(errNeedsPassword)
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, nil, clone(errWrongPassword)
	case !bytes.HasPrefix(data, []byte{derSequence}): // what the parser says of it helps nobody
		return nil, nil, &ConfigError{Problem: "neither PEM nor a PFX with a certificate and its key", Remedy: "check that it is the right file, and decode it where it is base64, as in a secret of Key Vault"}
	case err != nil && strings.Contains(err.Error(), "asn1:"): // nor does that
		return nil, nil, &ConfigError{Problem: "neither PEM nor a PFX with a certificate and its key", Remedy: "check that it is the right file, and export both together"}
	case err != nil:
		return nil, nil, &ConfigError{Problem: "neither PEM nor a PFX with a certificate and its key", Remedy: "export both together", Err: err}
	}
	return append([]*x509.Certificate{leaf}, rest...), key, nil
}

// halfOfIt returns an error for a file in DER that has a certificate without
// its key, such as a .cer or .p7b file, or a key without its certificate.
func halfOfIt(der []byte) *ConfigError {
	const remedy = "pass a PFX, or PEM with the certificate and its private key"
	if certs, err := x509.ParseCertificates(der); err == nil && len(certs) > 0 {
		return &ConfigError{Problem: "this is the certificate without its key", Remedy: remedy + "; this file is the one to upload to the app registration"}
	}
	var content struct {
		Type asn1.ObjectIdentifier
		Rest asn1.RawValue
	}
	if _, err := asn1.Unmarshal(der, &content); err == nil && content.Type.Equal(pkcs7SignedData) {
		return &ConfigError{Problem: "these are certificates without a key (PKCS #7)", Remedy: remedy}
	}
	_, pkcs8 := x509.ParsePKCS8PrivateKey(der)
	_, pkcs1 := x509.ParsePKCS1PrivateKey(der)
	if pkcs8 == nil || pkcs1 == nil {
		return &ConfigError{Problem: "this is the key without its certificate", Remedy: remedy}
	}
	return nil
}

var pkcs7SignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}

func parsePEM(data []byte, password string) (chain []*x509.Certificate, key any, bad *ConfigError) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, nil, &ConfigError{Problem: "has a certificate that cannot be read", Remedy: "export it anew", Err: err}
			}
			chain = append(chain, c)
		case "PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY":
			if key != nil {
				return nil, nil, &ConfigError{Problem: "has two private keys", Remedy: "leave the one in that belongs to the certificate"}
			}
			if key, bad = parseKey(block, password); bad != nil {
				return nil, nil, bad
			}
		}
	}
	switch {
	case key == nil:
		return nil, nil, &ConfigError{Problem: "has no private key", Remedy: "put the key and the certificate into one file"}
	case len(chain) == 0:
		return nil, nil, &ConfigError{Problem: "has no certificate", Remedy: "put the key and the certificate into one file"}
	}
	return chain, key, nil
}

// parseKey reads a key, decrypted where it has to be.
func parseKey(block *pem.Block, password string) (any, *ConfigError) {
	if block.Type == "EC PRIVATE KEY" {
		return nil, &ConfigError{Problem: "its key is on an elliptic curve", Remedy: "make a certificate with an RSA key, which is the kind that Entra ID takes"}
	}
	der, encrypted, err := decryptKey(block, password)
	if bad, ok := errors.AsType[*ConfigError](err); ok {
		return nil, bad
	}
	var key any
	switch {
	case err != nil:
	case block.Type == "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(der)
	default:
		key, err = x509.ParsePKCS8PrivateKey(der)
	}
	switch {
	case err == nil:
		return key, nil
	case encrypted && der != nil:
		return nil, clone(errWrongPassword) // one in 256 is found out only here
	}
	return nil, &ConfigError{Problem: "has a private key that cannot be read", Remedy: "convert it with openssl pkcs8 -topk8", Err: err}
}

// decryptKey returns the key in a block, and whether it was encrypted. A
// *ConfigError is about the password.
func decryptKey(block *pem.Block, password string) (der []byte, encrypted bool, err error) {
	//lint:ignore SA1019 a key so encrypted is to be read, not made
	old := x509.IsEncryptedPEMBlock(block)
	switch {
	case !old && block.Type != "ENCRYPTED PRIVATE KEY":
		return block.Bytes, false, nil
	case password == "":
		return nil, true, clone(errNeedsPassword)
	case old:
		//lint:ignore SA1019 see above
		der, err = x509.DecryptPEMBlock(block, []byte(password))
	default:
		der, err = decryptPKCS8(block.Bytes, password)
	}
	if errors.Is(err, x509.IncorrectPasswordError) {
		return nil, true, clone(errWrongPassword)
	}
	return der, true, err
}

// leafFirst puts the certificate of the key first. Where there is none, the
// check of the credential says so.
func leafFirst(chain []*x509.Certificate, key crypto.Signer) []*x509.Certificate {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	i := slices.IndexFunc(chain, func(c *x509.Certificate) bool { return ok && public.Equal(c.PublicKey) })
	if i <= 0 {
		return chain
	}
	return slices.Concat(chain[i:i+1], chain[:i], chain[i+1:])
}

func clone(e *ConfigError) *ConfigError { c := *e; return &c }

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if len(data) > maxFile {
		return nil, errors.New("is longer than 1 MiB")
	}
	return data, err
}
