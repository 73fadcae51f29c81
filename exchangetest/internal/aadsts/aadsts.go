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
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
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
}

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

// Fill returns the text with value in the place of the names in braces. A name
// in a value is left as it is.
func (r Refusal) Fill(value func(name string) string) string {
	return placeholder.ReplaceAllStringFunc(r.Text, func(name string) string {
		return value(strings.Trim(name, "{}"))
	})
}
