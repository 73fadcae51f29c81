package exchangetest

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
)

// An entraError is a refusal of Entra ID, and what its text says that the
// request does not.
type entraError struct {
	aadsts.Refusal
	said map[string]string
	wait time.Duration // Retry-After of an answer that is no JSON; zero for others
}

// refuse returns the refusal of that number. The pairs are names of its text
// and what they stand for.
func refuse(code int, pairs ...string) *entraError {
	r, ok := aadsts.Lookup(code)
	if !ok {
		panic(fmt.Sprintf("exchangetest: there is no refusal AADSTS%d", code))
	}
	e := &entraError{Refusal: r, said: make(map[string]string)}
	for i := 0; i < len(pairs); i += 2 {
		e.said[pairs[i]] = pairs[i+1]
	}
	return e
}

// as, sub and because make of it the other refusal that the number stands for
// too.
func (e *entraError) as(name string) *entraError {
	e.Error = name
	return e
}

func (e *entraError) sub(suberror string) *entraError {
	e.Suberror = suberror
	return e
}

func (e *entraError) because(text string) *entraError {
	e.Text = text
	return e
}

// tooManyRequests is the answer to an application in a loop, of which no JSON
// was seen. (https://github.com/AzureAD/microsoft-authentication-library-for-dotnet/issues/2855)
func tooManyRequests() *entraError {
	return &entraError{Refusal: aadsts.Refusal{HTTP: http.StatusTooManyRequests, Text: "Too Many Requests"}, wait: appPause}
}

// iso7 is how Entra ID writes times in a text.
func iso7(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0000000Z") }

// words returns the text of a refusal of the request, which is nil where
// another protocol than HTTP asks.
func (s *Server) words(r *http.Request, e *entraError) string {
	if r == nil {
		r = &http.Request{URL: new(url.URL)}
	}
	return e.Fill(func(name string) string {
		if text, ok := e.said[name]; ok {
			return text
		}
		return s.asked(r, name)
	})
}

// asked returns what a name in the text of a refusal stands for as far as the
// request says it.
func (s *Server) asked(r *http.Request, name string) string {
	id, _ := clientSecret(r)
	id = cmp.Or(r.Form.Get("client_id"), id)
	switch name {
	case "client_id":
		return id
	case "app_name":
		if a := s.dir.registered(id); a != nil {
			return a.Name
		}
	case "tenant":
		return requestTenant(r)
	case "resource":
		return exchangeAppID
	case "now", "issued", "from", "to":
		return iso7(s.entraNow())
	}
	return cmp.Or(r.Form.Get(name), "unknown")
}

// requestTenant returns the tenant as the URL has it.
func requestTenant(r *http.Request) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return name
}

// describe returns what error_description says.
func (s *Server) describe(a *answer, e *entraError) string {
	return fmt.Sprintf("AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s",
		e.Code, s.words(a.r, e), a.trace, a.correlation, s.stamp())
}

// stamp is the time of an answer, by the clock of Entra ID.
func (s *Server) stamp() string { return s.entraNow().UTC().Format("2006-01-02 15:04:05Z") }

// refuseToken writes the JSON that Entra ID answers an error with.
func (s *Server) refuseToken(a *answer, e *entraError) {
	if rec, ok := a.w.(*tokenRecorder); ok {
		rec.request.AADSTS, rec.request.Error = e.Code, s.words(a.r, e)
	}
	s.Logger.Info("token refused", "aadsts", e.Code, "error", e.Error, "tenant", requestTenant(a.r))
	if e.wait > 0 {
		a.w.Header().Set("Retry-After", strconv.Itoa(int(e.wait/time.Second)))
		http.Error(a.w, e.Text, e.Status())
		return
	}
	a.w.Header().Set("x-ms-clitelem", fmt.Sprintf("1,%d,0,,", e.Code))
	writeJSON(a.w, e.Status(), struct {
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
		Error: e.Error, Description: s.describe(a, e),
		Codes: []int{e.Code}, Timestamp: s.stamp(), TraceID: a.trace, CorrelationID: a.correlation,
		URI:      fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", e.Code),
		Suberror: e.Suberror, Claims: e.Claims,
	})
}
