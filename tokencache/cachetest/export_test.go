package cachetest

import "time"

// SetPatience sets how long a test waits for what must happen soon.
func SetPatience(d time.Duration) { patience = d }
