// Package aadsts has the refusals of Entra ID by their number: what the
// endpoints answer, and in which words.
//
// Which "error" and which status belong to a number is observed rather than
// documented, and so are most texts: they are those of public reports, or else
// those of Microsoft's list. Only "error" and "suberror" are meant to be
// programmed against.
// (https://learn.microsoft.com/entra/identity-platform/reference-error-codes)
package aadsts

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Refusal is the answer to a request that cannot be granted.
type Refusal struct {
	Code     int    // the digits after AADSTS
	Error    string // "error"
	Suberror string // "suberror"; empty for none
	Claims   string // "claims", JSON in a string; empty for none
	HTTP     int    // status; zero means 401 for invalid_client, and 400 for others

	// Text is the description without its head and its tail of ids. Names in
	// braces stand for what the request says.
	Text string

	// Page says that the person at the browser is shown the refusal and the
	// application is told nothing.
	Page bool

	// Ours says that the text is neutral words of our own, because neither
	// reports nor Microsoft's list have one that a client could be sent.
	Ours bool

	// Wait is the Retry-After of an answer that is plain text and no JSON.
	Wait time.Duration

	said map[string]string // what names in the text stand for
}

// Refuse returns the refusal with that number. The pairs are names in its text
// and what they stand for.
func Refuse(code int, pairs ...string) *Refusal {
	r, ok := table[code]
	if !ok {
		panic(fmt.Sprintf("aadsts: there is no refusal AADSTS%d", code))
	}
	r.said = make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		r.said[pairs[i]] = pairs[i+1]
	}
	return &r
}

// As sets "error", for a number that stands for more than one refusal.
func (r *Refusal) As(name string) *Refusal {
	r.Error = name
	return r
}

// Sub sets "suberror".
func (r *Refusal) Sub(suberror string) *Refusal {
	r.Suberror = suberror
	return r
}

// Because sets the text.
func (r *Refusal) Because(text string) *Refusal {
	r.Text = text
	return r
}

// TooManyRequests tells an application in a loop to wait. No JSON of this
// answer was seen.
// (https://github.com/AzureAD/microsoft-authentication-library-for-dotnet/issues/2855)
func TooManyRequests(wait time.Duration) *Refusal {
	return &Refusal{HTTP: http.StatusTooManyRequests, Text: "Too Many Requests", Wait: wait}
}

// Time writes a time as Entra ID does in a text.
func Time(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0000000Z") }

// Values of "error". (RFC 6749 §5.2, RFC 8628 §3.5, and
// Microsoft's own)
const (
	invalidRequest      = "invalid_request"
	invalidClient       = "invalid_client"
	invalidGrant        = "invalid_grant"
	invalidScope        = "invalid_scope"
	invalidResource     = "invalid_resource"
	unauthorizedClient  = "unauthorized_client"
	accessDenied        = "access_denied"
	interactionRequired = "interaction_required"
	unavailable         = "temporarily_unavailable"
)

var table = func() map[int]Refusal {
	m := make(map[int]Refusal)
	for _, r := range slices.Concat(requests, clients, users, policies, sessions, troubles) {
		if _, ok := m[r.Code]; ok {
			panic("aadsts: two refusals with one number")
		}
		m[r.Code] = r
	}
	return m
}()

// Lookup returns the refusal with that number, if there is one.
func Lookup(code int) (Refusal, bool) {
	r, ok := table[code]
	return r, ok
}

// Codes returns the numbers in ascending order.
func Codes() []int { return slices.Sorted(maps.Keys(table)) }

// Status returns the status of HTTP.
func (r Refusal) Status() int {
	switch {
	case r.HTTP != 0:
		return r.HTTP
	case r.Error == invalidClient:
		return http.StatusUnauthorized
	}
	return http.StatusBadRequest
}

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// Fill returns the text with the names in braces replaced, by what Refuse was
// told or else by value. A name in a value is left as it is.
func (r Refusal) Fill(value func(name string) string) string {
	return placeholder.ReplaceAllStringFunc(r.Text, func(name string) string {
		name = strings.Trim(name, "{}")
		if text, ok := r.said[name]; ok {
			return text
		}
		return value(name)
	})
}
