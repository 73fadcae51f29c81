package sqlcache

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"github.com/exoauth/exoauth/internal/ctxerr"
	"github.com/exoauth/exoauth/internal/lease"
	"github.com/exoauth/exoauth/tokencache"
)

// SQLite returns a Cache in a database of SQLite, for the processes of one
// machine. The caller opens db, and closes it when the Cache is not used any
// more.
//
// A lock is leased for ten seconds and renewed while it is held, so that of a
// process that dies is free ten seconds later. A holder loses it if the file
// cannot be written for that long, or if the process stands still; its context
// ends then, and [context.Cause] is a [*tokencache.Error]. Those who wait look
// some twenty times a second, and any of them may be next.
func SQLite(db *sql.DB) Cache { return &sqlite{db: db, lease: leaseTime} }

const (
	leaseTime = 10 * time.Second
	// lockPoll is how long a waiter pauses on average.
	lockPoll = 50 * time.Millisecond
)

type sqlite struct {
	db    *sql.DB
	lease time.Duration // how long a lock is good for
}

// errTaken is why a lock is lost that has no owner, or another one.
var errTaken = fmt.Errorf("%w: it has no owner any more, or another one", lease.ErrLost)

// now is the time as the table has it. SQLite evaluates it when it may write,
// and so after the statement has waited for others.
const now = `CAST(unixepoch('subsec') * 1000 AS INTEGER)`

// Migrate creates the table.
func (s *sqlite) Migrate(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS exoauth_tokens
		(key TEXT PRIMARY KEY, value BLOB, updated INTEGER NOT NULL, owner TEXT, expires INTEGER)`)
	return failed(ctx, "", "cannot be set up", err)
}

// Get returns the value of a key.
func (s *sqlite) Get(ctx context.Context, key string) (value []byte, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT value FROM exoauth_tokens WHERE key = ? AND value IS NOT NULL`, key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, tokencache.ErrMiss
	}
	return value, failed(ctx, key, "cannot be read", err)
}

// Put stores a value. Under a lock, it fails if that was lost.
func (s *sqlite) Put(ctx context.Context, key string, value []byte) error {
	if owner, ok := ctx.Value(holding{s, key}).(string); ok {
		return s.asOwner(ctx, key, "cannot be stored", `UPDATE exoauth_tokens SET value = ?, updated = `+now+` WHERE key = ? AND owner = ?`, present(value), key, owner)
	}
	_, err := s.db.ExecContext(ctx, `INSERT INTO exoauth_tokens (key, value, updated) VALUES (?, ?, `+now+`)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated = excluded.updated`, key, present(value))
	return failed(ctx, key, "cannot be stored", err)
}

// Delete removes a value. Under a lock, it fails if that was lost. A row with a
// lock stays.
func (s *sqlite) Delete(ctx context.Context, key string) error {
	if owner, ok := ctx.Value(holding{s, key}).(string); ok {
		return s.asOwner(ctx, key, "cannot be deleted", `UPDATE exoauth_tokens SET value = NULL WHERE key = ? AND owner = ?`, key, owner)
	}
	_, err := s.db.ExecContext(ctx, `UPDATE exoauth_tokens SET value = NULL WHERE key = ?`, key)
	if err == nil {
		err = s.clean(ctx, key)
	}
	return failed(ctx, key, "cannot be deleted", err)
}

// clean removes a row that has neither a value nor a lock.
func (s *sqlite) clean(ctx context.Context, key string) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM exoauth_tokens WHERE key = ? AND value IS NULL AND owner IS NULL`, key)
	return err
}

// asOwner executes a statement that changes nothing unless the lock has its
// owner.
func (s *sqlite) asOwner(ctx context.Context, key, problem, query string, args ...any) error {
	rows, err := exec(ctx, s.db, query, args...)
	if err == nil && rows == 0 {
		err = errTaken
	}
	return failed(ctx, key, problem, err)
}

// Lock takes a lock in the row of a key, and renews it until unlock.
func (s *sqlite) Lock(ctx context.Context, key string) (held context.Context, unlock func(), err error) {
	owner := rand.Text()
	for {
		taken := time.Now()
		ours, err := s.acquire(ctx, key, owner)
		switch {
		case err != nil:
			s.release(key, owner)
			return nil, nil, failed(ctx, key, "cannot be locked", err)
		case ours:
			held, unlock := s.hold(ctx, key, owner, taken)
			return held, unlock, nil
		case !ctxerr.Sleep(ctx, lockPoll/2+mathrand.N(lockPoll)):
			return nil, nil, ctx.Err()
		}
	}
}

// acquire takes a lock that has no owner, or is of the past. One that would last
// longer than any is from before the clock was set back.
func (s *sqlite) acquire(ctx context.Context, key, owner string) (ours bool, err error) {
	rows, err := exec(ctx, s.db, `INSERT INTO exoauth_tokens (key, updated, owner, expires) VALUES (?, `+now+`, ?, `+now+` + ?)
		ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, expires = excluded.expires
		WHERE exoauth_tokens.owner IS NULL OR exoauth_tokens.expires NOT BETWEEN `+now+` AND excluded.expires`, key, owner, s.lease.Milliseconds())
	return rows == 1, err
}

// hold renews a lock that was asked for at the time taken.
func (s *sqlite) hold(ctx context.Context, key, owner string, taken time.Time) (held context.Context, unlock func()) {
	renew := func(ctx context.Context) error {
		rows, err := exec(ctx, s.db, `UPDATE exoauth_tokens SET expires = `+now+` + ? WHERE key = ? AND owner = ?`, s.lease.Milliseconds(), key, owner)
		if err == nil && rows == 0 {
			return errTaken
		}
		return err
	}
	terms := lease.Terms{Time: s.lease, Every: s.lease / 3, Renew: renew, Lost: func(err error) error { return lost(key, err) }}
	held, end := terms.Hold(context.WithValue(ctx, holding{s, key}, owner), taken)
	return held, func() { end(); s.release(key, owner) }
}

// release frees a lock that has this owner. If that cannot be done, it expires.
func (s *sqlite) release(key, owner string) {
	ctx, cancel := context.WithTimeout(context.Background(), unlockLimit)
	defer cancel()
	if rows, err := exec(ctx, s.db, `UPDATE exoauth_tokens SET owner = NULL, expires = NULL WHERE key = ? AND owner = ?`, key, owner); err == nil && rows == 1 {
		s.clean(ctx, key)
	}
}
