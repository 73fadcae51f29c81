package tokensource

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/exoauth/exoauth/internal/verdict"
)

const (
	traceID       = "aaaaaaaa-0000-0000-0000-000000000001"
	correlationID = "aaaaaaaa-0000-0000-0000-000000000002"
)

func fail(t *testing.T, status int, body string) *Error {
	t.Helper()
	server := &fakeEntra{answer: answering(status, body)}
	_, err := server.source().TokenContext(t.Context())
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("error %v is no *Error", err)
	}
	return e
}

// A program that asks for the error of package oauth2 finds it, as package oauth2
// itself returns it.
func TestErrorIsAnOAuth2Error(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		found  bool
	}{
		"refused":                {401, `{"error":"invalid_client","error_description":"AADSTS7000215: wrong","error_codes":[7000215]}`, true},
		"refused without a code": {503, `busy`, true},
		"least refusal":          {400, ``, true},
		"no token in the answer": {200, `{}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(test.status)
				io.WriteString(w, test.body)
			}))
			defer server.Close()
			theirs := &clientcredentials.Config{ClientID: testClientID, ClientSecret: testSecret, TokenURL: server.URL}
			_, err := theirs.Token(t.Context())
			want, _ := errors.AsType[*oauth2.RetrieveError](err)
			got, ok := errors.AsType[*oauth2.RetrieveError](fail(t, test.status, test.body))
			if ok != test.found || ok != (want != nil) {
				t.Fatalf("found %t, in the error of package oauth2 %t; want %t", ok, want != nil, test.found)
			}
			if ok && (got.ErrorCode != want.ErrorCode || got.ErrorDescription != want.ErrorDescription ||
				got.Response.StatusCode != want.Response.StatusCode || got.Response.Status != want.Response.Status) {
				t.Errorf("got %#v\nwant %#v", got, want)
			}
		})
	}
	if _, ok := errors.AsType[*oauth2.RetrieveError](&Error{Err: io.EOF}); ok {
		t.Error("found without an answer")
	}
}

func TestErrorOfEntra(t *testing.T) {
	const description = `AADSTS7000215: Invalid client secret provided. Ensure the secret is right.`
	want := &Error{
		Tenant: testTenant, ClientID: testClientID,
		Code: "invalid_client", Suberror: "bad_token", AADSTS: []int{7000215},
		Claims: `{"access_token":{}}`, CorrelationID: correlationID, TraceID: traceID,
		Timestamp: time.Date(2022, 12, 9, 15, 4, 13, 0, time.UTC), StatusCode: 401,
	}
	ids := []string{`"trace_id":"` + traceID + `","correlation_id":"` + correlationID + `","timestamp":"2022-12-09 15:04:13Z",`, ""}
	for _, inFields := range ids {
		for _, separator := range []string{`\r\n`, ` `} {
			tail := strings.Join([]string{"", "Trace ID: " + traceID, "Correlation ID: " + correlationID, "Timestamp: 2022-12-09 15:04:13Z"}, separator)
			got := fail(t, 401, `{"error":"invalid_client",`+inFields+`"error_description":"`+description+tail+
				`","suberror":"bad_token","claims":"{\"access_token\":{}}","error_codes":[7000215]}`)
			if !strings.HasPrefix(got.Description, description) || !strings.Contains(got.Description, "Timestamp") {
				t.Errorf("Description %q", got.Description)
			}
			text := got.Error()
			wantText := "tokensource: no token for application " + testClientID + " of tenant " + testTenant +
				": invalid_client: " + strings.TrimSuffix(description, ".") + ": use the secret's Value, not its Secret ID, and check that it belongs to this application" +
				" (HTTP status 401, correlation id " + correlationID + ", trace id " + traceID + ", 2022-12-09T15:04:13Z)"
			if text != wantText {
				t.Errorf("text\n got %s\nwant %s", text, wantText)
			}
			got.Description = ""
			if !reflect.DeepEqual(got, want) {
				t.Errorf("separator %q\n got %+v\nwant %+v", separator, got, want)
			}
		}
	}
}

func TestRequestIDIsKept(t *testing.T) {
	var sent string
	server := &fakeEntra{answer: func(_ int, r *http.Request) (*http.Response, error) {
		sent = r.Header.Get("client-request-id")
		return response(400, `{"error":"invalid_request"}`), nil
	}}
	_, err := server.source().TokenContext(t.Context())
	if e, _ := errors.AsType[*Error](err); e == nil || e.CorrelationID != sent || sent == "" {
		t.Errorf("error %#v; want correlation id %q", err, sent)
	}
}

func TestRemedies(t *testing.T) {
	tests := []struct {
		code int
		text string
	}{
		{7000215, "secret's Value"},
		{7000222, "expired"},
		{700016, "ClientID"},
		{90002, "check Tenant"},
		{1002012, "/.default"},
	}
	for _, test := range tests {
		e := fail(t, 400, fmt.Sprintf(`{"error":"e","error_codes":[%d]}`, test.code))
		wantError(t, e, test.text)
		wantError(t, e, fmt.Sprintf("AADSTS%d", test.code))
	}
	wantError(t, &Error{StatusCode: 429}, "too many requests")
	wantError(t, &Error{StatusCode: 429, AADSTS: []int{7000222}}, "expired")
}

func TestSecretThatIsAGUID(t *testing.T) {
	server := &fakeEntra{answer: answering(401, `{"error":"invalid_client","error_codes":[7000215]}`)}
	config := server.config()
	config.Credential = Secret("deadbeef-0000-0000-0000-000000000000")
	_, err := config.ClientCredentials().TokenContext(t.Context())
	wantError(t, err, "is a GUID, as a Secret ID is")
	if strings.Contains(err.Error(), "deadbeef") {
		t.Errorf("the secret is in %q", err)
	}
}

func TestInteractionRequired(t *testing.T) {
	tests := []struct {
		code, suberror string
		want           bool
	}{
		{"interaction_required", "", true},
		{"login_required", "", true},
		{"consent_required", "", true},
		{"invalid_grant", "", true},
		{"invalid_grant", "basic_action", true},
		{"invalid_grant", "user_password_expired", true},
		{"invalid_grant", "message_only", false},
		{"invalid_grant", "client_mismatch", false},
		{"invalid_grant", "protection_policy_required", false},
		{"invalid_client", "", false},
		{"temporarily_unavailable", "", false},
		{"", "", false},
	}
	for _, test := range tests {
		err := fmt.Errorf("wrapped: %w", &Error{Code: test.code, Suberror: test.suberror})
		if got := errors.Is(err, ErrInteractionRequired); got != test.want {
			t.Errorf("%s %s: %v", test.code, test.suberror, got)
		}
		if errors.Is(err, io.EOF) {
			t.Errorf("%s is io.EOF", test.code)
		}
	}
}

func TestRetryable(t *testing.T) {
	tests := []struct {
		name string
		err  Error
		want bool
	}{
		{"reset", Error{Err: &net.OpError{Op: "read", Err: errors.New("reset")}}, true},
		{"unexpected EOF", Error{Err: io.ErrUnexpectedEOF}, true},
		{"time limit", Error{Err: errTimeout}, true},
		{"cancelled", Error{Err: context.Canceled}, false},
		{"no such host", Error{Err: &net.DNSError{IsNotFound: true}}, false},
		{"name server in trouble", Error{Err: &net.DNSError{IsTemporary: true}}, true},
		{"certificate", Error{Err: &tls.CertificateVerificationError{Err: io.EOF}}, false},
		{"alert of TLS", Error{Err: tls.AlertError(40)}, false},
		{"not TLS", Error{Err: tls.RecordHeaderError{}}, false},
		{"nothing", Error{}, false},
		{"500", Error{StatusCode: 500}, true},
		{"499", Error{StatusCode: 499}, false},
		{"200 and no token", Error{StatusCode: 200, Err: errors.New("no token")}, false},
		{"200 cut short", Error{StatusCode: 200, Err: errCutShort}, true},
		{"loop", Error{StatusCode: 400, AADSTS: []int{50196}}, true},
		{"lockout", Error{StatusCode: 400, AADSTS: []int{50053}}, false},
	}
	for _, test := range tests {
		if got := test.err.Retryable(); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

// The text of an Error has what is there, in an order that does not change.
func TestTextOfAnError(t *testing.T) {
	const who = "tokensource: no token for application c of tenant t"
	at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for name, row := range map[string]struct {
		e    Error
		want string
	}{
		"nothing":           {Error{}, who},
		"an identity":       {Error{identity: "the managed identity"}, "tokensource: no token for the managed identity"},
		"code":              {Error{Code: "e"}, who + ": e"},
		"status":            {Error{StatusCode: 400}, who + " (HTTP status 400)"},
		"description":       {Error{Description: " No. Trace ID: x"}, who + ": No"},
		"number":            {Error{AADSTS: []int{1, 2}, Description: "No"}, who + ": No: AADSTS1"},
		"number that is in": {Error{AADSTS: []int{1}, Description: "AADSTS1: No"}, who + ": AADSTS1: No"},
		"half a second":     {Error{RetryAfter: 500 * time.Millisecond}, who + " (retry after 1s)"},
		"a nanosecond":      {Error{RetryAfter: 1}, who + " (retry after 0s)"},
		"ten seconds":       {Error{RetryAfter: 10 * time.Second}, who + " (retry after 10s)"},
		"too many":          {Error{StatusCode: 429}, who + ": too many requests: wait, and let all of the program share one Source (HTTP status 429)"},
		"ids": {
			Error{Code: "e", StatusCode: 400, credential: "credential 1 of 2", RetryAfter: time.Minute, CorrelationID: "a", TraceID: "b", Timestamp: at},
			who + ": e (HTTP status 400, credential 1 of 2, retry after 1m0s, correlation id a, trace id b, 2026-11-24T10:00:00Z)",
		},
		"others": {Error{Code: "e", also: []*Error{{Code: "f", StatusCode: 500}}}, who + ": e; also: f (HTTP status 500)"},
	} {
		row.e.Tenant, row.e.ClientID = "t", "c"
		if got := row.e.Error(); got != row.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, row.want)
		}
	}
}

// How much of each part an error shows.
func TestLengthsInAText(t *testing.T) {
	long := strings.Repeat("y", 10_000)
	e := &Error{Code: long, Description: long, Err: errors.New(long), CorrelationID: long, TraceID: long}
	if n := strings.Count(e.detail(), "y"); n != 64+512+512+64+64 {
		t.Errorf("%d characters of an Error", n)
	}
	for name, row := range map[string]struct {
		e    Error
		want int
	}{
		"code": {Error{Code: long}, 64}, "description": {Error{Description: long}, 512}, "reason": {Error{Err: errors.New(long)}, 512},
		"correlation id": {Error{CorrelationID: long}, 64}, "trace id": {Error{TraceID: long}, 64},
	} {
		if n := strings.Count(row.e.detail(), "yy"); n != row.want/2 {
			t.Errorf("%s: %d pairs; want %d", name, n, row.want/2)
		}
	}
	c := &ConfigError{Field: "F", Value: long, Problem: "P", Remedy: "R"}
	if n := strings.Count(c.Error(), "y"); n != 128 {
		t.Errorf("%d characters of a value", n)
	}
	c = &ConfigError{Field: "F", Problem: "P", Remedy: "R", Err: errors.New(long)}
	if n := strings.Count(c.Error(), "y"); n != 256 {
		t.Errorf("%d characters of a setting's reason", n)
	}
	if !errors.Is(c, verdict.ErrSetting) || errors.Is(c, verdict.ErrInteraction) {
		t.Error("it is not known as an error of a setting")
	}
}

// A server commands neither a terminal nor a log.
func TestErrorTextIsOneBoundedPrintableLine(t *testing.T) {
	tests := []struct{ name, body string }{
		{"escapes", `{"error":"\u001b[2J","error_description":"a\r\nb\u0000\u202ec\u2028d"}`},
		{"long", `{"error":"` + strings.Repeat("e", 10000) + `","error_description":"` + strings.Repeat("d", 10000) + `","suberror":"` + strings.Repeat("s", 10000) + `"}`},
		{"long ids", `{"error":"e","correlation_id":"` + strings.Repeat("c", 10000) + `","trace_id":"` + strings.Repeat("t", 10000) + `","timestamp":"` + strings.Repeat("9", 10000) + `"}`},
		{"not UTF-8", "{\"error\":\"\xff\xfe\"}"},
		{"claims that would be cut", `{"error":"e","claims":"` + strings.Repeat("c", 100000) + `"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { checkText(t, fail(t, 400, test.body)) })
	}
}

func checkText(t *testing.T, e *Error) {
	t.Helper()
	text := e.Error()
	if len(text) > 3000 || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("%d bytes: %q", len(text), text)
	}
	if len(e.Description) > 4<<10 || len(e.Code)+len(e.Suberror)+len(e.CorrelationID)+len(e.TraceID) > 1<<10 || len(e.Claims) > maxClaims {
		t.Errorf("a field is too long: %+v", e)
	}
}

// The name of the package begins each text, and is not said again.
func TestPrefixIsPrintedOnce(t *testing.T) {
	config := new(fakeEntra).config()
	config.Credential = AssertionFile("testdata/nothing")
	_, err := config.ClientCredentials().TokenContext(t.Context())
	if err == nil || strings.Count(err.Error(), "tokensource: ") != 1 || !strings.HasPrefix(err.Error(), "tokensource: ") {
		t.Errorf("error %v", err)
	}
}
