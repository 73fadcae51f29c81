package exchangetest

import (
	"fmt"
	"net/http"
	"net/url"
)

// An entraError is a refusal of Entra ID. Which error code and which status
// belong to a number is observed, not documented: only "error" is meant to be
// programmed against.
// (https://learn.microsoft.com/entra/identity-platform/reference-error-codes)
type entraError struct {
	code     int // AADSTS
	name     string
	status   int
	text     string
	suberror string
	claims   string // JSON, in a string
}

func badRequest(code int, name, format string, args ...any) *entraError {
	return &entraError{code: code, name: name, status: http.StatusBadRequest, text: fmt.Sprintf(format, args...)}
}

func invalidClient(code int, format string, args ...any) *entraError {
	return &entraError{code: code, name: "invalid_client", status: http.StatusUnauthorized, text: fmt.Sprintf(format, args...)}
}

func (e *entraError) sub(suberror string) *entraError {
	e.suberror = suberror
	return e
}

// refuseToken writes the JSON that Entra ID answers an error with.
func (s *Server) refuseToken(a *answer, e *entraError) {
	if rec, ok := a.w.(*tokenRecorder); ok {
		rec.request.AADSTS, rec.request.Error = e.code, e.text
	}
	s.Logger.Info("token refused", "aadsts", e.code, "error", e.name, "tenant", a.r.PathValue("tenant"))
	at := s.Now().UTC().Format("2006-01-02 15:04:05Z")
	a.w.Header().Set("x-ms-clitelem", fmt.Sprintf("1,%d,0,,", e.code))
	writeJSON(a.w, e.status, struct {
		Error         string `json:"error"`
		Description   string `json:"error_description"`
		Codes         []int  `json:"error_codes"`
		Timestamp     string `json:"timestamp"`
		TraceID       string `json:"trace_id"`
		CorrelationID string `json:"correlation_id"`
		URI           string `json:"error_uri"`
		Suberror      string `json:"suberror,omitempty"`
		Claims        string `json:"claims,omitempty"`
	}{
		Error: e.name,
		Description: fmt.Sprintf("AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s",
			e.code, e.text, a.trace, a.correlation, at),
		Codes: []int{e.code}, Timestamp: at, TraceID: a.trace, CorrelationID: a.correlation,
		URI:      fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", e.code),
		Suberror: e.suberror, Claims: e.claims,
	})
}

// unescape decodes what RFC 6749 section 2.3.1 has clients encode; clients
// that forget to are understood too, as long as no percent sign is involved.
func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}
