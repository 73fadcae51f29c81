// Package web has what the HTTP servers share: how they read a form, write JSON
// and let faults strike.
package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/drip"
	"github.com/exoauth/exoauth/exchangetest/internal/fault"
)

// MaxForm bounds the body of a request.
const MaxForm = 1 << 20

// ReadForm reads the form of a request. The body can be read again.
func ReadForm(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxForm))
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	err = r.ParseForm()
	r.Body = io.NopCloser(bytes.NewReader(body))
	return err
}

// Form reads the form for a handler.
func Form(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := ReadForm(w, r); err != nil {
			http.Error(w, "Bad Request", http.StatusBadRequest)
			return
		}
		next(w, r)
	}
}

// WriteJSON answers with a value that encoding/json can write.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("web: %v", err))
	}
	w.WriteHeader(status)
	w.Write(body)
}

// Endpoint is the last part of the path.
func Endpoint(r *http.Request) string { return r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:] }

// Faulty lets faults strike at requests. An answer that a fault replaces is
// noted first; refused reports whether that was the answer.
func Faulty(faults *fault.Faults, at fault.Place, note func(http.ResponseWriter, *http.Request, *fault.Fault) (refused bool), next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := &target{w, r, faults, note}
		if !faults.Strike(at, command(at, r), t, r.Context().Done()) {
			next.ServeHTTP(t.w, r)
		}
	})
}

// command is what a fault strikes at. The last part of the path is a name where
// that of a user is asked for.
func command(at fault.Place, r *http.Request) string {
	if at == fault.AtEntra {
		return EntraEndpoint(r)
	}
	return Endpoint(r)
}

// EntraEndpoint is the last part of the path that is no user's name.
func EntraEndpoint(r *http.Request) string {
	if parts := strings.Split(r.URL.Path, "/"); len(parts) > 2 && strings.EqualFold(parts[2], "UserRealm") {
		return "UserRealm"
	}
	return Endpoint(r)
}

// A target is what a fault strikes at.
type target struct {
	w      http.ResponseWriter
	r      *http.Request
	faults *fault.Faults
	note   func(http.ResponseWriter, *http.Request, *fault.Fault) bool
}

// Slow implements [fault.Target].
func (t *target) Slow(d time.Duration, _ time.Time) {
	t.w = &drip.Writer{ResponseWriter: t.w, Clock: t.faults.Clock, Drip: d, Gone: t.r.Context().Done()}
}

// Challenge implements [fault.Target]. HTTP has none.
func (*target) Challenge(string) bool { return true }

// Replace implements [fault.Target].
func (t *target) Replace(f *fault.Fault) {
	if t.note(t.w, t.r, f) {
		return
	}
	SetHeader(t.w, f)
	if t.w.Header().Get("Content-Type") == "" {
		t.w.Header().Set("Content-Type", contentType(f.Reply))
	}
	if f.Reply == "" && f.Status == 0 {
		return
	}
	body := f.Reply
	if f.Cut > 0 && f.Cut < len(body) {
		t.w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		body = body[:f.Cut]
	}
	t.w.WriteHeader(max(f.Status, http.StatusOK))
	t.w.Write([]byte(body))
}

// SetHeader sets the Header of a fault.
func SetHeader(w http.ResponseWriter, f *fault.Fault) {
	for name, values := range f.Header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
}

// End implements [fault.Target].
func (t *target) End(f *fault.Fault) {
	control := http.NewResponseController(t.w)
	if f.Reply != "" || f.AADSTS != 0 || f.Status != 0 {
		control.Flush()
	}
	if conn, _, err := control.Hijack(); err == nil {
		if c, ok := conn.(interface{ NetConn() net.Conn }); ok && f.Reset {
			fault.Reset(c.NetConn())
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
