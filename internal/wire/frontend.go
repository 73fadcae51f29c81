package wire

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"

	"github.com/exoauth/exoauth/internal/plain"
)

// FrontEnd returns the host name that Exchange puts at the end of its greeting,
// of IMAP and POP3, in base64 of UTF-16LE; "" if there is none.
func FrontEnd(greeting string) string {
	start := strings.LastIndexByte(greeting, '[')
	if start < 0 || !strings.HasSuffix(greeting, "]") {
		return ""
	}
	raw, err := base64.StdEncoding.DecodeString(greeting[start+1 : len(greeting)-1])
	if err != nil || len(raw)%2 != 0 || len(raw) > 2*255 {
		return ""
	}
	units := make([]uint16, 0, len(raw)/2)
	for i := 0; i < len(raw); i += 2 {
		units = append(units, uint16(raw[i])|uint16(raw[i+1])<<8)
	}
	return plain.Line(string(utf16.Decode(units)))
}
