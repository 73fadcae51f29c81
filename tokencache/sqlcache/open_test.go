package sqlcache_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/exoauth/exoauth/internal/engines"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokencache/sqlcache"
)

// An engine can be killed and started again.
type engine interface {
	Kill()
	Start()
}

// forEngines runs a test with each engine that processes can share.
func forEngines(t *testing.T, test func(t *testing.T, e engine, driver, name string)) {
	t.Run("Postgres", func(t *testing.T) {
		srv := engines.Postgres(t)
		test(t, srv, "pgx", srv.DSN())
	})
	t.Run("SQLite", func(t *testing.T) { test(t, nil, "sqlite", sqliteFile(t)) })
}

// open opens the Cache of a task.
func (k *task) open() (tokencache.Cache, error) {
	db, err := sql.Open(k.Driver, k.Name)
	if err != nil {
		return nil, err
	}
	c := sqlcache.Postgres(db)
	if k.Driver == "sqlite" {
		c = sqlcache.SQLite(db)
		sqlcache.SetLease(c, 2*time.Second)
	}
	return c, c.Migrate(context.Background())
}
