package entra

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
	"github.com/exoauth/exoauth/exchangetest/internal/web"
)

// words returns the text of a refusal of the request, which is nil where
// another protocol than HTTP asks.
func (s *Server) words(r *http.Request, e *aadsts.Refusal) string {
	if r == nil {
		r = &http.Request{URL: new(url.URL)}
	}
	return e.Fill(func(name string) string { return s.asked(r, name) })
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
		if a := s.Directory.Registered(id); a != nil {
			return a.Name
		}
	case "tenant":
		return requestTenant(r)
	case "resource":
		return resource.ExchangeAppID
	case "now", "issued", "from", "to":
		return aadsts.Time(s.Mint.Now())
	}
	return cmp.Or(r.Form.Get(name), "unknown")
}

// requestTenant returns the tenant as the URL has it.
func requestTenant(r *http.Request) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return name
}

// describe returns what error_description says.
func (s *Server) describe(a *answer, e *aadsts.Refusal) string {
	return fmt.Sprintf("AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s",
		e.Code, s.words(a.r, e), a.trace, a.correlation, s.stamp())
}

// stamp is the time of an answer, by the clock of Entra ID.
func (s *Server) stamp() string { return s.Mint.Now().UTC().Format("2006-01-02 15:04:05Z") }

// refuseToken writes the JSON that Entra ID answers an error with.
func (s *Server) refuseToken(a *answer, e *aadsts.Refusal) {
	if rec, ok := a.w.(*tokenRecorder); ok {
		rec.request.AADSTS, rec.request.Error = e.Code, s.words(a.r, e)
	}
	s.Logger.Info("token refused", "aadsts", e.Code, "error", e.Error, "tenant", requestTenant(a.r))
	if e.Wait > 0 {
		a.w.Header().Set("Retry-After", strconv.Itoa(int(e.Wait/time.Second)))
		http.Error(a.w, e.Text, e.Status())
		return
	}
	a.w.Header().Set("x-ms-clitelem", fmt.Sprintf("1,%d,0,,", e.Code))
	web.WriteJSON(a.w, e.Status(), struct {
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
