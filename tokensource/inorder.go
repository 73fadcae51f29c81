package tokensource

import (
	"context"
	"fmt"
	"slices"
)

// InOrder combines credentials of one application, such as its old secret and
// its new one, so that one can be replaced by the other with no outage. The
// next is tried only where the answer says that this one is bad: expired,
// wrong, not registered; or where no proof can be made of it, as when the file
// of an assertion is missing. The one that was accepted is tried first from
// then on.
//
// Where all are bad, the error is about the one that was tried last, and the
// log has a record of each.
func InOrder(credentials ...Credential) Credential {
	credentials = slices.Clone(credentials)
	return inOrder{"tokensource.InOrder(…)", func() []Credential { return credentials }}
}

type inOrder struct {
	kind
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
// on to the next where the error says that this one is bad. What it returns is
// about the one tried last.
func (c *client) signed(ctx context.Context, request func(signer) *Error) *Error {
	all := len(c.signers)
	first := int(c.preferred.Load())
	for i := range all {
		n := (first + i) % all
		e := again(c.signers[n], request)
		if e == nil {
			return nil
		}
		if all > 1 {
			e.credential = fmt.Sprintf("credential %d of %d", n+1, all)
		}
		if !e.credentialBad() || ctx.Err() != nil {
			return e
		}
		c.preferred.Store(int32((n + 1) % all))
		if i == all-1 {
			return e
		}
		c.log.WarnContext(ctx, "tokensource: credential refused, trying the next", "client", c.String(), "error", e)
	}
	panic("unreachable: a client has one signer at least")
}

// again makes a request with one credential, and another one where that may
// take back what was wrong with the first.
func again(s signer, request func(signer) *Error) *Error {
	e := request(s)
	if e != nil && e.StatusCode != 0 && e.credentialBad() && s.refused != nil && s.refused(e) {
		e = request(s)
	}
	return e
}
