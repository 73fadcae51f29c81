// Package hook calls the hooks of package trace. It allocates nothing if there
// are none.
package hook

import (
	"context"
	"time"

	"github.com/exoauth/exoauth/internal/journal"
	"github.com/exoauth/exoauth/trace"
)

// Tokens calls the hooks for a source of tokens. The zero Tokens call none.
type Tokens struct {
	Hooks            *trace.Hooks
	Tenant, ClientID string
}

// Request is called after a request with the error of the server, or nil. It
// waits for the release of ctx, as a record of the log does.
func (t *Tokens) Request(ctx context.Context, begun time.Time, err error, aadsts []int) {
	if t.Hooks == nil || t.Hooks.TokenRequest == nil {
		return
	}
	event := trace.TokenRequest{Tenant: t.Tenant, ClientID: t.ClientID, Took: time.Since(begun), Err: err}
	if len(aadsts) > 0 {
		event.AADSTS = aadsts[0]
	}
	journal.Later(ctx, func() { t.Hooks.TokenRequest(event) })
}

// Fetch is called when a token has been got, or has not. It waits for the
// release of ctx.
func (t *Tokens) Fetch(ctx context.Context, renewal bool, lifetime time.Duration, err error) {
	if t.Hooks == nil || t.Hooks.TokenFetch == nil {
		return
	}
	event := trace.TokenFetch{Tenant: t.Tenant, ClientID: t.ClientID, Renewal: renewal, Lifetime: lifetime, Err: err}
	journal.Later(ctx, func() { t.Hooks.TokenFetch(event) })
}

// Served is called when a caller gets an answer.
func (t *Tokens) Served(err error) {
	if t.Hooks != nil && t.Hooks.TokenServed != nil {
		t.Hooks.TokenServed(trace.TokenServed{Tenant: t.Tenant, ClientID: t.ClientID, Err: err})
	}
}
