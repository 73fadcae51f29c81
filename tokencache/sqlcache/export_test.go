package sqlcache

import "time"

// LockID is the number of the advisory lock of a key.
var LockID = lockID

// SetLease sets how long the locks of a Cache in SQLite are good for.
func SetLease(c Cache, d time.Duration) { c.(*sqlite).lease = d }
