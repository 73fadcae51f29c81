package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
)

//go:embed api.html
var apiText []byte

// handleAPI adds what programs use, which api.html documents.
func (p *web) handleAPI(mux *http.ServeMux) {
	mux.HandleFunc("GET /api", func(w http.ResponseWriter, _ *http.Request) {
		secure(w)
		w.Write(apiText)
	})
	mux.HandleFunc("GET /api/requests", func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, events(p.srv.Requests(), requestEvent)) })
	mux.HandleFunc("GET /api/sessions", func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, events(p.srv.Sessions(), sessionEvent)) })
	mux.HandleFunc("GET /api/messages", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, events(p.srv.Sent(), func(m exchangetest.Message) message { return message{messageEvent(m), string(m.Data)} }))
	})
	mux.HandleFunc("POST /api/admin", p.apiAdmin)
	mux.HandleFunc("POST /api/advance", p.apiAdvance)
	mux.HandleFunc("POST /api/faults", p.apiFault)
	mux.HandleFunc("DELETE /api/faults", func(w http.ResponseWriter, _ *http.Request) {
		p.srv.ClearFaults()
		w.WriteHeader(http.StatusNoContent)
	})
}

// message is an event with the message itself.
type message struct {
	event
	Data string `json:"data"`
}

// events returns a list that is not nil, which JSON would have as null.
func events[A, B any](list []A, f func(A) B) []B {
	out := make([]B, len(list))
	for i, a := range list {
		out[i] = f(a)
	}
	return out
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	lines.Encode(v)
}

func refuse(w http.ResponseWriter, problem string) {
	answer(w, http.StatusUnprocessableEntity, map[string]string{"error": problem})
}

// body returns the text of a request, or answers it.
func body(w http.ResponseWriter, r *http.Request) (text string, ok bool) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<16))
	if err != nil {
		refuse(w, "the body cannot be read, or is longer than 64 KiB")
	}
	return strings.TrimSpace(string(b)), err == nil
}

func (p *web) apiAdmin(w http.ResponseWriter, r *http.Request) {
	script, ok := body(w, r)
	if !ok {
		return
	}
	output, problem := p.run(script)
	if problem != "" {
		answer(w, http.StatusUnprocessableEntity, map[string]string{"output": output, "error": problem})
		return
	}
	answer(w, 200, map[string]string{"output": output})
}

func (p *web) apiAdvance(w http.ResponseWriter, r *http.Request) {
	by, ok := body(w, r)
	if !ok {
		return
	}
	if problem := p.move(by); problem != "" {
		refuse(w, problem)
		return
	}
	answer(w, 200, map[string]time.Time{"now": p.srv.Now()})
}

// apiFault injects a fault. The names of its fields are those of
// exchangetest.Fault, in any case.
func (p *web) apiFault(w http.ResponseWriter, r *http.Request) {
	var f struct {
		exchangetest.Fault
		Delay, Drip duration
	}
	in := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
	in.DisallowUnknownFields()
	if err := in.Decode(&f); err != nil {
		refuse(w, err.Error())
		return
	}
	f.Fault.Delay, f.Fault.Drip = time.Duration(f.Delay), time.Duration(f.Drip)
	if at, ok := places[strings.ToLower(string(f.At))]; ok {
		f.At = at
	}
	if err := p.inject(f.Fault); err != nil {
		refuse(w, err.Error())
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// places are those of a fault, by their names in JSON.
var places = map[string]exchangetest.Place{
	"imap": exchangetest.AtIMAP, "pop": exchangetest.AtPOP, "smtp": exchangetest.AtSMTP,
	"entra": exchangetest.AtEntra, "host": exchangetest.AtHost,
}

func (p *web) inject(f exchangetest.Fault) (err error) {
	defer recovered(&err)
	p.srv.Inject(f)
	return nil
}

// duration is one in JSON, such as "90m".
type duration time.Duration

func (d *duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a duration such as 90m", text)
	}
	*d = duration(parsed)
	return nil
}
