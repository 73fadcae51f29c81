package rediscache

import (
	"time"

	"github.com/exoauth/exoauth/tokencache"
)

// SetLease sets how long the locks of a Cache of this package are good for.
func SetLease(c tokencache.Cache, d time.Duration) { c.(*cache).lease = d }
