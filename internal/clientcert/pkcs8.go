package clientcert

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"
)

// The parts of RFC 8018 and RFC 5958 that keys encrypted by OpenSSL have.
type (
	encryptedKey struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	pbes2 struct{ KDF, Cipher pkix.AlgorithmIdentifier }

	pbkdf2Params struct {
		Salt       []byte
		Iterations int
		Length     int                      `asn1:"optional"`
		PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
	}
)

// maxIterations is some seconds of work, and ten times what anybody uses.
const maxIterations = 10_000_000

var (
	oidPBES2  = "1.2.840.113549.1.5.13"
	oidPBKDF2 = "1.2.840.113549.1.5.12"

	prfs = map[string]func() hash.Hash{
		"": sha1.New, "1.2.840.113549.2.7": sha1.New,
		"1.2.840.113549.2.9": sha256.New, "1.2.840.113549.2.10": sha512.New384, "1.2.840.113549.2.11": sha512.New,
	}
	ciphers = map[string]struct {
		keySize int
		block   func([]byte) (cipher.Block, error)
	}{
		"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
		"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
		"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
		"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
	}
)

// decryptPKCS8 returns the PKCS #8 key in an encrypted one, or
// [x509.IncorrectPasswordError], which is found out by the padding.
func decryptPKCS8(der []byte, password string) ([]byte, error) {
	var key encryptedKey
	var scheme pbes2
	if err := unmarshal(der, &key); err != nil {
		return nil, err
	}
	if oid := key.Algorithm.Algorithm.String(); oid != oidPBES2 {
		return nil, fmt.Errorf("encrypted by %s, which is not PBES2", oid)
	}
	if err := unmarshal(key.Algorithm.Parameters.FullBytes, &scheme); err != nil {
		return nil, err
	}
	c, ok := ciphers[scheme.Cipher.Algorithm.String()]
	if !ok {
		return nil, fmt.Errorf("the cipher %s is not known", scheme.Cipher.Algorithm)
	}
	secret, err := derive(scheme.KDF, password, c.keySize)
	if err != nil {
		return nil, err
	}
	block, err := c.block(secret)
	if err != nil {
		return nil, err
	}
	var iv []byte
	if err := unmarshal(scheme.Cipher.Parameters.FullBytes, &iv); err != nil {
		return nil, err
	}
	size := block.BlockSize()
	if len(iv) != size || len(key.Data) == 0 || len(key.Data)%size != 0 {
		return nil, errors.New("the encrypted key is cut short")
	}
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(key.Data, key.Data)
	return unpad(key.Data, size)
}

func derive(kdf pkix.AlgorithmIdentifier, password string, size int) ([]byte, error) {
	if oid := kdf.Algorithm.String(); oid != oidPBKDF2 {
		return nil, fmt.Errorf("the key derivation %s is not PBKDF2", oid)
	}
	var p pbkdf2Params
	if err := unmarshal(kdf.Parameters.FullBytes, &p); err != nil {
		return nil, err
	}
	prf, ok := prfs[p.PRF.Algorithm.String()]
	if !ok || !p.bounded() {
		return nil, fmt.Errorf("PBKDF2 with %s and %d iterations is not done", p.PRF.Algorithm, p.Iterations)
	}
	return pbkdf2.Key(prf, password, p.Salt, p.Iterations, size)
}

// bounded reports whether the work is some that somebody would have asked for.
func (p *pbkdf2Params) bounded() bool { return p.Iterations >= 1 && p.Iterations <= maxIterations }

func unpad(text []byte, size int) ([]byte, error) {
	n := int(text[len(text)-1])
	if n < 1 || n > size {
		return nil, x509.IncorrectPasswordError
	}
	for _, b := range text[len(text)-n:] {
		if int(b) != n {
			return nil, x509.IncorrectPasswordError
		}
	}
	return text[:len(text)-n], nil
}

func unmarshal(der []byte, v any) error {
	rest, err := asn1.Unmarshal(der, v)
	if err == nil && len(rest) > 0 {
		err = errors.New("there is something after the key")
	}
	return err
}
