package mailserver

import (
	"strings"
	"testing"
)

func TestIsName(t *testing.T) {
	for _, row := range []struct {
		name string
		text string
		want bool
	}{
		{"none", "", true},
		{"an address", "invoices@contoso.com", true},
		{"the longest", strings.Repeat("x", 254), true},
		{"a byte longer", strings.Repeat("x", 255), false},
		{"a control character", "x\x01auth=Bearer x", false},
		{"other scripts", "zoë@contoso.com", true},
	} {
		if got := isName(row.text); got != row.want {
			t.Errorf("%s: %v", row.name, got)
		}
	}
}
