// Package signinpage has the pages on which a person signs in, both ways: it
// writes them, and reads them as a browser does.
package signinpage

import (
	_ "embed"
	"html"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
)

//go:embed page.html
var text string

var pages = template.Must(template.New("page").Parse(text))

// A Page is one that a person sees.
type Page struct {
	Step        string // signin, mfa, consent, code, post, done or error
	Title       string
	Action      string     // where the form leads
	Hidden      url.Values // sent along with it, the first value of each
	User        string
	App         string
	Code        string
	Permissions []string
	Error       string
}

// A field is one of the form that a person does not see.
type field struct{ Name, Value string }

// Fields is for the template.
func (p Page) Fields() []field {
	var list []field
	for _, name := range slices.Sorted(maps.Keys(p.Hidden)) {
		list = append(list, field{name, p.Hidden.Get(name)})
	}
	return list
}

// Write answers a request with the page.
func (p Page) Write(w http.ResponseWriter, status int) error {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	return pages.Execute(w, p)
}

// A Form is what a browser makes of a page.
type Form struct {
	Step    string // empty if there is no form
	Action  string
	Problem string // what the page says is wrong; empty if it says nothing
	Values  url.Values
}

var (
	formPattern   = regexp.MustCompile(`<form method="post" action="([^"]*)" data-step="([a-z]+)">`)
	hiddenPattern = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	errorPattern  = regexp.MustCompile(`(?s)id="error"[^>]*>(.*?)</p>`)
)

// Parse reads a page of which the text is that of [Page.Write].
func Parse(text string) *Form {
	f := &Form{Values: make(url.Values)}
	if m := errorPattern.FindStringSubmatch(text); m != nil {
		f.Problem = html.UnescapeString(m[1])
	}
	if m := formPattern.FindStringSubmatch(text); m != nil {
		f.Action, f.Step = html.UnescapeString(m[1]), m[2]
	}
	for _, m := range hiddenPattern.FindAllStringSubmatch(text, -1) {
		f.Values.Set(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	return f
}
