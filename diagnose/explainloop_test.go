package diagnose_test

import (
	"testing"

	"github.com/exoauth/exoauth/diagnose"
)

// incurable is what the error of a program does not tell, where the doctor
// finds it out.
var incurable = map[string]string{
	"sign-in host with a path, another library": "a 404 is all that the error has",
	"delegate as the IMAP user name":            "the user's own mailbox opens",
	"no consent":                                "x/oauth2's error has no scopes",
}

// The error of a dialer, with what every program knows, tells what to do: the
// token comes with it.
func TestLoopOfExplain(t *testing.T) {
	cured := 0
	for _, m := range misconfigurations {
		t.Run(m.name, func(t *testing.T) {
			ok := healByErrors(t, build(t, m))
			if _, not := incurable[m.name]; not == ok {
				t.Errorf("cured: %v", ok)
			}
			if ok {
				cured++
			}
		})
	}
	t.Logf("cured by what Explain prints of errors: %d of %d", cured, len(misconfigurations))
}

// healByErrors runs the program and does what Explain prints, until it gets
// through.
func healByErrors(t *testing.T, w *world) bool {
	for round := range maxRounds + 1 {
		err := w.connect(t.Context())
		if err == nil {
			return round > 0
		}
		findings := diagnose.Explain(err, diagnose.Subject{Tenant: w.tenant, ClientID: w.clientID})
		t.Logf("round %d: %v: %v", round+1, err, w.carryOut(t, findings))
	}
	return false
}
