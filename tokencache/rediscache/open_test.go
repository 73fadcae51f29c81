package rediscache_test

import (
	"testing"
	"time"

	"github.com/exoauth/exoauth/internal/engines"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/redis/go-redis/v9"
)

// An engine can be killed and started again.
type engine interface {
	Kill()
	Start()
}

// forEngines runs a test with each engine that processes can share.
func forEngines(t *testing.T, test func(t *testing.T, e engine, driver, name string)) {
	srv := engines.Redis(t)
	test(t, srv, "redis", srv.Addr)
}

// open opens the Cache of a task.
func (k *task) open() (tokencache.Cache, error) {
	return leased(redis.NewClient(&redis.Options{Addr: k.Name}), "", 2*time.Second), nil
}
