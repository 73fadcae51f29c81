package tokencache

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/exoauth/exoauth/internal/plain"
)

// Encrypted returns a [Cache] that encrypts the values of another Cache with
// AES-256-GCM. The encryption key must have 32 random bytes. Keep it with your
// other secrets, such as in a vault, and not in the directory of the cache.
// Each value is bound to its key in the cache, so that it cannot pass for
// another user's. An attacker can see the length of a value, and restore an
// older one.
//
// To replace the encryption key, pass the new one as key and the old ones as old.
// Old keys only decrypt.
//
// If a value was encrypted with another key, Get returns an [*Error]. No user is
// asked to sign in again, since the right key opens the value. If a value is
// damaged or not encrypted, the error wraps [ErrMiss]: if you add encryption to a
// cache in use, its users sign in once more.
//
// The Cache is a [Locker] if the other one is. Its formatted value does not
// show the keys.
func Encrypted(cache Cache, key []byte, old ...[]byte) Cache {
	e := encrypted{Kind: "tokencache.Encrypted(…)", cache: cache}
	for _, key := range append([][]byte{key}, old...) {
		e.keys = append(e.keys, newSealer(bytes.Clone(key)))
	}
	if locker, ok := cache.(Locker); ok {
		return lockedEncrypted{e, locker}
	}
	return e
}

// An encrypted is a Cache whose values are the magic, the ID of the key, and the
// nonce, ciphertext and tag of AES-256-GCM.
type encrypted struct {
	plain.Kind
	cache Cache
	keys  []*sealer // the first one encrypts
}

// A lockedEncrypted is an encrypted whose other Cache has locks.
type lockedEncrypted struct {
	encrypted
	Locker
}

// A sealer has its key in functions, so that fmt cannot show it.
type sealer struct {
	id   [8]byte // of the key, at the beginning of each value
	seal func(value, bound []byte) []byte
	open func(value, bound []byte) ([]byte, error)
}

const (
	sealedMagic = "exoauth1"
	sealedHead  = len(sealedMagic) + len(sealer{}.id)
)

// newSealer returns nil if the key cannot be used.
func newSealer(key []byte) *sealer {
	if len(key) != 32 || bytes.Equal(key, make([]byte, 32)) {
		return nil
	}
	id, err := hkdf.Key(sha256.New, key, nil, "exoauth key id", len(sealer{}.id))
	if err != nil {
		return nil
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil
	}
	return &sealer{
		id:   [8]byte(id),
		seal: func(value, bound []byte) []byte { return aead.Seal(nil, nil, value, bound) },
		open: func(value, bound []byte) ([]byte, error) { return aead.Open(nil, nil, value, bound) },
	}
}

// Check reports whether the keys, and the other Cache, can be used.
func (e encrypted) Check() error {
	switch {
	case e.cache == nil:
		return misused("is Encrypted without a Cache", "pass it one, such as Dir")
	case slices.Contains(e.keys, nil):
		return misused("is Encrypted with a key that does not have 32 bytes, or only zeros", "make one with crypto/rand, keep it with other secrets, and decode it if it is kept as text")
	}
	if c, ok := e.cache.(interface{ Check() error }); ok {
		return c.Check()
	}
	return nil
}

// bound returns the data that a value is authenticated with.
func bound(id [8]byte, key string) []byte {
	return append(append([]byte(sealedMagic), id[:]...), key...)
}

// Get decrypts a value with the key that encrypted it.
func (e encrypted) Get(ctx context.Context, key string) ([]byte, error) {
	if err := e.Check(); err != nil {
		return nil, err
	}
	sealed, err := e.cache.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	if len(sealed) < sealedHead || string(sealed[:len(sealedMagic)]) != sealedMagic {
		return nil, damaged(key, "is not encrypted")
	}
	id := [8]byte(sealed[len(sealedMagic):sealedHead])
	i := slices.IndexFunc(e.keys, func(s *sealer) bool { return s.id == id })
	if i < 0 {
		return nil, &Error{
			Key: key, Problem: fmt.Sprintf("is encrypted with another key (id %x; there is %x)", id, e.keys[0].id),
			Remedy: "pass that key to Encrypted as an old one, or delete the entry, after which the user has to sign in again",
		}
	}
	value, err := e.keys[i].open(sealed[sealedHead:], bound(id, key))
	if err != nil {
		return nil, damaged(key, "is cut short or was changed, or belongs to another key of the cache")
	}
	return value, nil
}

// Put encrypts a value with the first key.
func (e encrypted) Put(ctx context.Context, key string, value []byte) error {
	if err := e.Check(); err != nil {
		return err
	}
	s := e.keys[0]
	sealed := append([]byte(sealedMagic), s.id[:]...)
	return e.cache.Put(ctx, key, append(sealed, s.seal(value, bound(s.id, key))...))
}

// sealedExtra is how much longer a sealed value is: by the head, a nonce and a
// tag.
const sealedExtra = sealedHead + 12 + 16

// Reserve makes room for an encrypted value of that size.
func (e encrypted) Reserve(ctx context.Context, key string, size int) (release func(), err error) {
	if c, ok := e.cache.(Reserver); ok {
		return c.Reserve(ctx, key, size+sealedExtra)
	}
	return nil, errors.ErrUnsupported
}

// Delete removes a value, whatever key encrypted it.
func (e encrypted) Delete(ctx context.Context, key string) error {
	if err := e.Check(); err != nil {
		return err
	}
	return e.cache.Delete(ctx, key)
}
