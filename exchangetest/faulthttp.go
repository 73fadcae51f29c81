package exchangetest

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/drip"
)

// Refusals returns the numbers that [Fault.AADSTS] takes, in ascending order:
// those of Microsoft's list that keep a client from a token for mail.
// (https://learn.microsoft.com/entra/identity-platform/reference-error-codes)
func Refusals() []int { return aadsts.Codes() }

// faulty lets faults strike at requests.
func (s *Server) faulty(at Place, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if at == AtEntra {
			s.web.hit(endpoint(r))
		}
		f := s.strike(at, endpoint(r), r.Context().Done())
		if f == nil {
			next.ServeHTTP(w, r)
			return
		}
		if f.Drip > 0 {
			w = &drip.Writer{ResponseWriter: w, Clock: s.clock, Drip: f.Drip, Gone: r.Context().Done()}
		}
		if !f.replaces() {
			next.ServeHTTP(w, r)
			return
		}
		s.replace(at, w, r, f)
	})
}

// endpoint is the last part of the path.
func endpoint(r *http.Request) string { return r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:] }

// replace gives the answer of a fault.
func (s *Server) replace(at Place, w http.ResponseWriter, r *http.Request, f *Fault) {
	r.SetPathValue("tenant", requestTenant(r))
	if err := bufferForm(w, r); err == nil && (at == AtHost || endpoint(r) == "token") {
		s.records.addRequest(s.faultRecord(at, r, f))
	}
	if f.AADSTS != 0 {
		s.refuseByFault(w, r, f)
	} else {
		f.respond(w)
	}
	f.hangUp(w)
}

// refusal is that of the number, with the status of the fault if it has one.
func (f *Fault) refusal() *aadsts.Refusal {
	e := aadsts.Refuse(f.AADSTS)
	e.HTTP = cmp.Or(f.Status, e.HTTP)
	return e
}

func (s *Server) faultRecord(at Place, r *http.Request, f *Fault) Request {
	record := s.newRequest(r)
	if at == AtHost {
		record = s.newHostRequest(r)
	}
	record.Status = f.Status
	switch {
	case f.AADSTS != 0:
		e := f.refusal()
		record.Status, record.AADSTS, record.Error = e.Status(), e.Code, s.words(r, e)
	case f.Status == 0 && f.Reply != "":
		record.Status = http.StatusOK
	}
	return record
}

// refuseByFault refuses a request in the way of its endpoint.
func (s *Server) refuseByFault(w http.ResponseWriter, r *http.Request, f *Fault) {
	a, e := s.newAnswer(w, r), f.refusal()
	f.setHeader(w.Header())
	switch endpoint(r) {
	case "authorize", "adminconsent":
		if req, refusal := s.authorizeRequest(r); refusal == nil && !e.Page {
			s.redirectError(a, req, e)
			return
		}
		s.errorPage(a, e)
	case "deviceauth":
		s.errorPage(a, e)
	default:
		s.refuseToken(a, e)
	}
}

func (f *Fault) setHeader(h http.Header) {
	for name, values := range f.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
}

// respond sends the Reply.
func (f *Fault) respond(w http.ResponseWriter) {
	f.setHeader(w.Header())
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", contentType(f.Reply))
	}
	if f.Reply == "" && f.Status == 0 {
		return
	}
	body := f.Reply
	if f.Cut > 0 && f.Cut < len(body) {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		body = body[:f.Cut]
	}
	w.WriteHeader(max(f.Status, http.StatusOK))
	w.Write([]byte(body))
}

// hangUp ends the connection where the fault shall end it.
func (f *Fault) hangUp(w http.ResponseWriter) {
	if !f.ends() {
		return
	}
	control := http.NewResponseController(w)
	if f.Reply != "" || f.AADSTS != 0 || f.Status != 0 {
		control.Flush()
	}
	if conn, _, err := control.Hijack(); err == nil {
		if t, ok := conn.(interface{ NetConn() net.Conn }); ok && f.Reset {
			reset(t.NetConn())
		}
		conn.Close()
	}
}

func contentType(body string) string {
	switch {
	case strings.HasPrefix(body, "{"):
		return "application/json; charset=utf-8"
	case strings.HasPrefix(body, "<"):
		return "text/html; charset=utf-8"
	}
	return "text/plain; charset=utf-8"
}
