package popdial

import (
	"regexp"
	"slices"
	"strings"

	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/internal/verdict"
)

// ReplyError is a reply of the server that begins with -ERR.
type ReplyError struct {
	// Code is the response code in capitals (RFC 2449 §8, RFC 3206), such as
	// "AUTH" or "SYS/TEMP". It is empty if there is none, as with Exchange.
	Code string
	Text string // the rest, such as "Server Unavailable. 21"
}

// Error returns the reply as the server sent it.
func (e *ReplyError) Error() string {
	if e.Code != "" {
		return "-ERR [" + e.Code + "] " + e.Text
	}
	return "-ERR " + e.Text
}

// Retryable reports whether the server reported a temporary failure: with the
// code SYS/TEMP, IN-USE or LOGIN-DELAY, or in the words of Exchange.
func (e *ReplyError) Retryable() bool {
	return slices.Contains([]string{"SYS/TEMP", "IN-USE", "LOGIN-DELAY"}, e.Code) || verdict.Of(e.Text).Passes()
}

// malformed reports whether Exchange found fault with a line rather than with the
// token in it.
func (e *ReplyError) malformed() bool {
	return strings.HasPrefix(strings.ToLower(e.Text), "protocol error")
}

// reply is the first line of a reply (RFC 1939 §3, RFC 5034 §4). If it begins
// with "+", text is the challenge.
type reply struct {
	line   string // as it came
	status string // "+OK", "-ERR" or "+"
	text   string
	scrub  func(string) string
}

// codePattern matches a response code at the start of the text, not the host
// name in brackets that Exchange puts elsewhere.
var codePattern = regexp.MustCompile(`^\[([A-Za-z][A-Za-z/-]*)\] ?`)

// parse reports with ok whether line is a reply.
func parse(line string, scrub func(string) string) (r reply, ok bool) {
	status, text, _ := strings.Cut(line, " ")
	status = strings.ToUpper(status)
	return reply{line, status, text, scrub}, status == "+OK" || status == "-ERR" || status == "+"
}

// err returns the reply as an error.
func (r reply) err() *ReplyError {
	e := &ReplyError{Text: r.text}
	if m := codePattern.FindStringSubmatch(r.text); m != nil {
		e.Code, e.Text = strings.ToUpper(m[1]), r.text[len(m[0]):]
	}
	return e.hidden(r.scrub)
}

// hidden returns e without secrets.
func (e *ReplyError) hidden(scrub func(string) string) *ReplyError {
	return &ReplyError{scrub(e.Code), plain.Line(scrub(e.Text))}
}
