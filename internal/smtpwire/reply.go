package smtpwire

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/internal/wire"
)

// ErrMalformed is returned for a line that is not of a reply.
type ErrMalformed string

// Error quotes the line.
func (line ErrMalformed) Error() string {
	return fmt.Sprintf("the server said %q", plain.Head(string(line), 200))
}

// Reply is an answer of the server (RFC 5321 §4.2), its lines without code and
// separator.
type Reply struct {
	Code  int
	Lines []string
	scrub func(string) string // for text that is shown
}

// ReadReply reads the lines of one reply.
func ReadReply(w *wire.Conn) (Reply, error) {
	r := Reply{scrub: w.Scrub}
	for {
		line, err := w.ReadLine()
		if err != nil {
			return Reply{}, err
		}
		code, text, last, ok := parseLine(line)
		if !ok || len(r.Lines) > 0 && code != r.Code {
			return Reply{}, ErrMalformed(w.Scrub(line))
		}
		r.Code = code
		r.Lines = append(r.Lines, text)
		if last {
			return r, nil
		}
	}
}

func parseLine(line string) (code int, text string, last, ok bool) {
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

// Err returns the reply as the error that go-smtp would make of it.
func (r Reply) Err() *smtp.SMTPError {
	e := &smtp.SMTPError{Code: r.Code, EnhancedCode: smtp.EnhancedCodeNotSet}
	texts := make([]string, len(r.Lines))
	for i, line := range r.Lines {
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
