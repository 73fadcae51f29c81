// Package smtpwire reads the replies of an SMTP server, and checks and writes
// the messages for it.
package smtpwire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Message is a message with its addresses.
type Message struct {
	From string
	To   []string
	Data []byte
}

// Check returns an error for a message that a server could only misunderstand.
func (m Message) Check() error {
	if len(m.To) == 0 {
		return errors.New("there is no recipient")
	}
	if m.From != "" { // a notification has no sender (RFC 5321 §4.5.5)
		if err := checkAddress(m.From); err != nil {
			return err
		}
	}
	for _, to := range m.To {
		if err := checkAddress(to); err != nil {
			return err
		}
	}
	return checkMessage(m.Data)
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
// the end of a line sees other lines than the sender. WriteLines mends a bare LF.
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

// Size returns the number of octets with CRLF at each end of a line, without the
// dots that are sent twice (RFC 1870 §3).
func (m Message) Size() int {
	size := len(m.Data) + bytes.Count(m.Data, []byte("\n")) - bytes.Count(m.Data, []byte("\r\n"))
	if !bytes.HasSuffix(m.Data, []byte("\n")) {
		size += len("\r\n")
	}
	return size
}

// International reports whether an address needs SMTPUTF8.
func (m Message) International() bool {
	return strings.ContainsFunc(m.From+strings.Join(m.To, ""), func(r rune) bool { return r >= utf8.RuneSelf })
}

// WriteLines writes the lines, each with CRLF, and a dot that begins one twice
// (RFC 5321 §4.5.2). It does not write the line that ends the message.
func (m Message) WriteLines(out io.Writer) error {
	w := bufio.NewWriterSize(out, BlockSize)
	for line := range bytes.Lines(m.Data) {
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if bytes.HasPrefix(line, []byte(".")) {
			w.WriteByte('.')
		}
		w.Write(line)
		if _, err := w.WriteString("\r\n"); err != nil {
			return err
		}
	}
	return w.Flush()
}

// BlockSize is the size of the blocks of WriteLines, the most that a record of
// TLS holds.
const BlockSize = 16 << 10
