package wire

import (
	"encoding/base64"
	"strings"
	"testing"
	"unicode/utf16"
)

// hostOf writes a host as Exchange does at the end of its greeting.
func hostOf(name string) string {
	var raw []byte
	for _, unit := range utf16.Encode([]rune(name)) {
		raw = append(raw, byte(unit), byte(unit>>8))
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func TestFrontEnd(t *testing.T) {
	long := strings.Repeat("a", 255) // the most of a name in the DNS (RFC 1035 §2.3.4)
	for name, row := range map[string]struct{ greeting, want string }{
		"of Exchange":             {"The Microsoft Exchange IMAP4 service is ready. [" + hostOf("AM0PR01CA0001.prod.outlook.com") + "]", "AM0PR01CA0001.prod.outlook.com"},
		"alone":                   {"[" + hostOf("a") + "]", "a"},
		"beyond Latin-1":          {"[" + hostOf("mäil.\u0142") + "]", "mäil.\u0142"},
		"no text":                 {"", ""},
		"brackets alone":          {"[]", ""},
		"closing bracket alone":   {"ready]", ""},
		"no opening bracket":      {hostOf("a") + "]", ""},
		"opening bracket alone":   {"ready [YQA=", ""},
		"no base64":               {"ready [what?]", ""},
		"odd number of octets":    {"ready [" + base64.StdEncoding.EncodeToString([]byte("abc")) + "]", ""},
		"one octet":               {"ready [YQ==]", ""},
		"255 characters":          {"[" + hostOf(long) + "]", long},
		"256 characters":          {"[" + hostOf(long+"a") + "]", ""},
		"a control character":     {"[" + hostOf("a\nb") + "]", "a b"},
		"half a surrogate pair":   {"[" + base64.StdEncoding.EncodeToString([]byte{0, 0xd8}) + "]", "\ufffd"},
		"something after the end": {"[" + hostOf("a") + "] x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := FrontEnd(row.greeting); got != row.want {
				t.Errorf("%q, want %q", got, row.want)
			}
		})
	}
}
