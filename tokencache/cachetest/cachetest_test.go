package cachetest_test

import (
	"bytes"
	"testing"

	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokencache/cachetest"
)

func TestMemory(t *testing.T) {
	c := cachetest.Memory()
	cachetest.RunLeased(t, func() tokencache.Cache { return c }, leased(c))
}

// leased says how a Memory loses a lock.
func leased(c tokencache.Cache) cachetest.Lease {
	return cachetest.Lease{Lose: func(key string) { cachetest.Lose(c, key) }}
}

func TestDir(t *testing.T) {
	dir := t.TempDir()
	cachetest.Run(t, func() tokencache.Cache { return tokencache.Dir(dir) })
}

func TestEncrypted(t *testing.T) {
	key := bytes.Repeat([]byte("k"), 32)
	dir := t.TempDir()
	cachetest.Run(t, func() tokencache.Cache { return tokencache.Encrypted(tokencache.Dir(dir), key) })
}

func TestEncryptedMemory(t *testing.T) {
	key := bytes.Repeat([]byte("k"), 32)
	c := cachetest.Memory()
	cachetest.RunLeased(t, func() tokencache.Cache { return tokencache.Encrypted(c, key) }, leased(c))
}
