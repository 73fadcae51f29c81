package signinpage

import (
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// hostile is a text that means something in HTML, in each of its places.
const hostile = `"><script>alert('1')</script>&amp;` + "\r\n"

func write(t *testing.T, p Page) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	if err := p.Write(w, 418); err != nil {
		t.Fatal(err)
	}
	return w
}

// Enter presses the first button of a form, so that is the one that goes on, and
// the focus is where a person begins.
func TestKeyboard(t *testing.T) {
	for name, row := range map[string]struct {
		page         Page
		first, focus string // in the tag
	}{
		"sign in":                {Page{Step: "signin"}, `value="signin"`, `name="login"`},
		"sign in, user is known": {Page{Step: "signin", User: "adele@contoso.com"}, `value="signin"`, `name="passwd"`},
		"second factor":          {Page{Step: "mfa"}, `value="mfa"`, `value="mfa"`},
		"consent":                {Page{Step: "consent"}, `value="accept"`, `value="accept"`},
		"device code":            {Page{Step: "code"}, `value="code"`, `name="otc"`},
		"post":                   {Page{Step: "post"}, `class="main"`, `class="main"`},
	} {
		text := write(t, row.page).Body.String()
		_, first, _ := strings.Cut(text, "<button")
		first, _, _ = strings.Cut(first, ">")
		before, _, focused := strings.Cut(text, " autofocus")
		focus := before[strings.LastIndex(before, "<"):]
		if !strings.Contains(first, row.first) || !focused || !strings.Contains(focus, row.focus) || strings.Count(text, " autofocus") != 1 {
			t.Errorf("%s: the first button is %q, the focus is on %q", name, first, focus)
		}
	}
}

// What is written is read again.
func TestParse(t *testing.T) {
	for _, test := range []struct {
		name string
		page Page
		want Form
	}{
		{"sign in", Page{Step: "signin", Action: "/x?a=1&b=2", App: "Invoices"}, Form{Step: "signin", Action: "/x?a=1&b=2"}},
		{"wrong password", Page{Step: "signin", Action: "/", Error: "a < b"}, Form{Step: "signin", Action: "/", Problem: "a < b"}},
		{"second factor", Page{Step: "mfa", Action: "/"}, Form{Step: "mfa", Action: "/"}},
		{"consent", Page{Step: "consent", Action: "/", Permissions: []string{"SMTP.Send"}}, Form{Step: "consent", Action: "/"}},
		{"device code", Page{Step: "code", Action: "/", Code: "C0DE"}, Form{Step: "code", Action: "/"}},
		{
			"post", Page{Step: "post", Action: "https://app.contoso.com/", Hidden: url.Values{"state": {"s&s"}, "code": {"c", "not this"}}},
			Form{Step: "post", Action: "https://app.contoso.com/", Values: url.Values{"state": {"s&s"}, "code": {"c"}}},
		},
		{"done", Page{Step: "done", Action: "/"}, Form{}},
		{"error", Page{Step: "error", Action: "/", Error: "AADSTS50011:\r\nno"}, Form{Problem: "AADSTS50011:\r\nno"}},
		{
			"hostile", Page{Step: "post", Title: hostile, Action: "/", Hidden: url.Values{hostile: {hostile}}, User: hostile, App: hostile, Error: hostile},
			Form{Step: "post", Action: "/", Problem: hostile, Values: url.Values{hostile: {hostile}}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := write(t, test.page).Body.String()
			if test.want.Values == nil {
				test.want.Values = make(url.Values)
			}
			if got := Parse(text); !reflect.DeepEqual(*got, test.want) {
				t.Errorf("read  %+q\nwant %+q", *got, test.want)
			}
			if strings.Contains(text, "<script>alert") {
				t.Error(text)
			}
		})
	}
}

func TestWrite(t *testing.T) {
	w := write(t, Page{Step: "consent", Title: "Permissions requested", User: "adele@contoso.com", App: "Invoices", Permissions: []string{"SMTP.Send"}})
	if h := w.Header(); w.Code != 418 || h.Get("Content-Type") != "text/html; charset=utf-8" || h.Get("X-Frame-Options") != "DENY" || h.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%d %v", w.Code, h)
	}
	for _, want := range []string{"<h1>Permissions requested</h1>", ">adele@contoso.com<", "Invoices", "<li>SMTP.Send</li>", `value="decline"`, `value="accept"`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s is not in %s", want, w.Body)
		}
	}
}

// Fields come in one order, so that a page is the same each time.
func TestFieldsAreSorted(t *testing.T) {
	hidden := url.Values{"d": {"4"}, "a": {"1"}, "c": {"3"}, "b": {"2"}}
	want := []field{{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}}
	if got := (Page{Hidden: hidden}).Fields(); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}
