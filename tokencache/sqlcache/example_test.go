package sqlcache_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokencache/sqlcache"
	"github.com/exoauth/exoauth/tokensource"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

// The replicas of a service share the sign-ins of its users. The key has 32
// random bytes, such as of "openssl rand -base64 32", and is the same for all of
// them.
func ExamplePostgres() {
	ctx := context.Background()
	db, err := sql.Open("pgx", os.Getenv("DATABASE_URL"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	table := sqlcache.Postgres(db)
	if err := table.Migrate(ctx); err != nil {
		fmt.Println(err)
		return
	}
	key, err := base64.StdEncoding.DecodeString(os.Getenv("TOKEN_KEY"))
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg := &tokensource.Config{
		Tenant:   "contoso.onmicrosoft.com",
		ClientID: os.Getenv("EXO_CLIENT_ID"),
		Cache:    tokencache.Encrypted(table, key),
		CacheKey: "jane",
	}
	token, err := cfg.Resume().TokenContext(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Valid())
}

// The processes of one machine share a file. What is in it is encrypted.
func ExampleSQLite() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "tokens")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "tokens.db")
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	table := sqlcache.SQLite(db)
	if err := table.Migrate(ctx); err != nil {
		log.Fatal(err)
	}
	key := make([]byte, 32) // in a program, a secret that is kept elsewhere
	rand.Read(key)
	cache := tokencache.Encrypted(table, key) // of a tokensource.Config

	if err := cache.Put(ctx, "a", []byte("a token")); err != nil {
		log.Fatal(err)
	}
	value, err := cache.Get(ctx, "a")
	fmt.Printf("%s, %v\n", value, err)
	stored, err := table.Get(ctx, "a")
	fmt.Println(bytes.Contains(stored, value), err)
	// Output:
	// a token, <nil>
	// false <nil>
}
