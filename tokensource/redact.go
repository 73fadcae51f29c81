package tokensource

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

const (
	redacted = "[redacted]"
	// minRedact is the length from which a secret is searched for. A shorter
	// one is none, and would garble the words.
	minRedact = 4
	// maxRedact is how much of a text is searched, the rest being dropped.
	maxRedact = 16 << 10
	// maxSecret is how much of a secret is searched for, since a pattern costs
	// more than what it finds. What follows without white space is the rest.
	maxSecret = 4 << 10
	// excerptSize bounds, in bytes, what is shown of an answer that is not
	// understood.
	excerptSize = 200
)

// secretFields are the parameters of token requests that nobody may see.
var secretFields = []string{"client_secret", "client_assertion", "assertion", "refresh_token", "code", "code_verifier", "device_code", "password"}

// A redactor knows what was secret in one request, and finds it in whatever
// form a server, proxy or library may echo it.
type redactor struct {
	form    url.Values // of the request, in which secrets are looked up when something has failed
	secrets []string
	pattern *regexp.Regexp // compiled then
}

func newRedactor(form url.Values) *redactor { return &redactor{form: form} }

// add makes a secret known before the first text is searched.
func (r *redactor) add(secret string) {
	if len(secret) >= minRedact {
		r.secrets = append(r.secrets, secret)
	}
}

// text returns s without the secrets, cut to maxRedact.
func (r *redactor) text(s string) string {
	if s == "" {
		return s
	}
	for _, field := range secretFields {
		r.add(r.form.Get(field))
	}
	r.form = nil
	if len(r.secrets) == 0 {
		return s
	}
	if r.pattern == nil {
		var alternatives []string
		for _, value := range r.secrets {
			alternatives = append(alternatives, inAnyForm(value))
		}
		r.pattern = regexp.MustCompile(strings.Join(alternatives, "|"))
	}
	return r.pattern.ReplaceAllLiteralString(head(s, maxRedact), redacted)
}

// inAnyForm returns a pattern for s, each character of which may stand for
// itself, or be escaped as in a form, a URL, JSON, a script, HTML or by %q, or by
// two of them.
func inAnyForm(s string) string {
	var b strings.Builder
	for i, c := range s {
		if i >= maxSecret {
			b.WriteString(`\S*`)
			break
		}
		if c < unicode.MaxASCII && (unicode.IsLetter(c) || unicode.IsDigit(c)) {
			b.WriteRune(c) // which nothing escapes
			continue
		}
		forms := []string{regexp.QuoteMeta(string(c)), percent(c), fmt.Sprintf("[ux]0*%x", c), entity(c)}
		if c == ' ' {
			forms = append(forms, `\+`, percent('+'))
		}
		b.WriteString(`(?i:(?:\\|` + percent('\\') + `)*(?:` + strings.Join(forms, "|") + "))")
	}
	return b.String()
}

// percent returns a pattern for c as it is escaped in a URL, perhaps again and
// again.
func percent(c rune) string {
	var b strings.Builder
	for _, octet := range []byte(string(c)) {
		fmt.Fprintf(&b, "%%(?:25)*%02x", octet)
	}
	return b.String()
}

var entities = map[rune]string{'"': "quot", '&': "amp", '\'': "apos", '<': "lt", '>': "gt"}

// entity returns a pattern for c as it is escaped in HTML, perhaps again and
// again.
func entity(c rune) string {
	number := fmt.Sprintf("#0*%d|#x0*%x", c, c)
	if name, ok := entities[c]; ok {
		number += "|" + name
	}
	return "&(?:amp;)*(?:" + number + ");"
}

// err returns an error of another package as it is, or where it names a
// secret, its text without it.
func (r *redactor) err(err error) error {
	text := err.Error()
	if clean := r.text(text); clean != text {
		return errors.New(clean)
	}
	return err
}

var (
	// namedSecret is a parameter or JSON member and its value, which an answer
	// that broke off may not have the end of.
	namedSecret = regexp.MustCompile(`(?i)((?:access|refresh|id)_token|client_secret|assertion|code_verifier|device_code|password)(["']?\s*[:=]\s*["']?)[^"'&\s<>,}]*`)
	// opaque is what looks like a token wherever it stands.
	opaque = regexp.MustCompile(`[A-Za-z0-9+/=_.~-]{32,}`)
)

// excerpt returns the first characters of an answer that was not understood,
// which may be half of one with a token in it.
func (r *redactor) excerpt(body []byte) string {
	s := r.text(string(head(body, maxRedact)))
	s = namedSecret.ReplaceAllString(s, "${1}${2}"+redacted)
	s = opaque.ReplaceAllString(s, redacted)
	return head(s, excerptSize)
}

// head returns the first n bytes, which may end within a character.
func head[T ~string | ~[]byte](s T, n int) T { return s[:min(len(s), n)] }

// printable returns s on one line, with what is not printable replaced: text
// of a server must not command a terminal or forge a line of a log.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}
