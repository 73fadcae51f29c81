package tokensource

import (
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
