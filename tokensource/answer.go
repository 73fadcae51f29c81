package tokensource

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exoauth/exoauth/internal/aadsts"
	"github.com/exoauth/exoauth/internal/azurehost"
	"github.com/exoauth/exoauth/internal/plain"
)

// errRefused stands for a refusal that the fields of an Error tell all about.
var errRefused = errors.New("refused")

// An answer is a response of a token endpoint.
type answer struct {
	id      string // of the request
	status  int
	header  http.Header
	body    []byte
	broken  error  // why body is not all of it
	fields  fields // nil if the body is no JSON object
	refused bool   // the Error has the reason
	dated   bool   // expires_on will do for expires_in
	secrets *plain.Secrets
}

// describe reads the fields, and fills in e, with secrets removed.
func (a *answer) describe(e *Error) {
	e.StatusCode = a.status
	e.RetryAfter = retryAfter(a.header, time.Now())
	a.fields = parseFields(a.body)
	if a.fields.has("access_token") && !a.fields.has("error") {
		return
	}
	e.read(a.fields.text, a.fields["error_codes"], a.secrets)
	if slices.Contains(e.AADSTS, aadsts.LoopDetected) {
		e.RetryAfter = max(e.RetryAfter, loopPause)
	}
	a.refused = e.Code != "" || e.Description != "" && a.status != http.StatusOK
}

// read fills in what a server says of an error. field returns a parameter of its
// answer, and numbers are those of AADSTS. Secrets are removed.
func (e *Error) read(field func(name string) string, numbers json.RawMessage, secrets *plain.Secrets) {
	text := func(name string, limit int) string { return head(secrets.Text(field(name)), limit) }
	e.Code = text("error", 128)
	e.Suberror = cmp.Or(text("suberror", 128), text("error_subcode", 128)) // the one in JSON, or in an address
	e.Description = text("error_description", 4<<10)
	e.AADSTS = codes(numbers, e.Description)
	if claims := field("claims"); len(claims) <= maxClaims {
		e.Claims = secrets.Text(claims)
	}
	e.TraceID = cmp.Or(text("trace_id", 64), tail(e.Description, "Trace ID:", 1))
	e.CorrelationID = cmp.Or(text("correlation_id", 64), tail(e.Description, "Correlation ID:", 1), e.CorrelationID)
	e.Timestamp, _ = time.Parse("2006-01-02 15:04:05Z", cmp.Or(field("timestamp"), tail(e.Description, "Timestamp:", 2)))
}

// success returns nil for an answer that may have a token in it. It returns
// errRefused if the Error has the reason, or else what is wrong with the answer.
func (a *answer) success() error {
	switch {
	case a.status >= 300 && a.status < 400:
		return redirected(a.header.Get("Location"))
	case a.broken != nil:
		return fmt.Errorf("%w; it begins with %q", a.broken, excerpt(a.secrets, a.body))
	case a.fields == nil && len(a.body) == 0:
		return errors.New("the answer is empty")
	case a.fields == nil:
		return fmt.Errorf("the answer is not the JSON object expected: %q", excerpt(a.secrets, a.body))
	case a.refused:
		return errRefused
	case a.status != http.StatusOK:
		return errors.New("the answer has neither a token nor an error code")
	}
	return nil
}

// token returns the token, or the error of success, or what is wrong with the
// token.
func (a *answer) token(asked time.Time) (*token, error) {
	if err := a.success(); err != nil {
		return nil, err
	}
	if kind := a.fields.text("token_type"); !strings.EqualFold(kind, "Bearer") && a.fields.has("token_type") {
		return nil, fmt.Errorf("the token is of type %q, and mail takes Bearer only", excerpt(a.secrets, a.fields["token_type"]))
	}
	lifetime, err := a.lifetime(asked)
	if err != nil {
		return nil, err
	}
	t := newToken(a.fields.text("access_token"), asked, lifetime)
	t.RefreshToken, t.Extra = a.fields.text("refresh_token"), a.extra()
	t.RefreshIn, _ = seconds(a.fields["refresh_in"])
	return t, t.check()
}

// extra returns the fields for Token.Extra, or nil.
func (a *answer) extra() (extra map[string]any) {
	for _, name := range []string{"scope", "refresh_in", "id_token"} {
		if a.fields.has(name) {
			if extra == nil {
				extra = make(map[string]any)
			}
			extra[name] = a.fields.text(name)
		}
	}
	return extra
}

// fields are the members of a JSON object. An odd one costs only itself.
type fields map[string]json.RawMessage

// parseFields returns nil if text is no JSON object.
func parseFields(text []byte) fields {
	var f fields
	if json.Unmarshal(text, &f) != nil {
		return nil
	}
	return f
}

func (f fields) has(name string) bool { return f[name] != nil && string(f[name]) != "null" }

func (f fields) text(name string) string { return text(f[name]) }

// text returns a JSON string, or a number as its digits. Anything else is "".
func text(raw json.RawMessage) string {
	if len(raw) > 0 && (raw[0] == '-' || '0' <= raw[0] && raw[0] <= '9') {
		return string(raw)
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// lifetime reads expires_in or, if a date will do, expires_on.
func (a *answer) lifetime(asked time.Time) (time.Duration, error) {
	name, read := "expires_in", seconds
	if a.dated && a.fields.text(name) == "" {
		name, read = "expires_on", func(raw json.RawMessage) (time.Duration, error) { return until(text(raw), asked) }
	}
	lifetime, err := read(a.fields[name])
	if err != nil {
		err = fmt.Errorf("the lifetime of the token (%s: %q) %w", name, excerpt(a.secrets, a.fields[name]), err)
	}
	return lifetime, err
}

// seconds reads a lifetime: a JSON number or a string with one in it, since
// the v1 endpoint and managed identities quote it. Fractions and exponents
// are numbers too, but not all that strconv takes for one.
func seconds(raw json.RawMessage) (time.Duration, error) {
	number := string(raw)
	if strings.HasPrefix(number, `"`) {
		number = strings.TrimSpace(text(raw))
	}
	if number == "" || number == "null" {
		return 0, errMissing
	}
	n, err := strconv.ParseFloat(number, 64)
	switch {
	case err != nil || !json.Valid([]byte(number)):
		return 0, errors.New("is not a number")
	case n*float64(time.Second) < 1:
		return 0, errors.New("is not above zero")
	case n > maxLifetime.Seconds():
		return 0, errors.New("is more than ten years, which is not believed")
	}
	return time.Duration(n * float64(time.Second)), nil
}

var errMissing = errors.New("is missing")

// until reads an expiry, such as expires_on of a managed identity.
func until(text string, asked time.Time) (time.Duration, error) {
	if text == "" {
		return 0, errMissing
	}
	at, err := azurehost.Expiry(text)
	switch lifetime := at.Sub(asked.Round(0)); {
	case err != nil:
		return 0, err
	case lifetime <= 0:
		return 0, errors.New("is not in the future: check this machine's clock")
	case lifetime > maxLifetime:
		return 0, errors.New("is more than ten years away, which is not believed")
	default:
		return lifetime, nil
	}
}

// codes returns the numbers in error_codes, then those in the description
// alone.
func codes(raw json.RawMessage, description string) []int {
	var numbers []int
	if json.Unmarshal(raw, &numbers) != nil {
		numbers = nil
	}
	for _, rest := range strings.Split(description, "AADSTS")[1:] {
		digits, rest := plain.Number(rest)
		if n, err := strconv.Atoi(digits); err == nil && len(digits) <= 9 && strings.IndexAny(rest, plain.Alphanumeric+"_") != 0 {
			numbers = append(numbers, n)
		}
	}
	var once []int
	for _, n := range numbers {
		if len(once) < 16 && !slices.Contains(once, n) {
			once = append(once, n)
		}
	}
	return once
}

// tail returns the words that follow a label at the end of a description. Older
// servers put line ends between the IDs, and newer ones spaces.
func tail(description, label string, words int) string {
	_, rest, _ := strings.Cut(description, label)
	found := strings.Fields(rest)
	return head(strings.Join(found[:min(words, len(found))], " "), 64)
}

// excerptSize bounds, in bytes, what is shown of an answer that is not
// understood.
const excerptSize = 200

// secretFields are the parameters of token requests that nobody may see.
var secretFields = []string{"client_secret", "client_assertion", "assertion", "refresh_token", "code", "code_verifier", "device_code", "password"}

// secretsOf returns what is secret in the form of a request.
func secretsOf(form url.Values) *plain.Secrets {
	secrets := new(plain.Secrets)
	for _, field := range secretFields {
		secrets.Add(form.Get(field))
	}
	return secrets
}

// excerpt returns the first characters of an answer that was not understood,
// which may be half of one with a token in it.
func excerpt(secrets *plain.Secrets, body []byte) string {
	return plain.Head(plain.Opaque(secrets.Text(string(head(body, 16<<10)))), excerptSize)
}

// oneLine is an error whose text comes from elsewhere, on its way out.
type oneLine struct{ error }

func (e oneLine) Error() string { return plain.Line(head(e.error.Error(), 1<<10)) }
func (e oneLine) Unwrap() error { return e.error }

// head returns the first n bytes, which may end within a character.
func head[T ~string | ~[]byte](s T, n int) T { return s[:min(len(s), n)] }
