package diagnose_test

import (
	"slices"
	"testing"

	"github.com/exoauth/exoauth/diagnose"
)

// Without the token nothing shows whether the permission is in it.
func TestRoleMayBeMissing(t *testing.T) {
	for _, test := range []struct {
		name  string
		line  string
		about diagnose.Subject
		want  bool
	}{
		{"nothing known", "A1 NO AUTHENTICATE failed.", diagnose.Subject{}, true},
		{"application", "A1 NO AUTHENTICATE failed.", diagnose.Subject{Flow: diagnose.AppOnly}, true},
		{"application, SMTP", "535 5.7.3 Authentication unsuccessful", diagnose.Subject{Flow: diagnose.AppOnly}, true},
		{"user", "A1 NO AUTHENTICATE failed.", diagnose.Subject{Flow: diagnose.Delegated}, false},
		{"worked before", "A1 NO AUTHENTICATE failed.", diagnose.Subject{Worked: true}, false},
		{"opens by another protocol", "A1 NO AUTHENTICATE failed.", diagnose.Subject{Opened: true}, false},
		{"personal account", "A1 NO AUTHENTICATE failed.", diagnose.Subject{Username: "adele@outlook.com"}, false},
		{"accepted", "A2 BAD User is authenticated but not connected.", diagnose.Subject{Flow: diagnose.AppOnly}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			findings := names(diagnose.ExplainLine(test.line, test.about))
			if slices.Contains(findings, "app-role-missing") != test.want {
				t.Errorf("findings %v", findings)
			}
		})
	}
}
