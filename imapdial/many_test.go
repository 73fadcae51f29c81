package imapdial_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/tokensource"
)

// One token serves a thousand mailboxes, also where ten of them refuse it.
func TestManyMailboxes(t *testing.T) {
	const mailboxes, broken = 1000, 10
	e := newExchange(t)
	contoso := e.Tenant()
	for n := range mailboxes {
		contoso.AddMailbox(address(n))
		contoso.Grant(e.app, address(n))
	}
	cfg := &tokensource.Config{
		Tenant: contoso.ID, ClientID: e.app.ClientID, Credential: tokensource.Secret(e.app.Secret), HTTPClient: e.HTTPClient(),
	}
	d := e.dialer("")
	d.TokenSource = cfg.ClientCredentials()
	var refused, opened atomic.Int64
	var all sync.WaitGroup
	for n := range mailboxes {
		username := address(n)
		if n%(mailboxes/broken) == 0 {
			username = "nobody-" + username // refused as a bad token is
		}
		all.Go(func() {
			c, err := d.Dial(t.Context(), username)
			switch {
			case err == nil:
				opened.Add(1)
				c.Close()
			case imapdial.Refused(err):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if opened.Load() != mailboxes-broken || refused.Load() != broken {
		t.Errorf("%d open and %d refused, want %d and %d", opened.Load(), refused.Load(), mailboxes-broken, broken)
	}
	t.Logf("%d token requests for %d mailboxes, %d of them refused", len(e.Requests()), mailboxes, broken)
	if n := len(e.Requests()); n > 2 {
		t.Errorf("%d token requests, want one and at the most one more", n)
	}
}

func address(n int) string { return fmt.Sprintf("mailbox%d@contoso.com", n) }
