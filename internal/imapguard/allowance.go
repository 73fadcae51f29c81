package imapguard

import (
	"sync/atomic"
	"time"
)

// allowance is how long a server may take, as the last deadline that imapclient
// set allowed. imapclient sets one for a whole literal or response: 5 minutes to
// upload a message or to download it, whatever its size. A line that takes 15
// minutes for 100 MB would never carry one. So the server is given that time
// anew as long as it goes on.
type allowance struct{ d atomic.Int64 }

func (a *allowance) set(deadline time.Time) {
	d := time.Duration(0) // no deadline, or one that has passed and must stand
	if !deadline.IsZero() {
		d = max(0, time.Until(deadline))
	}
	a.d.Store(int64(d))
}

// renew is called before each Read or Write with the setter of its deadline.
func (a *allowance) renew(set func(time.Time) error) {
	if d := time.Duration(a.d.Load()); d > 0 {
		set(time.Now().Add(d)) // a connection without deadlines has none
	}
}
