package clientcert

import (
	"bytes"
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
	"hash"
	"strings"
	"testing"
)

// An encryption is how a key is encrypted: by PBES2, PBKDF2 and AES-256 unless
// a test changes it. (RFC 8018)
type encryption struct {
	prf        asn1.ObjectIdentifier
	cipher     asn1.ObjectIdentifier
	iv         []byte
	iterations int
	data       []byte
}

func newEncryption() *encryption {
	return &encryption{
		prf:    asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9},
		cipher: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42},
		iv:     make([]byte, 16), iterations: 1, data: make([]byte, 32),
	}
}

func (e *encryption) der() []byte {
	raw := func(v any) asn1.RawValue { return asn1.RawValue{FullBytes: must(asn1.Marshal(v))} }
	kdf := pbkdf2Params{Salt: []byte("salt"), Iterations: e.iterations, PRF: pkix.AlgorithmIdentifier{Algorithm: e.prf}}
	scheme := pbes2{
		KDF:    pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}, Parameters: raw(kdf)},
		Cipher: pkix.AlgorithmIdentifier{Algorithm: e.cipher, Parameters: raw(e.iv)},
	}
	pbes := pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}, Parameters: raw(scheme)}
	return must(asn1.Marshal(encryptedKey{pbes, e.data}))
}

// What is encrypted by others, with whatever cipher and function, is decrypted.
func TestEncryptedKeys(t *testing.T) {
	ciphers := map[string]struct {
		oid   asn1.ObjectIdentifier
		size  int
		block func([]byte) (cipher.Block, error)
	}{
		"AES-128":    {asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 2}, 16, aes.NewCipher},
		"AES-192":    {asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 22}, 24, aes.NewCipher},
		"AES-256":    {asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}, 32, aes.NewCipher},
		"Triple DES": {asn1.ObjectIdentifier{1, 2, 840, 113549, 3, 7}, 24, des.NewTripleDESCipher},
	}
	functions := map[string]struct {
		last int // of the object identifier
		new  func() hash.Hash
	}{
		"SHA-1": {7, sha1.New}, "SHA-256": {9, sha256.New}, "SHA-384": {10, sha512.New384}, "SHA-512": {11, sha512.New},
	}
	for cipherName, c := range ciphers {
		for name, f := range functions {
			t.Run(cipherName+" "+name, func(t *testing.T) {
				block := must(c.block(must(pbkdf2.Key(f.new, filePassword, []byte("salt"), 3, c.size))))
				text := []byte("the key")
				n := block.BlockSize() - len(text)%block.BlockSize()
				e := &encryption{
					prf: asn1.ObjectIdentifier{1, 2, 840, 113549, 2, f.last}, cipher: c.oid,
					iv: bytes.Repeat([]byte("i"), block.BlockSize()), iterations: 3,
					data: append(bytes.Clone(text), bytes.Repeat([]byte{byte(n)}, n)...),
				}
				cipher.NewCBCEncrypter(block, e.iv).CryptBlocks(e.data, e.data)
				if got, err := decryptPKCS8(e.der(), filePassword); err != nil || !bytes.Equal(got, text) {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
	}
}

// Files that are no key, or that ask for too much work, are refused.
func TestEncryptedKeysThatAreNone(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*encryption)
		text   string
	}{
		"IV too short":       {func(e *encryption) { e.iv = e.iv[1:] }, "cut short"},
		"IV too long":        {func(e *encryption) { e.iv = append(e.iv, 0) }, "cut short"},
		"no IV":              {func(e *encryption) { e.iv = nil }, "cut short"},
		"no data":            {func(e *encryption) { e.data = nil }, "cut short"},
		"half a block":       {func(e *encryption) { e.data = e.data[:24] }, "cut short"},
		"unknown cipher":     {func(e *encryption) { e.cipher = asn1.ObjectIdentifier{1, 2, 3} }, "the cipher 1.2.3 is not known"},
		"unknown function":   {func(e *encryption) { e.prf = asn1.ObjectIdentifier{1, 2, 3} }, "PBKDF2 with 1.2.3"},
		"no iterations":      {func(e *encryption) { e.iterations = 0 }, "and 0 iterations is not done"},
		"iterations below 0": {func(e *encryption) { e.iterations = -1 }, "and -1 iterations is not done"},
		"one too many":       {func(e *encryption) { e.iterations = 10_000_001 }, "and 10000001 iterations is not done"},
		"as many as can be":  {func(e *encryption) { e.iterations = 1<<31 - 1 }, "2147483647 iterations is not done"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEncryption()
			row.change(e)
			_, err := decryptPKCS8(e.der(), filePassword)
			wantError(t, err, row.text)
		})
	}
	_, err := decryptPKCS8(append(newEncryption().der(), 0), filePassword)
	wantError(t, err, "something after the key")
	// One iteration is enough: what is wrong then is the password.
	if _, err := decryptPKCS8(newEncryption().der(), filePassword); !errors.Is(err, x509.IncorrectPasswordError) {
		t.Errorf("error %v", err)
	}
}

// The most iterations, which take too long here.
func TestIterations(t *testing.T) {
	for n, want := range map[int]bool{0: false, 1: true, 10_000_000: true, 10_000_001: false} {
		if got := (&pbkdf2Params{Iterations: n}).bounded(); got != want {
			t.Errorf("%d: %t", n, got)
		}
	}
}

// One wrong password in 256 has the padding of a right one.
func TestWrongPasswordWithTheRightPadding(t *testing.T) {
	e := newEncryption()
	block := must(aes.NewCipher(must(pbkdf2.Key(sha256.New, "PLANTED wrong", []byte("salt"), e.iterations, 32))))
	e.data = []byte("this is no key\x02\x02")
	cipher.NewCBCEncrypter(block, e.iv).CryptBlocks(e.data, e.data)
	data := append(pemOf("ENCRYPTED PRIVATE KEY", e.der()), pemOf("CERTIFICATE", testCert().Raw)...)
	if _, bad := Parse(data, "PLANTED wrong"); bad == nil || bad.Problem != errWrongPassword.Problem {
		t.Errorf("%+v", bad)
	}
}

// The padding is what tells a wrong password. (RFC 8018 section 6.1.1)
func TestPadding(t *testing.T) {
	for name, row := range map[string]struct {
		text, want string // want is "-" for a wrong password
	}{
		"one byte":        {"1234567\x01", "1234567"},
		"a whole block":   {"\x08\x08\x08\x08\x08\x08\x08\x08", ""},
		"two":             {"123456\x02\x02", "123456"},
		"zero":            {"1234567\x00", "-"},
		"more than block": {"1234567\x09\x09\x09\x09\x09\x09\x09\x09\x09", "-"},
		"unlike":          {"123456\x01\x02", "-"},
	} {
		got, err := unpad([]byte(row.text), 8)
		if wrong := err == x509.IncorrectPasswordError; wrong != (row.want == "-") || !wrong && (err != nil || string(got) != row.want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func wantError(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v, want %q", err, text)
	}
}
