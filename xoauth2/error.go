package xoauth2

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// maxRaw bounds what an Error keeps of a challenge.
const maxRaw = 4 << 10

// Error is a server's refusal, sent as a challenge that holds a JSON object.
// Gmail and Dovecot refuse this way. Exchange Online does not: it answers
// "NO AUTHENTICATE failed." or "535 5.7.3" at once, which the IMAP or SMTP
// library reports with its own error.
type Error struct {
	// Status is an HTTP status such as "401", or an error code such as
	// "invalid_token"; empty where the challenge was not the JSON expected.
	Status string
	// Schemes and Scope name what the server would accept; often empty.
	Schemes, Scope string
	// Raw is the decoded challenge, cut to its first 4 KiB.
	Raw []byte
}

// Error gives the status and the server's words, never more than a few
// hundred bytes, with control characters escaped.
func (e *Error) Error() string {
	const shown = 256
	switch {
	case e.Status != "" && e.Scope != "":
		return fmt.Sprintf("xoauth2: the server refused the token: status %.64q, scope %.128q", e.Status, e.Scope)
	case e.Status != "":
		return fmt.Sprintf("xoauth2: the server refused the token: status %.64q", e.Status)
	case len(e.Raw) == 0:
		return "xoauth2: the server refused the token"
	default:
		return fmt.Sprintf("xoauth2: the server refused the token with a challenge that is not the JSON expected: %q", e.Raw[:min(len(e.Raw), shown)])
	}
}

func decodeError(challenge []byte) *Error {
	e := &Error{Raw: bytes.Clone(challenge[:min(len(challenge), maxRaw)])}
	if len(challenge) > maxRaw {
		return e
	}
	var fields struct {
		Status  jsonText `json:"status"`
		Schemes jsonText `json:"schemes"`
		Scope   jsonText `json:"scope"`
	}
	if json.Unmarshal(challenge, &fields) != nil {
		return e
	}
	e.Status, e.Schemes, e.Scope = string(fields.Status), string(fields.Schemes), string(fields.Scope)
	return e
}

// jsonText is a JSON string, or a number as its digits: servers differ on
// whether the status is "401" or 401.
type jsonText string

func (t *jsonText) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		*t = jsonText(s)
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(data, &n); err != nil {
		return err
	}
	*t = jsonText(strings.TrimSpace(n.String()))
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
