package rediscache_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"

	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokencache/rediscache"
	"github.com/exoauth/exoauth/tokensource"
	"github.com/redis/go-redis/v9"
)

// The replicas of a service share the sign-ins of its users. The key has 32
// random bytes, such as of "openssl rand -base64 32", and is the same for all of
// them.
func ExampleNew() {
	options, err := redis.ParseURL(os.Getenv("REDIS_URL"))
	if err != nil {
		fmt.Println(err)
		return
	}
	client := redis.NewClient(options)
	defer client.Close()
	key, err := base64.StdEncoding.DecodeString(os.Getenv("TOKEN_KEY"))
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg := &tokensource.Config{
		Tenant:   "contoso.onmicrosoft.com",
		ClientID: os.Getenv("EXO_CLIENT_ID"),
		Cache:    tokencache.Encrypted(rediscache.New(client, "invoices:"), key),
		CacheKey: "jane",
	}
	token, err := cfg.Resume().TokenContext(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Valid())
}
