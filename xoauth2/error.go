package xoauth2

import (
	"encoding/json"
	"fmt"

	"github.com/exoauth/exoauth/internal/plain"
)

// maxRaw bounds what an Error keeps of a challenge.
const maxRaw = 4 << 10

// Error is a server's refusal, sent as a challenge that holds a JSON object.
// Gmail and Dovecot refuse this way. Exchange Online does not: it answers
// "NO AUTHENTICATE failed." or "535 5.7.3" at once, which the IMAP or SMTP
// library reports with its own error.
type Error struct {
	// Status is an HTTP status such as "401", or an error code such as
	// "invalid_token". It is empty if the challenge is not the expected JSON.
	Status string
	// Schemes and Scope are the authentication schemes and the scope that the
	// server accepts. They are often empty.
	Schemes, Scope string
	// Raw is the first 4 KiB of the challenge, decoded from base64. If the
	// server echoed the access token, a placeholder takes its place.
	Raw []byte
}

// Error returns the status and the server's words in at most 1 KiB. Characters
// that are not printable are escaped, so the text is safe to log and to show on
// a terminal.
func (e *Error) Error() string {
	const refused = "xoauth2: the server refused the token"
	switch {
	case e.Status != "" && e.Scope != "":
		return fmt.Sprintf(refused+": status %q, scope %q", head(e.Status, 64), head(e.Scope, 128))
	case e.Status != "":
		return fmt.Sprintf(refused+": status %q", head(e.Status, 64))
	case len(e.Raw) == 0:
		return refused
	default:
		return fmt.Sprintf(refused+" with a challenge that is not the JSON expected: %q", head(e.Raw, 192))
	}
}

// head counts bytes, since quoting turns any byte into at most four.
func head[T string | []byte](s T, n int) T {
	return s[:min(len(s), n)]
}

// decodeError reads a challenge. A server may echo a token, in any form; that
// must not reach the caller's log.
func decodeError(challenge []byte, tokens ...string) *Error {
	var secrets plain.Secrets
	secrets.AddEncoded(tokens...)
	e := &Error{Raw: []byte(secrets.Text(string(head(challenge, maxRaw))))}
	var fields struct {
		Status  jsonText `json:"status"`
		Schemes jsonText `json:"schemes"`
		Scope   jsonText `json:"scope"`
	}
	if len(challenge) > maxRaw || json.Unmarshal(challenge, &fields) != nil {
		return e
	}
	e.Status = secrets.Text(string(fields.Status))
	e.Schemes = secrets.Text(string(fields.Schemes))
	e.Scope = secrets.Text(string(fields.Scope))
	return e
}

// jsonText is a JSON string, or a number as its digits: servers differ on
// whether the status is "401" or 401. Anything else leaves it empty, so that
// one odd field does not cost the others.
type jsonText string

func (t *jsonText) UnmarshalJSON(data []byte) error {
	var (
		s string
		n json.Number
	)
	switch {
	case json.Unmarshal(data, &s) == nil:
		*t = jsonText(s)
	case json.Unmarshal(data, &n) == nil:
		*t = jsonText(n)
	default:
		*t = ""
	}
	return nil
}

// encode returns the challenge that carries e, in the form [decodeError] reads.
func (e *Error) encode() []byte {
	b, err := json.Marshal(struct {
		Status  string `json:"status"`
		Schemes string `json:"schemes"`
		Scope   string `json:"scope,omitempty"`
	}{e.Status, e.Schemes, e.Scope})
	if err != nil {
		panic("xoauth2: " + err.Error()) // strings always marshal
	}
	return b
}
