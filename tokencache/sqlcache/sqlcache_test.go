package sqlcache_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exoauth/exoauth/internal/engines"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokencache/cachetest"
	"github.com/exoauth/exoauth/tokencache/sqlcache"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

const entryKey = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// openDB opens a database until the test ends.
func openDB(t *testing.T, driver, name string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// migrated returns a Cache whose table is there.
func migrated(t *testing.T, c sqlcache.Cache) sqlcache.Cache {
	t.Helper()
	if err := c.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// sqliteFile returns the name of a database for several processes.
func sqliteFile(t *testing.T) string {
	t.Helper()
	return "file:" + filepath.Join(t.TempDir(), "tokens.db") + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
}

// mustLock takes a lock.
func mustLock(t *testing.T, c sqlcache.Cache) (held context.Context, unlock func()) {
	t.Helper()
	held, unlock, err := c.Lock(t.Context(), entryKey)
	if err != nil {
		t.Fatal(err)
	}
	return held, unlock
}

// sealed encrypts the values of a Cache.
func sealed(c tokencache.Cache) tokencache.Cache {
	return tokencache.Encrypted(c, bytes.Repeat([]byte("k"), 32))
}

// inTurn returns an open for cachetest that opens four times, as four processes
// do.
func inTurn(open func() tokencache.Cache) func() tokencache.Cache {
	var mu sync.Mutex
	var opened [4]tokencache.Cache
	n := 0
	for i := range opened {
		opened[i] = open()
	}
	return func() tokencache.Cache {
		mu.Lock()
		defer mu.Unlock()
		n++
		return opened[n%len(opened)]
	}
}

func TestPostgresCache(t *testing.T) {
	srv := engines.Postgres(t)
	admin := openDB(t, "pgx", srv.DSN())
	migrated(t, sqlcache.Postgres(admin))
	lease := cachetest.Lease{Lose: func(key string) {
		id := uint64(sqlcache.LockID(key))
		for done := false; !done; {
			if _, err := admin.Exec(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = $1 AND objid = $2`, id>>32, id&0xffffffff); err != nil {
				t.Error(err)
			}
			if err := admin.QueryRow(`SELECT NOT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = $1 AND objid = $2)`, id>>32, id&0xffffffff).Scan(&done); err != nil {
				t.Fatal(err)
			}
		}
	}}
	open := func() tokencache.Cache { return sqlcache.Postgres(openDB(t, "pgx", srv.DSN())) }
	t.Run("plain", func(t *testing.T) { cachetest.RunLeased(t, inTurn(open), lease) })
	t.Run("encrypted", func(t *testing.T) {
		cachetest.RunLeased(t, inTurn(func() tokencache.Cache { return sealed(open()) }), lease)
	})
}

func TestSQLiteCache(t *testing.T) {
	name := sqliteFile(t)
	admin := openDB(t, "sqlite", name)
	migrated(t, sqlcache.SQLite(admin))
	open := func() tokencache.Cache {
		c := sqlcache.SQLite(openDB(t, "sqlite", name))
		sqlcache.SetLease(c, 2*time.Second)
		return c
	}
	for how, statement := range map[string]string{
		"freed":   `UPDATE exoauth_tokens SET owner = NULL, expires = NULL WHERE key = ?`,
		"expired": `UPDATE exoauth_tokens SET owner = 'nobody', expires = 1 WHERE key = ?`,
	} {
		t.Run(how, func(t *testing.T) {
			cachetest.RunLeased(t, inTurn(open), cachetest.Lease{Time: 2 * time.Second, Lose: func(key string) {
				if _, err := admin.Exec(statement, key); err != nil {
					t.Error(err)
				}
			}})
		})
	}
	t.Run("encrypted", func(t *testing.T) {
		cachetest.Run(t, inTurn(func() tokencache.Cache { return sealed(open()) }))
	})
	var left int
	if err := admin.QueryRow(`SELECT count(*) FROM exoauth_tokens`).Scan(&left); err != nil || left > 0 {
		t.Errorf("%d rows are left, %v", left, err)
	}
}

// A lock from before the clock was set back is free.
func TestSQLiteClockWasSetBack(t *testing.T) {
	db := openDB(t, "sqlite", sqliteFile(t))
	c := migrated(t, sqlcache.SQLite(db))
	_, unlock := mustLock(t, c)
	defer unlock()
	if _, err := db.Exec(`UPDATE exoauth_tokens SET expires = expires + 60000`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // before it is renewed
	defer cancel()
	_, next, err := c.Lock(ctx, entryKey)
	if err != nil {
		t.Fatal(err)
	}
	next()
}

// Eight processes create the table at once, and once more.
func TestMigrate(t *testing.T) {
	for name, open := range map[string]func(*testing.T) func() sqlcache.Cache{
		"Postgres": func(t *testing.T) func() sqlcache.Cache {
			srv := engines.Postgres(t)
			return func() sqlcache.Cache { return sqlcache.Postgres(openDB(t, "pgx", srv.DSN())) }
		},
		"SQLite": func(t *testing.T) func() sqlcache.Cache {
			file := sqliteFile(t)
			return func() sqlcache.Cache { return sqlcache.SQLite(openDB(t, "sqlite", file)) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			open := open(t)
			var all sync.WaitGroup
			for range 8 {
				c := open()
				all.Go(func() {
					for range 2 {
						if err := c.Migrate(t.Context()); err != nil {
							t.Error(err)
						}
					}
				})
			}
			all.Wait()
			c := open()
			if err := c.Put(t.Context(), entryKey, []byte("value")); err != nil {
				t.Error(err)
			}
			migrated(t, c)
			if value, err := c.Get(t.Context(), entryKey); err != nil || string(value) != "value" {
				t.Errorf("after Migrate: %q, %v", value, err)
			}
		})
	}
}

// Postgres is killed and comes back: the holder has lost the lock, the value is
// there, and the next one gets the lock.
func TestPostgresIsKilled(t *testing.T) {
	srv := engines.Postgres(t)
	c := migrated(t, sqlcache.Postgres(openDB(t, "pgx", srv.DSN())))
	held, unlock := mustLock(t, c)
	defer unlock()
	if err := c.Put(held, entryKey, []byte("value")); err != nil {
		t.Fatal(err)
	}
	srv.Kill()
	<-held.Done()
	var away *tokencache.Error
	if cause := context.Cause(held); !errors.As(cause, &away) || away.Key != entryKey {
		t.Errorf("cause: %v", cause)
	}
	if err := c.Put(context.WithoutCancel(held), entryKey, []byte("late")); !errors.As(err, &away) || away.Key != entryKey {
		t.Errorf("Put: %v", err)
	}
	if _, err := c.Get(t.Context(), entryKey); !errors.As(err, &away) || !strings.Contains(away.Remedy, "database is there") {
		t.Errorf("Get: %v", err)
	}
	srv.Start()
	if value, err := c.Get(t.Context(), entryKey); err != nil || string(value) != "value" {
		t.Errorf("%q, %v", value, err)
	}
	_, next := mustLock(t, c)
	next()
}

// A waiter whose context ends leaves no lock, and no connection, behind.
func TestPostgresWaiterLeaves(t *testing.T) {
	db := openDB(t, "pgx", engines.Postgres(t).DSN())
	c := migrated(t, sqlcache.Postgres(db))
	_, unlock := mustLock(t, c)
	for range 4 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if _, _, err := c.Lock(ctx, entryKey); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want that of the context", err)
		}
		cancel()
	}
	unlock()
	if n := db.Stats().InUse; n != 0 {
		t.Errorf("%d connections in use", n)
	}
	_, unlock = mustLock(t, c)
	unlock()
}

// Each row is what somebody did to the database, and the remedy.
func TestErrors(t *testing.T) {
	for name, row := range map[string]struct {
		before []string // as an administrator
		user   string
		want   string
	}{
		"no table":     {want: "call Migrate"},
		"no rights":    {before: []string{"CREATE TABLE exoauth_tokens (key text PRIMARY KEY, value bytea, updated timestamptz)", "CREATE USER u"}, user: "u", want: "GRANT SELECT"},
		"read-only":    {before: []string{"CREATE TABLE exoauth_tokens (key text PRIMARY KEY, value bytea, updated timestamptz)", "ALTER DATABASE postgres SET default_transaction_read_only = on"}, want: "connect to the primary"},
		"no such user": {user: "nobody", want: "correct the user"},
	} {
		t.Run("Postgres, "+name, func(t *testing.T) {
			dsn := engines.Postgres(t).DSN()
			for _, statement := range row.before {
				if _, err := openDB(t, "pgx", dsn).Exec(statement); err != nil {
					t.Fatal(err)
				}
			}
			if row.user != "" {
				dsn = strings.Replace(dsn, "postgres@", row.user+"@", 1)
			}
			wantRemedy(t, sqlcache.Postgres(openDB(t, "pgx", dsn)), row.want)
		})
	}
	t.Run("SQLite, no table", func(t *testing.T) {
		wantRemedy(t, sqlcache.SQLite(openDB(t, "sqlite", sqliteFile(t))), "Migrate was called")
	})
	t.Run("SQLite, no directory", func(t *testing.T) {
		wantRemedy(t, sqlcache.SQLite(openDB(t, "sqlite", "file:"+filepath.Join(t.TempDir(), "no", "tokens.db"))), "create the directory")
	})
	t.Run("SQLite, busy", func(t *testing.T) {
		file := sqliteFile(t)
		other := openDB(t, "sqlite", file+"&_txlock=immediate")
		migrated(t, sqlcache.SQLite(other))
		tx, err := other.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		wantRemedy(t, sqlcache.SQLite(openDB(t, "sqlite", strings.Split(file, "?")[0])), "busy_timeout")
	})
}

func wantRemedy(t *testing.T, c sqlcache.Cache, remedy string) {
	t.Helper()
	err := c.Put(t.Context(), entryKey, []byte("a secret"))
	var e *tokencache.Error
	if !errors.As(err, &e) || e.Key != entryKey || !strings.Contains(e.Remedy, remedy) || strings.Contains(err.Error(), "a secret") {
		t.Errorf("%v; want %q", err, remedy)
	}
}
