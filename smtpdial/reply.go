package smtpdial

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/internal/wire"
)

// reply is an answer of the server (RFC 5321 §4.2), its lines without code
// and separator.
type reply struct {
	code  int
	lines []string
	scrub func(string) string // for what is shown
}

// readReply reads the lines of one reply.
func readReply(w *wire.Conn) (reply, error) {
	r := reply{scrub: w.Scrub}
	for {
		line, err := w.ReadLine()
		if err != nil {
			return reply{}, err
		}
		code, text, last, ok := parseReplyLine(line)
		if !ok || len(r.lines) > 0 && code != r.code {
			return reply{}, unexpected(w.Scrub(line))
		}
		r.code = code
		r.lines = append(r.lines, text)
		if last {
			return r, nil
		}
	}
}

func parseReplyLine(line string) (code int, text string, last, ok bool) {
	if len(line) < 3 || strings.Trim(line[:3], "0123456789") != "" {
		return 0, "", false, false
	}
	code, _ = strconv.Atoi(line[:3])
	switch rest := line[3:]; {
	case code < 200 || code > 599:
		return 0, "", false, false
	case rest == "":
		return code, "", true, true
	case rest[0] == ' ':
		return code, rest[1:], true, true
	case rest[0] == '-':
		return code, rest[1:], false, true
	}
	return 0, "", false, false
}

// err returns the reply as the error that go-smtp would make of it.
func (r reply) err() *smtp.SMTPError {
	e := &smtp.SMTPError{Code: r.code, EnhancedCode: smtp.EnhancedCodeNotSet}
	texts := make([]string, len(r.lines))
	for i, line := range r.lines {
		enhanced, text, ok := cutEnhancedCode(line)
		if ok {
			e.EnhancedCode, line = enhanced, text
		}
		texts[i] = plain.Line(r.scrub(line))
	}
	e.Message = strings.Join(texts, "\n")
	return e
}

// cutEnhancedCode cuts a status code (RFC 3463) off the start of a line.
func cutEnhancedCode(line string) (code smtp.EnhancedCode, text string, ok bool) {
	first, text, _ := strings.Cut(line, " ")
	parts := strings.Split(first, ".")
	if len(parts) != 3 {
		return code, line, false
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return code, line, false
		}
		code[i] = int(n)
	}
	return code, text, true
}

// unexpected is the error for a line that has no place where it came.
func unexpected(line string) error {
	return fmt.Errorf("%w: the server said %q", ErrProtocol, plain.Head(line, 200))
}
