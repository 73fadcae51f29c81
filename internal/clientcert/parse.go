package clientcert

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/exoauth/exoauth/internal/setting"
	"software.sslmate.com/src/go-pkcs12"
)

// derSequence is the first byte of every PFX.
const derSequence = 0x30

// Parse reads a certificate and its private key: PEM, with the certificates and
// one key (PKCS #8 or PKCS #1) in any order, or a PFX, also called PKCS #12.
// The certificate of the key comes first in the chain. No error has any of the
// data in it.
func Parse(data []byte, password string) (*Pair, *setting.Error) {
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
		return nil, &setting.Error{Problem: fmt.Sprintf("its key is a %T", key), Remedy: "make a certificate with an RSA key"}
	}
	p := &Pair{Chain: leafFirst(chain, signer), Key: signer}
	return p, p.Check()
}

var (
	errWrongPassword = &setting.Error{Problem: "the password does not decrypt the private key", Remedy: "check the password"}
	errNeedsPassword = &setting.Error{Problem: "the private key is encrypted, and there is no password", Remedy: "give the password"}
)

func parsePFX(data []byte, password string) ([]*x509.Certificate, any, *setting.Error) {
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
		return nil, nil, &setting.Error{Problem: "neither PEM nor a PFX with a certificate and its key", Remedy: "check that it is the right file, and decode it where it is base64, as in a secret of Key Vault"}
	case err != nil && strings.Contains(err.Error(), "asn1:"): // nor does that
		return nil, nil, &setting.Error{Problem: "neither PEM nor a PFX with a certificate and its key", Remedy: "check that it is the right file, and export both together"}
	case err != nil:
		return nil, nil, &setting.Error{Problem: "neither PEM nor a PFX with a certificate and its key", Remedy: "export both together", Err: err}
	}
	return append([]*x509.Certificate{leaf}, rest...), key, nil
}

// halfOfIt returns an error for a file in DER that has a certificate without
// its key, such as a .cer or .p7b file, or a key without its certificate.
func halfOfIt(der []byte) *setting.Error {
	const remedy = "pass a PFX, or PEM with the certificate and its private key"
	if certs, err := x509.ParseCertificates(der); err == nil && len(certs) > 0 {
		return &setting.Error{Problem: "this is the certificate without its key", Remedy: remedy + "; this file is the one to upload to the app registration"}
	}
	var content struct {
		Type asn1.ObjectIdentifier
		Rest asn1.RawValue
	}
	if _, err := asn1.Unmarshal(der, &content); err == nil && content.Type.Equal(pkcs7SignedData) {
		return &setting.Error{Problem: "these are certificates without a key (PKCS #7)", Remedy: remedy}
	}
	_, pkcs8 := x509.ParsePKCS8PrivateKey(der)
	_, pkcs1 := x509.ParsePKCS1PrivateKey(der)
	if pkcs8 == nil || pkcs1 == nil {
		return &setting.Error{Problem: "this is the key without its certificate", Remedy: remedy}
	}
	return nil
}

var pkcs7SignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}

func parsePEM(data []byte, password string) (chain []*x509.Certificate, key any, bad *setting.Error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, nil, &setting.Error{Problem: "has a certificate that cannot be read", Remedy: "export it anew", Err: err}
			}
			chain = append(chain, c)
		case "PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY":
			if key != nil {
				return nil, nil, &setting.Error{Problem: "has two private keys", Remedy: "leave the one in that belongs to the certificate"}
			}
			if key, bad = parseKey(block, password); bad != nil {
				return nil, nil, bad
			}
		}
	}
	switch {
	case key == nil:
		return nil, nil, &setting.Error{Problem: "has no private key", Remedy: "put the key and the certificate into one file"}
	case len(chain) == 0:
		return nil, nil, &setting.Error{Problem: "has no certificate", Remedy: "put the key and the certificate into one file"}
	}
	return chain, key, nil
}

// parseKey reads a key, and decrypts it if it is encrypted.
func parseKey(block *pem.Block, password string) (any, *setting.Error) {
	if block.Type == "EC PRIVATE KEY" {
		return nil, &setting.Error{Problem: "its key is on an elliptic curve", Remedy: "make a certificate with an RSA key, which is the kind that Entra ID takes"}
	}
	der, bad, err := decryptKey(block, password)
	if bad != nil {
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
	case isEncrypted(block) && der != nil:
		return nil, clone(errWrongPassword) // one in 256 is found out only here
	}
	return nil, &setting.Error{Problem: "has a private key that cannot be read", Remedy: "convert it with openssl pkcs8 -topk8", Err: err}
}

// isEncrypted reports whether a block has an encrypted key, of PKCS #8 or as
// OpenSSL wrote them of old.
func isEncrypted(block *pem.Block) bool {
	//lint:ignore SA1019 a key so encrypted is to be read, not made
	return block.Type == "ENCRYPTED PRIVATE KEY" || x509.IsEncryptedPEMBlock(block)
}

// decryptKey returns the key in a block, or what is wrong with the password.
func decryptKey(block *pem.Block, password string) (der []byte, bad *setting.Error, err error) {
	switch {
	case !isEncrypted(block):
		return block.Bytes, nil, nil
	case password == "":
		return nil, clone(errNeedsPassword), nil
	case block.Type == "ENCRYPTED PRIVATE KEY":
		der, err = decryptPKCS8(block.Bytes, password)
	default:
		//lint:ignore SA1019 see above
		der, err = x509.DecryptPEMBlock(block, []byte(password))
	}
	if errors.Is(err, x509.IncorrectPasswordError) {
		return nil, clone(errWrongPassword), nil
	}
	return der, nil, err
}

// leafFirst puts the certificate of the key first. If there is none, Check says
// so.
func leafFirst(chain []*x509.Certificate, key crypto.Signer) []*x509.Certificate {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	i := slices.IndexFunc(chain, func(c *x509.Certificate) bool { return ok && public.Equal(c.PublicKey) })
	if i <= 0 {
		return chain
	}
	return slices.Concat(chain[i:i+1], chain[:i], chain[i+1:])
}

func clone(e *setting.Error) *setting.Error { c := *e; return &c }
