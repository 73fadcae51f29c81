// Package sqlcache keeps tokens in a table: of Postgres, so that processes on
// any number of machines share them, or of SQLite, for those of one machine. One
// process makes a request, and the others get its token.
//
//	db, err := sql.Open("pgx", "postgres://…") // github.com/jackc/pgx/v5/stdlib
//	…
//	table := sqlcache.Postgres(db)
//	err = table.Migrate(ctx)
//	…
//	cache := tokencache.Encrypted(table, key)
//
// The package uses database/sql alone. It is tested with the drivers pgx and
// modernc.org/sqlite, which the program imports.
//
// # The table
//
// Migrate creates it, or an administrator does. In Postgres it is in the first
// schema of the search_path:
//
//	CREATE TABLE exoauth_tokens (
//		key     text PRIMARY KEY,     -- 64 hexadecimal digits, which reveal nothing
//		value   bytea NOT NULL,
//		updated timestamptz NOT NULL
//	);
//
// In SQLite it also has the locks:
//
//	CREATE TABLE exoauth_tokens (
//		key     TEXT PRIMARY KEY,
//		value   BLOB,                 -- NULL while there is a lock alone
//		updated INTEGER NOT NULL,     -- Unix time in ms
//		owner   TEXT,                 -- of the lock; random
//		expires INTEGER               -- Unix time in ms, when the lock is free unless it is renewed
//	);
//
// Nothing is deleted by age. An entry that nobody has written for 100 days can
// be, since its tokens have expired. Whoever can read the table can read the
// mailboxes: use [tokencache.Encrypted].
//
// # What the database must be set to
//
// A refresh token that the database forgets may cost a user a sign-in. Entra ID
// goes on accepting the one before it; some servers accept each only once.
//
// Postgres keeps what Put has stored unless fsync or synchronous_commit is off.
// After a failover to a replica that is not synchronous, the last values may be
// old. Locks are advisory locks of a session: PgBouncer must pool sessions, not
// transactions.
//
// SQLite keeps it unless synchronous is lower than FULL, its default. Other
// processes must wait for each other, so that the name of a database is at least
//
//	file:/var/lib/invoices/tokens.db?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)
//
// with modernc.org/sqlite. The file must not be on a network file system.
package sqlcache

import (
	"context"
	"database/sql"

	"github.com/exoauth/exoauth/tokencache"
)

// A Cache is a [tokencache.Cache], with locks, in a table of a database.
type Cache interface {
	tokencache.Cache
	tokencache.Locker

	// Migrate creates the table unless it is there. It can be called by each
	// process when it starts, and by several at a time.
	Migrate(ctx context.Context) error
}

// A querier is a *sql.DB or a *sql.Conn.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// exec returns how many rows a statement has changed.
func exec(ctx context.Context, q querier, query string, args ...any) (rows int64, err error) {
	result, err := q.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// present returns value, which is not NULL even if it is nil.
func present(value []byte) []byte { return append([]byte{}, value...) }
