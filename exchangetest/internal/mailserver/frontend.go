package mailserver

import (
	"encoding/base64"
	"unicode/utf16"
)

// FrontEnd is the host that the servers say they are.
const FrontEnd = "TE0P000CA0001.TESTP000.PROD.OUTLOOK.COM"

// EncodedFrontEnd is what stands in brackets in the greeting of IMAP and POP3:
// the host in UTF-16, little endian, in base64.
var EncodedFrontEnd = func() string {
	var b []byte
	for _, u := range utf16.Encode([]rune(FrontEnd)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return base64.StdEncoding.EncodeToString(b)
}()
