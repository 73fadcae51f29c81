package diagnose_test

import (
	"testing"

	"github.com/exoauth/exoauth/diagnose"
	"github.com/exoauth/exoauth/internal/verdict"
)

// What Keep waits for is nothing for which a finding sends somebody to mend it,
// and what ends Keep is nothing for which it says to wait.
func TestKeepAndDiagnoseAgree(t *testing.T) {
	for _, m := range verdict.Known() {
		for _, words := range m.Words() {
			t.Run(words, func(t *testing.T) {
				findings := diagnose.ExplainLine("* BYE "+words, diagnose.Subject{})
				if len(findings) == 0 {
					t.Fatal("Keep has a meaning for it, and diagnose none")
				}
				waits := false
				for _, f := range findings {
					// A session that outlived its token is ended by design.
					waits = waits || f.Who == diagnose.Nobody || f.Rule == "session-outlived-token"
				}
				switch {
				case m.Passes() && !waits:
					t.Errorf("Keep dials again, and diagnose says: %s", findings[0].Remedy)
				case m.Final() && waits:
					t.Error("Keep gives up, and diagnose says to wait")
				case !m.Passes() && !m.Final() && (!waits || len(findings) < 2):
					t.Error("it may pass or not, and diagnose knows one side alone")
				}
			})
		}
	}
}
