package sqlcache

import (
	"cmp"
	"context"
	"errors"

	"github.com/exoauth/exoauth/internal/lease"
	"github.com/exoauth/exoauth/tokencache"
)

// A remedy is what mends an error. One that passes does so by itself.
type remedy struct {
	text   string
	passes bool
}

// states are the errors of Postgres, by their SQLSTATE or its class.
var states = map[string]remedy{
	"42P01": {"call Migrate, and check that search_path names the schema of the table exoauth_tokens", false},
	"42501": {"GRANT SELECT, INSERT, UPDATE and DELETE on the table exoauth_tokens to the user of this connection; Migrate also needs CREATE on the schema", false},
	"25006": {"this is a replica, or a user who may only read: connect to the primary, such as with target_session_attrs=read-write", true},
	"53100": {"make room on the disk of Postgres", false},
	"53300": {"raise max_connections of Postgres, or lower SetMaxOpenConns of the clients", true},
	"57014": {"raise statement_timeout of the user of this connection", true},
	"55P03": {"raise lock_timeout of the user of this connection", true},
	"28":    {"correct the user and the password of the database's address", false},
	"3D":    {"create the database, or correct its name in the address", false},
	"08":    {"check that Postgres runs, and the network on the way to it", true},
	"57":    {"wait until Postgres is up again", true},
}

// codes are the errors of SQLite, by their primary result code.
var codes = map[int]remedy{
	5:  {"add _pragma=busy_timeout(10000) to the name of the database, and look for a process that holds it", true},
	8:  {"let this user write to the file of the database and to its directory", false},
	10: {"look at the disk of the database", false},
	11: {"restore the file of the database, or delete it, after which users have to sign in again", false},
	13: {"make room on the disk of the database", false},
	14: {"create the directory of the database, and let this user write to it", false},
	26: {"name another file: this one is no database of SQLite", false},
}

// failed is the error of an entry that cannot be used, or of the table if key is
// empty. It is nil if err is, and that of a context that has ended.
func failed(ctx context.Context, key, problem string, err error) error {
	switch {
	case err == nil || errors.Is(err, tokencache.ErrMiss):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, lease.ErrLost):
		return lost(key, err)
	}
	r := remedyOf(err)
	if r.passes {
		err = passing{err}
	}
	return &tokencache.Error{Key: key, Problem: problem, Err: err, Remedy: r.text}
}

// remedyOf returns what mends an error, of whatever driver.
func remedyOf(err error) remedy {
	var known remedy
	var postgres interface{ SQLState() string }
	var sqlite interface{ Code() int }
	if errors.As(err, &postgres) {
		state := postgres.SQLState() + "     "
		known = cmp.Or(states[state[:5]], states[state[:2]])
	} else if errors.As(err, &sqlite) {
		known = codes[sqlite.Code()&0xff]
	}
	return cmp.Or(known, remedy{"check that the database is there, that this is its address, and that Migrate was called", false})
}

// lost is the error of a holder whose lock another one has, or can get.
func lost(key string, err error) error {
	return &tokencache.Error{Key: key, Problem: "is not locked any more", Err: err, Remedy: "try again; if it happens often, look for pauses of the database, of the network or of this process"}
}

// passing is an error that passes by itself.
type passing struct{ error }

func (p passing) Unwrap() error { return p.error }
func (passing) Retryable() bool { return true }
