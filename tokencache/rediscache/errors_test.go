package rediscache_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/internal/engines"
	"github.com/exoauth/exoauth/internal/verdict"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokencache/rediscache"
	"github.com/redis/go-redis/v9"
)

// Redis says each of these itself: before it, an administrator gives commands.
func TestErrors(t *testing.T) {
	for name, row := range map[string]struct {
		before  [][]any
		options redis.Options
		closed  bool
		locked  bool // the entry, before
		reads   bool // Get works
		want    string
		passes  bool
	}{
		"no memory":               {before: [][]any{{"CONFIG", "SET", "maxmemory", "1"}}, reads: true, want: "noeviction"},
		"no memory, locked":       {before: [][]any{{"CONFIG", "SET", "maxmemory", "1"}}, locked: true, reads: true, want: "noeviction"},
		"a replica":               {before: [][]any{{"REPLICAOF", "127.0.0.1", "1"}}, reads: true, want: "the address of the primary", passes: true},
		"a replica, locked":       {before: [][]any{{"REPLICAOF", "127.0.0.1", "1"}}, locked: true, reads: true, want: "the address of the primary", passes: true},
		"too few replicas":        {before: [][]any{{"CONFIG", "SET", "min-replicas-to-write", "1"}}, reads: true, want: "min-replicas-to-write", passes: true},
		"no password":             {before: [][]any{{"CONFIG", "SET", "requirepass", "x"}}, want: "set Username and Password"},
		"another password":        {before: [][]any{{"CONFIG", "SET", "requirepass", "x"}}, options: redis.Options{Password: "y"}, want: "correct Username and Password"},
		"another program":         {before: [][]any{{"LPUSH", "exoauth:{" + entryKey + "}", "x"}}, want: "choose another prefix"},
		"no right to read":        {before: [][]any{{"ACL", "SETUSER", "u", "on", ">x", "~exoauth:*", "+hello", "+client"}}, options: redis.Options{Username: "u", Password: "x"}, want: "allow the user of Redis"},
		"a client that is closed": {closed: true, want: "close the client after"},
		"nobody there":            {options: redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1}, want: "check that Redis runs", passes: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := engines.Redis(t)
			admin := dial(t, redis.Options{Addr: srv.Addr, PoolSize: 1})
			if row.options.Addr == "" {
				row.options.Addr = srv.Addr
			}
			client := dial(t, row.options)
			c := rediscache.New(client, "")
			ctx := t.Context()
			if row.locked {
				held, unlock, err := c.(tokencache.Locker).Lock(ctx, entryKey)
				if err != nil {
					t.Fatal(err)
				}
				defer unlock()
				ctx = held
			}
			for _, command := range row.before {
				if err := admin.Do(t.Context(), command...).Err(); err != nil {
					t.Fatal(err)
				}
			}
			if row.closed {
				client.Close()
			}
			_, getErr := c.Get(ctx, entryKey)
			putErr := c.Put(ctx, entryKey, []byte("a secret"))
			if name == "another program" { // Put overwrites it
				putErr = getErr
			}
			if row.reads && !errors.Is(getErr, tokencache.ErrMiss) {
				t.Errorf("Get: %v", getErr)
			} else if !row.reads {
				wantRemedy(t, getErr, row.want, row.passes)
			}
			wantRemedy(t, putErr, row.want, row.passes)
		})
	}
}

func wantRemedy(t *testing.T, err error, remedy string, passes bool) {
	t.Helper()
	var e *tokencache.Error
	if !errors.As(err, &e) || e.Key != entryKey || !strings.Contains(e.Remedy, remedy) || strings.Contains(err.Error(), "a secret") {
		t.Errorf("%v; want %q", err, remedy)
	}
	if verdict.Retryable(err) != passes {
		t.Errorf("%v: retryable is %t", err, !passes)
	}
}

// The rights that the documentation names are enough.
func TestRights(t *testing.T) {
	srv := engines.Redis(t)
	admin := dial(t, redis.Options{Addr: srv.Addr})
	rights := []any{"ACL", "SETUSER", "u", "on", ">x", "~exoauth:*", "+get", "+set", "+del", "+pexpire", "+eval", "+evalsha", "+hello", "+client"}
	if err := admin.Do(t.Context(), rights...).Err(); err != nil {
		t.Fatal(err)
	}
	c := leased(dial(t, redis.Options{Addr: srv.Addr, Username: "u", Password: "x"}), "", 500*time.Millisecond)
	held, unlock, err := c.(tokencache.Locker).Lock(t.Context(), entryKey)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, _, err := c.(tokencache.Locker).Lock(ctx, entryKey); !errors.Is(err, context.DeadlineExceeded) { // long enough for renewals
		t.Errorf("the second one: %v", err)
	}
	if err := c.Put(held, entryKey, []byte("value")); err != nil {
		t.Error(err)
	}
	if err := c.Delete(held, entryKey); err != nil {
		t.Error(err)
	}
	unlock()
	if err := c.Put(t.Context(), entryKey, []byte("value")); err != nil {
		t.Error(err)
	}
	if _, err := c.Get(t.Context(), entryKey); err != nil {
		t.Error(err)
	}
	if err := c.Delete(t.Context(), entryKey); err != nil {
		t.Error(err)
	}
}
