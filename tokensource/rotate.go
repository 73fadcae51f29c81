package tokensource

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/exoauth/exoauth/internal/plain"
)

// InOrder combines credentials of one application, such as its old secret and
// its new one, so that you can rotate them without an outage. It tries the next
// credential only if the server says that one is bad (expired, wrong, not
// registered), or if one cannot be used, for example because the file of an
// assertion is missing. Later requests begin with the credential that was
// accepted.
//
// If all are bad, the [*Error] wraps the error of each, and its text has all
// the reasons. Its fields come from the server's last answer. Each bad
// credential also leaves a record in the log.
func InOrder(credentials ...Credential) Credential {
	var all []Credential
	for _, c := range credentials {
		if several, ok := c.(inOrder); ok && len(several.all()) > 0 {
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
