package tokensource

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/exoauth/exoauth/internal/plain"
)

// InOrder combines credentials of one application, such as its old secret and
// its new one, so that one can be replaced by the other without an outage. It
// tries the next one only if the answer says that this one is bad (expired,
// wrong, not registered), or if this one cannot be used, for example because
// the file of an assertion is missing. It tries the one that was accepted first
// from then on.
//
// If all are bad, the [*Error] names the reason of each in its text, and wraps
// the error of each. Its fields are those of the last answer that came from the
// server. The log has a record of each, too.
func InOrder(credentials ...Credential) Credential {
	var all []Credential
	for _, c := range credentials {
		if several, ok := c.(inOrder); ok && several.all != nil && len(several.all()) > 0 {
			all = append(all, several.all()...)
		} else {
			all = append(all, c)
		}
	}
	return inOrder{"tokensource.InOrder(…)", func() []Credential { return all }}
}

type inOrder struct {
	plain.Kind
	all func() []Credential
}

func (o inOrder) check() *ConfigError {
	if o.all == nil || len(o.all()) == 0 {
		return &ConfigError{Problem: "InOrder of no credentials", Remedy: "give it one at least"}
	}
	for i, c := range o.all() {
		err := checkCredential(c)
		if err != nil {
			err.Problem = fmt.Sprintf("number %d of %d: %s", i+1, len(o.all()), err.Problem)
			return err
		}
	}
	return nil
}

// authenticator returns one that begins with the credential that was accepted
// last, and goes on to the next if the error says that this one is bad.
func (o inOrder) authenticator(cl *client) authenticator {
	var all []authenticator
	for _, c := range o.all() {
		all = append(all, c.authenticator(cl))
	}
	var preferred atomic.Int32
	return func(ctx context.Context, send func(proof) *Error) *Error {
		first := int(preferred.Load())
		var bad []*Error
		for i := range all {
			n := (first + i) % len(all)
			e := all[n](ctx, send)
			if e == nil {
				return nil
			}
			if len(all) > 1 {
				e.credential = fmt.Sprintf("credential %d of %d", n+1, len(all))
			}
			if !e.credentialBad() || ctx.Err() != nil {
				return e.after(bad...)
			}
			preferred.Store(int32((n + 1) % len(all)))
			bad = append(bad, e)
			if i < len(all)-1 {
				cl.log.WarnContext(ctx, "tokensource: credential refused, trying the next", "client", cl.name, "error", e)
			}
		}
		return allBad(bad)
	}
}

// allBad returns the last error with an answer of the server, or else the last
// one, with the others.
func allBad(errs []*Error) *Error {
	last := len(errs) - 1
	for i, e := range errs {
		if e.StatusCode != 0 {
			last = i
		}
	}
	return errs[last].after(slices.Delete(slices.Clone(errs), last, last+1)...)
}
