package tokensource

import (
	"errors"
	"testing"

	"github.com/exoauth/exoauth/internal/aadsts"
)

// Reports disagree on the error of some numbers, and some stand for two things.
func TestNumbersWithAnotherError(t *testing.T) {
	tests := []struct {
		name                         string
		e                            Error
		temporary, user, credentials bool
	}{
		{"50105, on the way back from the sign-in", Error{Code: "access_denied", AADSTS: []int{50105}}, false, false, false},
		{"50074 of a refresh", Error{Code: "invalid_grant", AADSTS: []int{50074}}, false, true, false},
		{"50196, older", Error{Code: "invalid_request", AADSTS: []int{aadsts.LoopDetected}}, true, false, false},
		{"53003 without a suberror", Error{Code: "invalid_grant", AADSTS: []int{53003}}, false, false, false},
		{"53003, on the way back from the sign-in", Error{Code: "access_denied", Suberror: "message_only", AADSTS: []int{53003}}, false, false, false},
		{"9002327 of a refresh", Error{Code: "invalid_grant", AADSTS: []int{9002327}}, false, false, false},
		{"50013 of a federated credential", Error{Code: "invalid_client", AADSTS: []int{50013}}, false, false, true},
		{"50013 of an assertion about a user", Error{Code: "invalid_grant", AADSTS: []int{50013}}, false, false, false},
		{"700023 of an assertion", Error{Code: "invalid_client", AADSTS: []int{700023}}, false, false, true},
		{"700023 of a scope", Error{Code: "invalid_scope", AADSTS: []int{700023}}, false, false, false},
		{"70000 of another client's refresh token", Error{Code: "invalid_grant", Suberror: "client_mismatch", AADSTS: []int{70000}}, false, false, false},
		{"1000502, a certificate that has expired by Entra ID's clock", Error{Code: "invalid_client", AADSTS: []int{1000502}}, false, false, true},
		{"7000214, a certificate that was revoked", Error{Code: "invalid_client", AADSTS: []int{7000214}}, false, false, true},
		{"90033 of a refresh, which invalid_grant does not end", Error{Code: "invalid_grant", AADSTS: []int{90033}}, true, true, false},
		{"an unknown number of invalid_client", Error{Code: "invalid_client", AADSTS: []int{79999}}, false, false, false},
		{"invalid_client without a number", Error{Code: "invalid_client"}, false, false, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.e.StatusCode = 400
			if got := test.e.Retryable(); got != test.temporary {
				t.Errorf("Retryable() is %t", got)
			}
			if got := errors.Is(&test.e, ErrInteractionRequired); got != test.user {
				t.Errorf("ErrInteractionRequired is %t", got)
			}
			if got := test.e.credentialBad(); got != test.credentials {
				t.Errorf("credentialBad() is %t", got)
			}
		})
	}
}

func TestFirstKnownNumberDecides(t *testing.T) {
	e := &Error{Code: "invalid_grant", AADSTS: []int{70002, 53003, 50076}}
	if errors.Is(e, ErrInteractionRequired) {
		t.Error("the number that says least has decided")
	}
}

// No credential is given up for what passes or what a user mends.
func TestNumbersSayOneThing(t *testing.T) {
	for number, c := range aadsts.Causes {
		if k := c.Kind & (aadsts.Passes | aadsts.Credential | aadsts.ByUser); k&(k-1) != 0 {
			t.Errorf("AADSTS%d is of the kinds %b", number, k)
		}
		if k := c.Kind & (aadsts.ByUser | aadsts.ByOthers); k&(k-1) != 0 {
			t.Errorf("AADSTS%d is mended by the user and by somebody else", number)
		}
	}
}
