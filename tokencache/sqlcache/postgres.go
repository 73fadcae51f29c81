package sqlcache

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/exoauth/exoauth/internal/lease"
	"github.com/exoauth/exoauth/tokencache"
)

// Postgres returns a Cache in a database of Postgres. The caller opens db, and
// closes it when the Cache is not used any more.
//
// A lock is an advisory lock: its number is the first eight octets of the
// SHA-256 of "exoauth_tokens:" and the key. It takes a connection of db while it
// is held, and while it is waited for: db must allow for as many at a time, and
// for one more, and should keep as many (SetMaxOpenConns, SetMaxIdleConns).
// Those who wait get it in their order.
//
// The lock is on that connection, and so are Get, Put and Delete under it. It is
// free as soon as Postgres knows that the connection is gone: at once if the
// holder dies, and half a minute later if its machine does. A holder whose
// connection breaks learns of it within ten seconds by the context that ends;
// [context.Cause] is a [*tokencache.Error]. A context that ends during a
// statement breaks the connection, too.
func Postgres(db *sql.DB) Cache { return &postgres{db} }

const (
	pingEvery   = 2 * time.Second
	pingTime    = 10 * time.Second // after so long without an answer the lock is lost
	unlockLimit = time.Second
)

type postgres struct{ db *sql.DB }

// A session is the connection that has the lock of an entry.
type session struct {
	conn *sql.Conn
	id   int64         // of the lock
	turn chan struct{} // full while a statement is carried out, and in the end
}

// holding is the key of a context's hold on an entry.
type holding struct {
	cache any
	key   string
}

// lockID returns the number of an advisory lock.
func lockID(key string) int64 {
	sum := sha256.Sum256([]byte("exoauth_tokens:" + key))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// Migrate creates the table. Processes that do so at the same time take turns.
func (p *postgres) Migrate(ctx context.Context) error {
	_, err := p.db.ExecContext(ctx, fmt.Sprintf(`DO $$ BEGIN
		PERFORM pg_advisory_xact_lock(%d);
		IF to_regclass('exoauth_tokens') IS NULL THEN
			CREATE TABLE exoauth_tokens (key text PRIMARY KEY, value bytea NOT NULL, updated timestamptz NOT NULL);
		END IF;
	END $$`, lockID("")))
	return failed(ctx, "", "cannot be set up", err)
}

// Get returns the value of a key.
func (p *postgres) Get(ctx context.Context, key string) (value []byte, err error) {
	err = p.on(ctx, key, "cannot be read", func(q querier) error {
		err := q.QueryRowContext(ctx, `SELECT value FROM exoauth_tokens WHERE key = $1`, key).Scan(&value)
		if errors.Is(err, sql.ErrNoRows) {
			return tokencache.ErrMiss
		}
		return err
	})
	return value, err
}

// Put stores a value.
func (p *postgres) Put(ctx context.Context, key string, value []byte) error {
	return p.on(ctx, key, "cannot be stored", func(q querier) error {
		_, err := q.ExecContext(ctx, `INSERT INTO exoauth_tokens (key, value, updated) VALUES ($1, $2, now())
			ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated = excluded.updated`, key, present(value))
		return err
	})
}

// Delete removes a value.
func (p *postgres) Delete(ctx context.Context, key string) error {
	return p.on(ctx, key, "cannot be deleted", func(q querier) error {
		_, err := q.ExecContext(ctx, `DELETE FROM exoauth_tokens WHERE key = $1`, key)
		return err
	})
}

// on calls f with the connection that has the lock of a key, if ctx is that of
// its holder, or else with any.
func (p *postgres) on(ctx context.Context, key, problem string, f func(querier) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s, ok := ctx.Value(holding{p, key}).(*session); ok {
		return failed(ctx, key, problem, s.do(ctx, f))
	}
	return failed(ctx, key, problem, f(p.db))
}

// do calls f when no other statement is carried out on the connection.
func (s *session) do(ctx context.Context, f func(querier) error) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.turn }()
	err := f(s.conn)
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
		return fmt.Errorf("%w: %w", lease.ErrLost, err)
	}
	return err
}

// Lock takes an advisory lock on a connection of its own.
func (p *postgres) Lock(ctx context.Context, key string) (held context.Context, unlock func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return nil, nil, failed(ctx, key, "cannot be locked", err)
	}
	s := &session{conn: conn, id: lockID(key), turn: make(chan struct{}, 1)}
	// Without these, Postgres takes hours to notice that a machine is gone.
	if _, err := conn.ExecContext(ctx, `SELECT set_config('tcp_keepalives_idle', '15', false), set_config('tcp_keepalives_interval', '5', false),
		set_config('tcp_keepalives_count', '3', false), pg_advisory_lock($1)`, s.id); err != nil {
		s.discard()
		return nil, nil, failed(ctx, key, "cannot be locked", err)
	}
	terms := lease.Terms{Time: pingTime, Every: pingEvery, Renew: s.ping, Lost: func(err error) error { return lost(key, err) }}
	held, end := terms.Hold(context.WithValue(ctx, holding{p, key}, s), time.Now())
	return held, func() { end(); s.unlock() }, nil
}

// ping checks the connection, which is lost if it does not answer.
func (s *session) ping(ctx context.Context) error {
	err := s.do(ctx, func(q querier) error { _, err := q.ExecContext(ctx, `SELECT 1`); return err })
	if err != nil {
		return fmt.Errorf("%w: %w", lease.ErrLost, err)
	}
	return nil
}

// unlock frees the lock, by closing the connection if there is no other way.
func (s *session) unlock() {
	ctx, cancel := context.WithTimeout(context.Background(), unlockLimit)
	defer cancel()
	free := false
	err := s.do(ctx, func(q querier) error {
		return q.QueryRowContext(ctx, `SELECT pg_advisory_unlock($1)`, s.id).Scan(&free)
	})
	if err != nil || !free {
		s.discard()
	}
	s.conn.Close() // returns it to the pool
}

// discard closes the connection, and all locks that it has are free.
func (s *session) discard() {
	s.conn.Raw(func(any) error { return driver.ErrBadConn }) // database/sql closes a bad one
}
