package tokensource

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/internal/aadsts"
	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/internal/verdict"
)

// ErrInteractionRequired means that the user has to sign in or consent before a
// request can succeed. errors.Is(err, ErrInteractionRequired) reports whether an
// [*Error] says so.
var ErrInteractionRequired = verdict.ErrInteraction

// ConfigError reports a setting that cannot work. Nothing was sent. A Source
// with such a setting returns the same error from every call.
type ConfigError struct {
	Field   string // such as "Tenant" or "Cloud.Authority"; or a function, or an environment variable
	Value   string // its value; empty if that is or may be a secret
	Problem string // the fault
	Remedy  string // how to fix it
	Err     error  // the cause, such as the error of a file; nil if there is none
}

// Unwrap returns e.Err.
func (e *ConfigError) Unwrap() error { return e.Err }

// Is lets package imapdial recognize a ConfigError: Keep gives up on it, since
// waiting does not fix it. Most users do not need it.
func (e *ConfigError) Is(target error) bool { return target == verdict.ErrSetting }

// Error names the field, its value, the problem and the remedy.
func (e *ConfigError) Error() string {
	value := ""
	if e.Value != "" {
		value = fmt.Sprintf(" is %q", head(e.Value, 128))
	}
	reason := ""
	if e.Err != nil {
		reason = ": " + head(e.Err.Error(), 256)
	}
	return plain.Line(fmt.Sprintf("tokensource: the setting %s%s: %s%s; %s", e.Field, value, e.Problem, reason, e.Remedy))
}

// Error reports a token request that failed. Several callers may share it, so do
// not modify it.
//
// The fields that quote the server are cut to a few KiB, with a placeholder for
// each secret that it echoed. To explain an Error to a person, pass it to
// Explain of package diagnose.
type Error struct {
	// Tenant and ClientID come from the settings. For a managed identity,
	// Tenant is empty, and ClientID may be.
	Tenant, ClientID string

	// Code and Suberror are "error" and "suberror" of the response, such as
	// "invalid_client". Microsoft advises programs to rely on these, since the
	// rest can change. (RFC 6749 §5.2)
	Code, Suberror string
	// Description is "error_description".
	Description string
	// AADSTS are the numbers of Entra ID's error codes, in the server's order,
	// such as 7000215. (https://learn.microsoft.com/entra/identity-platform/reference-error-codes)
	AADSTS []int
	// Claims is the JSON to put into [AuthCodeOptions.Claims] of the next
	// sign-in, to satisfy Conditional Access. It is empty if the server sent
	// none, or more than 16 KiB.
	Claims string

	// CorrelationID, TraceID and Timestamp identify the request to Microsoft's
	// support. If the server sent no correlation ID, CorrelationID is the
	// client-request-id of the request, or empty if no request was sent.
	// Timestamp is zero if the server sent none.
	CorrelationID, TraceID string
	Timestamp              time.Time

	// StatusCode is the HTTP status. Zero means that no response came.
	StatusCode int
	// RetryAfter is the time that the server wants between requests. Zero means
	// that it did not say. For AADSTS50196, Entra ID's detection of clients in
	// a loop, it is at least two minutes.
	RetryAfter time.Duration

	// Err is the cause if the server did not refuse the request: an error of
	// the network, of TLS or of the Cache, or a malformed response.
	Err error

	also         []*Error // failures that led to this one: of other credentials, of the tries before
	secretIsGUID bool     // the secret that was sent looks like an ID
	credential   string   // which one of several it is about
	identity     string   // the managed identity it is about, and where it was asked for
	hint         string   // what to do, if the numbers do not tell
	passes       bool     // the server is documented to answer so for a while
}

// Unwrap returns e.Err and the failures that led to this one: those of the
// other credentials of [InOrder], and the one before a context ended. If the
// server refused the request, it also returns an [*oauth2.RetrieveError]
// without a Body, so that code written for package oauth2 finds its error.
func (e *Error) Unwrap() (all []error) {
	if e.Err != nil {
		all = append(all, e.Err)
	}
	if e.Code != "" || e.StatusCode >= http.StatusBadRequest {
		all = append(all, &oauth2.RetrieveError{
			Response:         &http.Response{Status: fmt.Sprint(e.StatusCode, " ", http.StatusText(e.StatusCode)), StatusCode: e.StatusCode, Body: http.NoBody},
			ErrorCode:        e.Code,
			ErrorDescription: e.Description,
		})
	}
	for _, other := range e.also {
		all = append(all, other)
	}
	return all
}

// after returns e, or a copy of it that has the failures before it, too.
func (e *Error) after(failures ...*Error) *Error {
	if len(failures) == 0 {
		return e
	}
	last := *e
	last.also = slices.Concat(failures, e.also)
	return &last
}

// Is reports whether target is [ErrInteractionRequired] and the user has to
// act: the password has expired, consent is missing, the grant was revoked, or
// MFA is required. It reports false if Conditional Access forbids the access,
// or an administrator has to assign or enable the user, since signing in does
// not help then.
func (e *Error) Is(target error) bool { return target == ErrInteractionRequired && e.interactive() }

// Retryable reports whether the same request can succeed later, without any
// change: the network failed, or Entra ID is busy, throttling or in trouble. Wait
// for RetryAfter first. If the credential or the Cache failed, its error decides:
// a network error is retryable, and so is one whose method Retryable() bool or
// Temporary() bool returns true. Retryable reports false for an unknown error.
// With [InOrder], one retryable failure is enough.
//
// A new federated credential is unknown to Entra ID for some minutes
// (AADSTS70021, 700211, 700213, 7002137, 7002138). Retryable reports false for
// that, because Entra ID gives the same answer for a credential that does not
// match, and waiting does not fix that.
func (e *Error) Retryable() bool {
	if errors.Is(e.Err, context.Canceled) {
		return false
	}
	return e.retryable() || slices.ContainsFunc(e.also, (*Error).Retryable)
}

func (e *Error) retryable() bool {
	switch {
	case e.StatusCode == 0:
		return verdict.Retryable(e.Err)
	case e.passes:
		return true
	case e.StatusCode == http.StatusRequestTimeout, e.StatusCode == http.StatusTooManyRequests, e.StatusCode >= 500:
		return true
	case e.Code == "temporarily_unavailable", e.Code == "server_error":
		return true
	case errors.Is(e.Err, errCutShort):
		return true
	}
	return e.has(aadsts.Passes)
}

// credentialError is for a credential that cannot be used: no request was made.
type credentialError struct{ err error }

func (e *credentialError) Error() string { return "the credential cannot be used: " + e.err.Error() }
func (e *credentialError) Unwrap() error { return e.err }

// Error names the application, the code, the reason, the remedy if there is
// one, and the IDs for Microsoft's support, followed by the same for the
// failures that led to this one. The text is one line of printable characters,
// without secrets.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(prefix + "no token for " + cmp.Or(e.identity, "application "+e.ClientID+" of tenant "+e.Tenant))
	b.WriteString(e.detail())
	for _, other := range e.also {
		b.WriteString("; also" + other.detail())
	}
	return plain.Line(b.String())
}

// prefix begins the text of each error of this package, once.
const prefix = "tokensource: "

// detail is the text of this error alone, without the name of the client.
func (e *Error) detail() (text string) {
	for _, part := range []string{e.reason(), e.remedy()} {
		if part != "" {
			text += ": " + part
		}
	}
	if ids := e.ids(); len(ids) > 0 {
		text += " (" + strings.Join(ids, ", ") + ")"
	}
	return text
}

// reason is the code, the description without its tail of IDs, and Err.
func (e *Error) reason() string {
	var parts []string
	if e.Code != "" {
		parts = append(parts, head(e.Code, 64))
	}
	description, _, _ := strings.Cut(e.Description, "Trace ID:")
	if description = strings.TrimRight(strings.TrimSpace(description), "."); description != "" {
		parts = append(parts, head(description, 512))
	}
	if len(e.AADSTS) > 0 && !strings.Contains(description, "AADSTS") {
		parts = append(parts, fmt.Sprintf("AADSTS%d", e.AADSTS[0]))
	}
	if e.Err != nil {
		parts = append(parts, head(strings.ReplaceAll(e.Err.Error(), prefix, ""), 512))
	}
	return strings.Join(parts, ": ")
}

// ids returns the IDs for support, and others that tell failures apart.
func (e *Error) ids() (ids []string) {
	if e.StatusCode != 0 {
		ids = append(ids, fmt.Sprintf("HTTP status %d", e.StatusCode))
	}
	if e.credential != "" {
		ids = append(ids, e.credential)
	}
	if e.RetryAfter > 0 {
		ids = append(ids, "retry after "+e.RetryAfter.Round(time.Second).String())
	}
	if e.CorrelationID != "" {
		ids = append(ids, "correlation id "+head(e.CorrelationID, 64))
	}
	if e.TraceID != "" {
		ids = append(ids, "trace id "+head(e.TraceID, 64))
	}
	if !e.Timestamp.IsZero() {
		ids = append(ids, e.Timestamp.Format(time.RFC3339))
	}
	return ids
}

func (e *Error) remedy() string {
	if e.hint != "" {
		return e.hint
	}
	for _, code := range e.AADSTS {
		if code == 7000215 && e.secretIsGUID {
			return "the secret is a GUID, as a Secret ID is: use the secret's Value"
		}
		if remedy := aadsts.Causes[code].Remedy; remedy != "" {
			return remedy
		}
	}
	if e.StatusCode == http.StatusTooManyRequests {
		return "too many requests: wait, and let all of the program share one Source"
	}
	return ""
}

// maxClaims bounds Claims. Longer claims are left out, since a part of them is
// of no use.
const maxClaims = 16 << 10

// errCutShort is for an answer that the connection broke off.
var errCutShort = errors.New("the answer was cut short")
