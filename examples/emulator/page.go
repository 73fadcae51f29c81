package main

import (
	_ "embed"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"clock":  func(t time.Time) string { return t.UTC().Format("15:04:05") },
	"claims": claims,
	"size":   func(b []byte) int { return len(b) },
	"join":   func(list []string) string { return strings.Join(list, ", ") },
}).Parse(pageText))

// shown bounds the rows of each list, newest first.
const shown = 50

// A web is the web page.
type web struct {
	srv  *exchangetest.Server
	s    *seeding
	dir  *directory
	name string // of this machine, besides those on loopback; empty if there is none
}

func newPage(srv *exchangetest.Server, s *seeding, dir *directory, name string) http.Handler {
	p := &web{srv, s, dir, name}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { p.render(w, "page", said{}) })
	mux.HandleFunc("GET /live", func(w http.ResponseWriter, _ *http.Request) { p.render(w, "live", said{}) })
	mux.HandleFunc("GET /events", p.events)
	mux.HandleFunc("POST /advance", p.advance)
	mux.HandleFunc("POST /admin", p.admin)
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	p.handleAPI(mux)
	return p.ownNames(http.NewCrossOriginProtection().Handler(mux))
}

// ownNames refuses names that lead here from elsewhere: a page of the web must
// not read this one by a name of its own.
func (p *web) ownNames(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := (&url.URL{Host: r.Host}).Hostname() // browsers leave out port 80
		if !isLoopback(host) && (p.name == "" || host != p.name) {
			http.Error(w, "This page is for this machine alone.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// view is what the templates show.
type view struct {
	Now      time.Time
	Addrs    exchangetest.Addrs
	Settings string
	Mailbox  string
	User     string
	Sessions []exchangetest.Session
	Open     int
	Refused  int
	Requests []exchangetest.Request
	Sent     []exchangetest.Message
	Said     said
	Counts   [3]int
}

// said is what came of a form.
type said struct {
	Output, Problem string
	Script          string // as it was typed, where it is to be mended
}

func newestFirst[T any](list []T) []T {
	slices.Reverse(list)
	return list[:min(len(list), shown)]
}

func (p *web) render(w http.ResponseWriter, name string, answer said) {
	sessions, requests, sent := p.srv.Sessions(), p.srv.Requests(), p.srv.Sent()
	v := view{
		Now: p.srv.Now(), Addrs: p.srv.Addrs(), Settings: filepath.Join(p.dir.path, "settings.env"), Mailbox: p.s.mailboxes[0], User: p.s.users[0].UPN,
		Counts: [3]int{len(sessions), len(requests), len(sent)}, Said: answer,
	}
	for _, s := range sessions {
		if !s.Closed {
			v.Open++
		}
		if s.Reason != "" {
			v.Refused++
		}
	}
	v.Sessions, v.Requests, v.Sent = newestFirst(sessions), newestFirst(requests), newestFirst(sent)
	secure(w)
	if err := pageTemplate.ExecuteTemplate(w, name, v); err != nil {
		return // the browser has gone
	}
}

// secure sets the headers of a page that nothing else may load or frame.
func secure(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; form-action 'self'")
}

// claims returns the claims that tell something, one on a line.
func claims(c map[string]any) []string {
	var list []string
	for name, value := range c {
		switch name {
		case "aio", "rh", "uti", "nonce", "sid":
			continue
		case "exp", "iat", "nbf":
			if n, ok := value.(float64); ok {
				value = time.Unix(int64(n), 0).UTC().Format(time.RFC3339)
			}
		}
		list = append(list, fmt.Sprintf("%s: %v", name, value))
	}
	sort.Strings(list)
	return list
}

// events tells the page that there is something new, at most twice a second.
func (p *web) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	flush := http.NewResponseController(w)
	for {
		changed := p.srv.Changed()
		if _, err := fmt.Fprint(w, "data: changed\n\n"); err != nil || flush.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-r.Context().Done():
			return
		}
	}
}

// advance moves the server's clock.
func (p *web) advance(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	if problem := p.move(r.FormValue("by")); problem != "" {
		p.render(w, "page", said{Problem: problem})
		return
	}
	p.render(w, "page", said{Output: fmt.Sprintf("The server's clock shows %s.", p.srv.Now().UTC().Format(time.DateTime))})
}

// move moves the server's clock, or returns why not.
func (p *web) move(by string) (problem string) {
	d, err := time.ParseDuration(by)
	if err != nil || d < 0 || d > 366*24*time.Hour {
		return "The clock takes a duration such as 90m, up to a year."
	}
	p.srv.Advance(d)
	return ""
}

// secretPattern matches the client secrets that the server makes.
var secretPattern = regexp.MustCompile(`[^\s"]*8Q~[^\s"]*`)

// admin runs cmdlets. What they show is shown, but for secrets, which are
// written to a file.
func (p *web) admin(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	script := r.FormValue("script")
	switch output, problem := p.run(script); {
	case problem != "":
		p.render(w, "page", said{Output: output, Problem: problem, Script: script})
	case strings.TrimSpace(output) == "":
		p.render(w, "page", said{Output: "Done."})
	default:
		p.render(w, "page", said{Output: output})
	}
}

// run runs cmdlets. It returns what they show, but for secrets, and what went
// wrong.
func (p *web) run(script string) (output, problem string) {
	output, err := p.srv.Tenant().Admin(script)
	output, fileErr := p.keepSecrets(output)
	switch {
	case err != nil:
		problem = secretPattern.ReplaceAllString(err.Error(), "(a secret)")
		return output, strings.TrimPrefix(problem, "exchangetest: Admin: ")
	case fileErr != nil:
		return "", fileErr.Error()
	}
	return output, ""
}

// keepSecrets returns the output with the name of the file in place of each
// secret.
func (p *web) keepSecrets(output string) (string, error) {
	if !secretPattern.MatchString(output) {
		return output, nil
	}
	const name = "admin.txt"
	if err := p.dir.write(name, []byte(output)); err != nil {
		return "", err
	}
	return secretPattern.ReplaceAllLiteralString(output, "(see "+filepath.Join(p.dir.path, name)+")"), nil
}
