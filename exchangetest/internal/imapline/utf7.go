package imapline

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
)

// names is the encoding of what is not ASCII in the name of a folder (RFC 3501
// section 5.1.3).
var names = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding).Strict()

func isPrintable(r rune) bool { return r >= ' ' && r <= '~' }

// EncodeName returns the name of a folder as IMAP has it.
func EncodeName(name string) string {
	var b strings.Builder
	for len(name) > 0 {
		n := strings.IndexFunc(name, func(r rune) bool { return !isPrintable(r) })
		if n < 0 {
			n = len(name)
		}
		b.WriteString(strings.ReplaceAll(name[:n], "&", "&-"))
		name = name[n:]
		if n = strings.IndexFunc(name, isPrintable); n < 0 {
			n = len(name)
		}
		if n > 0 {
			var utf16be []byte
			for _, u := range utf16.Encode([]rune(name[:n])) {
				utf16be = append(utf16be, byte(u>>8), byte(u))
			}
			b.WriteString("&" + names.EncodeToString(utf16be) + "-")
		}
		name = name[n:]
	}
	return b.String()
}

// DecodeName is the other way round. It is not ok for a name that EncodeName
// would write otherwise.
func DecodeName(name string) (text string, ok bool) {
	var b strings.Builder
	rest := name
	for rest != "" {
		plain, coded, found := strings.Cut(rest, "&")
		b.WriteString(plain)
		if !found {
			break
		}
		coded, rest, found = strings.Cut(coded, "-")
		utf16be, err := names.DecodeString(coded)
		if !found || err != nil || len(utf16be)%2 != 0 {
			return "", false
		}
		if coded == "" {
			b.WriteByte('&')
			continue
		}
		var units []uint16
		for i := 0; i < len(utf16be); i += 2 {
			units = append(units, uint16(utf16be[i])<<8|uint16(utf16be[i+1]))
		}
		b.WriteString(string(utf16.Decode(units)))
	}
	text = b.String()
	return text, EncodeName(text) == name && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// FormatName returns the name of a folder as it stands in a response, without
// quotes if it needs none.
func FormatName(name string) string {
	name = EncodeName(name)
	if IsAtom(name) {
		return name
	}
	return Quote(name)
}

// Quote returns a quoted string.
func Quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
