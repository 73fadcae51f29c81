// Package imapwire reads the responses of an IMAP server.
package imapwire

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/internal/plain"
)

// Response is one line of the server (RFC 9051 §7). Of a continuation request
// Tag is "+" and Text the challenge. Of untagged data other than a status, Kind
// is the first word and Text the rest.
type Response struct {
	Line string // as it came
	Tag  string
	Kind string // upper case: OK, NO, BAD, BYE, PREAUTH, CAPABILITY, …
	Code string // response code of a status, "" if there is none
	Args string // the rest of the brackets, after the code
	Text string
}

// codePattern matches a response code. Exchange's diagnostic
// [Error="AuthFailed:… and the host name at the end of its greeting are none,
// and stay in the text.
var codePattern = regexp.MustCompile(`^\[([A-Za-z][A-Za-z0-9-]*)(?: ([^\]]*))?\] ?`)

// Parse reports with ok whether line is a response.
func Parse(line string) (r Response, ok bool) {
	tag, rest, _ := strings.Cut(line, " ")
	switch {
	case tag == "+":
		return Response{Line: line, Tag: tag, Text: rest}, true
	case tag == "*" || isTag(tag):
		r = Response{Line: line, Tag: tag}
		r.Kind, r.Text, _ = strings.Cut(rest, " ")
		r.Kind = strings.ToUpper(r.Kind)
		if r.Kind == "" {
			break
		}
		if r.IsStatus() {
			r.splitCode()
		} else if tag != "*" {
			break
		}
		return r, true
	}
	return Response{}, false
}

// IsStatus reports whether r is a status.
func (r *Response) IsStatus() bool {
	switch r.Kind {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		return true
	}
	return false
}

func (r *Response) splitCode() {
	if m := codePattern.FindStringSubmatch(r.Text); m != nil {
		r.Code, r.Args = m[1], m[2]
		r.Text = r.Text[len(m[0]):]
	}
}

// Hide passes the words of Err through scrub.
func (r *Response) Hide(scrub func(string) string) {
	r.Code, r.Text = scrub(r.Code), scrub(r.Text)
}

// Err returns the status as the error that imapclient would make of it.
func (r *Response) Err() *imap.Error {
	return &imap.Error{
		Type: imap.StatusResponseType(r.Kind),
		Code: imap.ResponseCode(strings.ToUpper(r.Code)),
		Text: plain.Line(r.Text),
	}
}

// Capabilities returns the capabilities of the server in r. Ok is false if there
// are none.
func (r *Response) Capabilities() (caps []string, ok bool) {
	switch {
	case r.Tag == "*" && r.Kind == "CAPABILITY":
		return capabilityList(r.Text), true
	case strings.EqualFold(r.Code, "CAPABILITY"):
		return capabilityList(r.Args), true
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

// LiteralSize returns the size that the end of a line announces, as in
// "* NAMESPACE ((({5}". Ok is false if it announces none.
func LiteralSize(line string) (size int64, ok bool) {
	start := strings.LastIndexByte(line, '{')
	if start < 0 || !strings.HasSuffix(line, "}") {
		return 0, false
	}
	digits := strings.TrimSuffix(line[start+1:len(line)-1], "+")
	n, err := strconv.ParseUint(digits, 10, 63)
	return int64(n), err == nil
}
