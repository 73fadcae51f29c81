package sqlcache_test

import (
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
		migrated(t, sqlcache.Postgres(openDB(t, "pgx", srv.DSN())))
		test(t, srv, "pgx", srv.DSN())
	})
	t.Run("SQLite", func(t *testing.T) {
		file := sqliteFile(t)
		migrated(t, sqlcache.SQLite(openDB(t, "sqlite", file)))
		test(t, nil, "sqlite", file)
	})
}

// open opens the Cache of a task.
func (k *task) open() (tokencache.Cache, error) {
	db, err := sql.Open(k.Driver, k.Name)
	if err != nil {
		return nil, err
	}
	db.SetMaxIdleConns(sources)
	if k.Driver == "pgx" {
		return sqlcache.Postgres(db), nil
	}
	c := sqlcache.SQLite(db)
	sqlcache.SetLease(c, 2*time.Second)
	return c, nil
}
