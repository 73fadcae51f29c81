package cachetest

import (
	"time"

	"github.com/exoauth/exoauth/tokencache"
)

// SetPatience sets how long a test waits for what must happen soon.
func SetPatience(d time.Duration) { patience = d }

// Lose takes the lock of a key in a Memory from its holder.
func Lose(c tokencache.Cache, key string) { c.(*memory).lose(key) }
