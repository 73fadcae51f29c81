package rediscache

import (
	"context"
	"strings"

	"github.com/exoauth/exoauth/tokencache"
)

// remedies are what mends an error of Redis, by how its text begins. Those that
// pass do so by themselves when a server has started, or a failover is over.
var remedies = []struct {
	prefix, remedy string
	passes         bool
}{
	{"OOM ", `raise maxmemory of Redis, and set maxmemory-policy to "noeviction", so that it drops no tokens`, false},
	{"MISCONF ", "look at the log of Redis: it cannot write to its disk", false},
	{"READONLY ", "this is a replica: give the client the address of the primary, or use Sentinel or a cluster", true},
	{"NOREPLICAS ", "look at the replicas of Redis: too few of them are there for min-replicas-to-write", true},
	{"LOADING ", "wait: Redis reads its data", true},
	{"BUSY ", "wait, or end the script that keeps Redis busy with SCRIPT KILL", true},
	{"MASTERDOWN ", "look at the primary of Redis", true},
	{"CLUSTERDOWN ", "look at the nodes of the cluster", true},
	{"TRYAGAIN ", "wait: the cluster moves its slots", true},
	{"MOVED ", "use redis.NewClusterClient, or redis.NewUniversalClient with all addresses: this is a node of a cluster", false},
	{"NOAUTH ", "set Username and Password in the options of the client", false},
	{"WRONGPASS ", "correct Username and Password in the options of the client", false},
	{"NOPERM ", "allow the user of Redis the commands and keys that the documentation of rediscache names", false},
	{"WRONGTYPE ", "choose another prefix: another program uses this key", false},
	{"ERR max number of clients", "raise maxclients of Redis, or lower PoolSize of the clients", true},
	{"redis: connection pool timeout", "raise PoolSize in the options of the client", true},
	{"redis: client is closed", "close the client after the last use of the Cache", false},
}

// failed is the error of an entry that cannot be used, nil if err is. That of a
// context stays as it is.
func failed(ctx context.Context, key, problem string, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	text := err.Error()
	for _, r := range remedies {
		if strings.HasPrefix(text, r.prefix) {
			if r.passes {
				err = passing{err}
			}
			return &tokencache.Error{Key: key, Problem: problem, Err: err, Remedy: r.remedy}
		}
	}
	return &tokencache.Error{Key: key, Problem: problem, Err: err, Remedy: "check that Redis runs, and that the client has its address, TLS and password"}
}

// lost is the error of a holder whose lock another one has, or can get.
func lost(key string, err error) error {
	return &tokencache.Error{Key: key, Problem: "is not locked any more", Err: err, Remedy: "try again; if it happens often, look for pauses of Redis, of the network or of this process"}
}

// passing is an error that passes by itself.
type passing struct{ error }

func (p passing) Unwrap() error { return p.error }
func (passing) Retryable() bool { return true }
