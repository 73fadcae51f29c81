package smtpdial

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// envelope is a message with its addresses.
type envelope struct {
	from    string
	to      []string
	message []byte
}

// check refuses an envelope that a server could only misunderstand.
func (m envelope) check() error {
	if len(m.to) == 0 {
		return errors.New("there is no recipient")
	}
	if m.from != "" { // a notification has no sender (RFC 5321 §4.5.5)
		if err := checkAddress(m.from); err != nil {
			return err
		}
	}
	for _, to := range m.to {
		if err := checkAddress(to); err != nil {
			return err
		}
	}
	return checkMessage(m.message)
}

// checkAddress refuses text that would be more than an address in a command.
// White space and brackets are allowed in a quoted local part (RFC 5321
// §4.1.2).
func checkAddress(address string) error {
	rest := address
	if quoted, domain, ok := cutQuoted(address); ok && strings.HasPrefix(domain, "@") && printable(quoted) {
		rest = domain
	}
	switch {
	case rest == "":
		return errors.New("an address is empty")
	case strings.ContainsAny(rest, "<>"):
		return fmt.Errorf("the address %q has a name or brackets: give the address alone, and the name in the header", address)
	case strings.ContainsFunc(rest, unicode.IsSpace) || !printable(rest):
		return fmt.Errorf("the address %q has white space or a control character", address)
	case strings.Contains(rest, `"`):
		return fmt.Errorf("the address %q has quotes that are not those of RFC 5321", address)
	}
	return nil
}

// cutQuoted cuts the quoted string off that s begins with.
func cutQuoted(s string) (quoted, after string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		return "", s, false
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return s[:i+1], s[i+1:], true
		}
	}
	return "", s, false
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// checkMessage refuses a bare CR (RFC 5321 §2.3.8): a server that takes it for
// the end of a line sees other lines than the sender. writeLines mends a bare
// LF.
func checkMessage(message []byte) error {
	if len(message) == 0 {
		return errors.New("the message is empty: it needs a header at least")
	}
	if at := bytes.IndexByte(message, 0); at >= 0 {
		return fmt.Errorf("octet %d of the message is NUL: encode the part that it is in", at)
	}
	for from := 0; ; {
		cr := bytes.IndexByte(message[from:], '\r')
		if cr < 0 {
			return nil
		}
		from += cr + 1
		if from == len(message) || message[from] != '\n' {
			return fmt.Errorf("octet %d of the message is a CR without LF: end each line with CRLF", from-1)
		}
	}
}

// size is how many octets the message has with CRLF at each end of a line, and
// without the dots that are sent twice (RFC 1870 §3).
func (m envelope) size() int {
	size := len(m.message) + bytes.Count(m.message, []byte("\n")) - bytes.Count(m.message, []byte("\r\n"))
	if !bytes.HasSuffix(m.message, []byte("\n")) {
		size += len("\r\n")
	}
	return size
}

// international reports whether an address needs SMTPUTF8.
func (m envelope) international() bool {
	return strings.ContainsFunc(m.from+strings.Join(m.to, ""), func(r rune) bool { return r >= utf8.RuneSelf })
}
