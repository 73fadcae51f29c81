package tokensource

import (
	"context"
	"fmt"
	"slices"

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
	credentials = slices.Clone(credentials)
	return inOrder{"tokensource.InOrder(…)", func() []Credential { return credentials }}
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

func (o inOrder) signers(cl *client) (all []signer) {
	for _, c := range o.all() {
		all = append(all, c.signers(cl)...)
	}
	return all
}

// signed makes a request with the credential that was accepted last, and goes
// on to the next where the error says that this one is bad. The error it
// returns tells of all that were tried.
func (c *client) signed(ctx context.Context, request func(signer) *Error) *Error {
	all := len(c.signers)
	first := int(c.preferred.Load())
	var bad []*Error
	for i := range all {
		n := (first + i) % all
		e := again(ctx, c.signers[n], request)
		if e == nil {
			return nil
		}
		if all > 1 {
			e.credential = fmt.Sprintf("credential %d of %d", n+1, all)
		}
		if !e.credentialBad() || ctx.Err() != nil {
			return e.after(bad...)
		}
		c.preferred.Store(int32((n + 1) % all))
		bad = append(bad, e)
		if i == all-1 {
			return allBad(bad)
		}
		c.log.WarnContext(ctx, "tokensource: credential refused, trying the next", "client", c.String(), "error", e)
	}
	panic("unreachable: a client has one signer at least")
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

// again makes a request with one credential, and another request if a new proof
// of that credential may be accepted.
func again(ctx context.Context, s signer, request func(signer) *Error) *Error {
	e := request(s)
	if e != nil && e.StatusCode != 0 && e.credentialBad() && s.refused != nil && s.refused(ctx, e) {
		e = request(s)
	}
	return e
}
