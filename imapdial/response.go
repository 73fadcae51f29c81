package imapdial

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/plain"
)

// response is one line of the server (RFC 9051 §7). For a continuation
// request tag is "+" and text the challenge; for untagged data other than a
// status, kind is its first word and text the rest.
type response struct {
	line string // as it came
	tag  string
	kind string // upper case: OK, NO, BAD, BYE, PREAUTH, CAPABILITY, …
	code string // response code of a status, "" if there is none
	args string // what follows the code inside the brackets
	text string
}

// codePattern matches a response code. Exchange's diagnostic
// [Error="AuthFailed:… and the host name at the end of its greeting are none,
// and stay in the text.
var codePattern = regexp.MustCompile(`^\[([A-Za-z][A-Za-z0-9-]*)(?: ([^\]]*))?\] ?`)

// parseResponse reports with ok whether line is a response.
func parseResponse(line string) (r response, ok bool) {
	tag, rest, _ := strings.Cut(line, " ")
	switch {
	case tag == "+":
		return response{line: line, tag: tag, text: rest}, true
	case tag == "*" || isTag(tag):
		r = response{line: line, tag: tag}
		r.kind, r.text, _ = strings.Cut(rest, " ")
		r.kind = strings.ToUpper(r.kind)
		if r.kind == "" {
			break
		}
		if r.isStatus() {
			r.splitCode()
		} else if tag != "*" {
			break
		}
		return r, true
	}
	return response{}, false
}

func (r *response) isStatus() bool {
	switch r.kind {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		return true
	}
	return false
}

func (r *response) splitCode() {
	if m := codePattern.FindStringSubmatch(r.text); m != nil {
		r.code, r.args = m[1], m[2]
		r.text = r.text[len(m[0]):]
	}
}

// hide passes what err shows through scrub.
func (r *response) hide(scrub func(string) string) {
	r.code, r.text = scrub(r.code), scrub(r.text)
}

// goodbye returns the error for a BYE, without the tokens, or nil if the line is
// none.
func goodbye(line string, tokens dial.Tokens) error {
	r, ok := parseResponse(line)
	if !ok {
		return nil
	}
	r.hide(tokens.Text)
	return r.err()
}

// err returns the status as the error that imapclient would make of it.
func (r *response) err() *imap.Error {
	return &imap.Error{
		Type: imap.StatusResponseType(r.kind),
		Code: imap.ResponseCode(strings.ToUpper(r.code)),
		Text: plain.Line(r.text),
	}
}

// capabilities returns what r says of the server's capabilities; ok is false
// if it says nothing.
func (r *response) capabilities() (caps []string, ok bool) {
	switch {
	case r.tag == "*" && r.kind == "CAPABILITY":
		return capabilityList(r.text), true
	case strings.EqualFold(r.code, "CAPABILITY"):
		return capabilityList(r.args), true
	}
	return nil, false
}

// capabilityList drops what is no capability (an atom), since the list is
// replayed to imapclient.
func capabilityList(s string) []string {
	caps := []string{}
	for _, c := range strings.Fields(s) {
		if isAtom(c) {
			caps = append(caps, c)
		}
	}
	return caps
}

func isTag(s string) bool { return isAtom(s) && !strings.Contains(s, "+") }

func isAtom(s string) bool {
	for i := range len(s) {
		if s[i] <= 0x20 || s[i] >= 0x7f || strings.IndexByte(`(){%*"\]`, s[i]) >= 0 {
			return false
		}
	}
	return s != ""
}

// literalSize returns the size that a line announces at its end, as in
// "* NAMESPACE ((({5}", or -1 if it announces none.
func literalSize(line string) int {
	start := strings.LastIndexByte(line, '{')
	if start < 0 || !strings.HasSuffix(line, "}") {
		return -1
	}
	digits := strings.TrimSuffix(line[start+1:len(line)-1], "+")
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return -1
	}
	return int(n)
}

// frontEnd returns the host name that Exchange puts at the end of its
// greeting, in base64 of UTF-16LE; "" if there is none.
func frontEnd(greeting string) string {
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

// unexpected is the error for a line that has no place where it came.
func (s *session) unexpected(line string) error {
	return fmt.Errorf("%w: the server said %q", ErrProtocol, plain.Head(s.wire.Scrub(line), 200))
}
