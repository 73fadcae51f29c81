package loopback

import (
	_ "embed"
	"html"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/exoauth/exoauth/internal/plain"
)

// page is what a person sees in the browser in the end.
type page struct {
	Good        bool
	Title, Next string
	Detail      string // in the server's words, untrusted
}

var (
	pageDone = page{
		Good: true, Title: "You are signed in",
		Next: "You can close this window and go back to the program.",
	}
	pageFailed = page{
		Title: "The sign-in did not succeed",
		Next:  "Close this window and go back to the program to try again. If it happens again, show this to whoever looks after the program.",
	}
	pageStranger = page{
		Title: "This is not the sign-in that is waited for",
		Next:  "It may be an old one. Close this window, and use the one that the program opened last.",
	}
	pageTaken = page{
		Title: "This sign-in has been answered already",
		Next:  "Close this window and go back to the program.",
	}
	pageUnreadable = page{
		Title: "The answer cannot be read",
		Next:  "Close this window and go back to the program to try again.",
	}
)

// pageFrame has TITLE and BODY in the place of them.
//
//go:embed page.html
var pageFrame string

const (
	iconGood = `<svg class="good" viewBox="0 0 48 48" aria-hidden="true"><circle cx="24" cy="24" r="21"/><path d="M15 25l6 6 12-14"/></svg>`
	iconBad  = `<svg viewBox="0 0 48 48" aria-hidden="true"><circle cx="24" cy="24" r="21"/><path d="M24 13v14M24 34v.5"/></svg>`
)

// html returns the page. A template would keep the linker from dropping what
// the program does not use.
func (p page) html() string {
	title := html.EscapeString(p.Title)
	body := iconBad
	if p.Good {
		body = iconGood
	}
	body += "\n<h1>" + title + "</h1>\n"
	if p.Detail != "" {
		body += "<pre>" + html.EscapeString(p.Detail) + "</pre>\n"
	}
	body += "<p>" + html.EscapeString(p.Next) + "</p>\n"
	return strings.NewReplacer("TITLE", title, "BODY", body).Replace(pageFrame)
}

// showPage writes a page that nothing can be loaded into, framed around or
// kept of. Its length is known, so that it is complete once it is flushed.
func showPage(w http.ResponseWriter, status int, p page) {
	text := p.html()
	h := w.Header()
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Connection", "close")
	w.WriteHeader(status)
	io.WriteString(w, text)
}

// An Outcome is what came of a sign-in.
type Outcome struct {
	SignedIn bool
	Reason   string // why not; untrusted
}

// showOutcome tells the person what the program is told.
func showOutcome(w http.ResponseWriter, o Outcome) {
	if o.SignedIn {
		showPage(w, http.StatusOK, pageDone)
		return
	}
	p := pageFailed
	p.Detail = plain.Line(o.Reason)
	showPage(w, http.StatusOK, p)
}
