package tokensource

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exoauth/exoauth/internal/plain"
)

// maxLifetime is the longest that is believed. Entra ID's tokens live for a
// day or so at most; years are milliseconds, or a date, in the wrong field.
const maxLifetime = 10 * 365 * 24 * time.Hour

// errRefused stands for a refusal that the fields of an Error tell all about.
var errRefused = errors.New("refused")

// grant is what a successful request brings.
type grant struct {
	accessToken  string
	refreshToken string        // the next one; empty where there is none
	asked        time.Time     // when the request was sent, by the monotonic clock too
	fetched      time.Time     // when it came, where that is not now but in another process
	lifetime     time.Duration // from then on
	refreshIn    time.Duration // when the server would like to see a renewal; zero where it did not say
	extra        map[string]any
	last         bool // it cannot be renewed
}

// until returns g if it expires before end or end is zero. Otherwise it returns
// a copy that expires at end and is the last.
func (g *grant) until(end time.Time) *grant {
	left := end.Sub(g.asked.Round(0))
	if end.IsZero() || g.lifetime < left {
		return g
	}
	cut := *g
	cut.lifetime, cut.last = left, true
	return &cut
}

// check refuses a token that cannot be one, and a lifetime that cannot.
func (g *grant) check() error {
	switch {
	case g.accessToken == "":
		return errors.New("there is no access token")
	case !isPrintable([]byte(g.accessToken)):
		return errors.New("the access token has characters that no token has (RFC 6749 appendix A.12)")
	case g.lifetime <= 0:
		return errors.New("the access token has expired already")
	case g.lifetime > maxLifetime:
		return errors.New("the access token would be valid for more than ten years, which is not believed")
	}
	return nil
}

// answer is a response of a token endpoint, read but not yet understood.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	broken  error  // why body is not all of it
	fields  fields // nil where the body is no JSON object
	dated   bool   // expires_on will do for expires_in
	secrets *plain.Secrets
}

// describe fills in e from what the answer says, secrets removed.
func (a *answer) describe(e *Error, r *plain.Secrets) {
	a.secrets = r
	e.StatusCode = a.status
	e.RetryAfter = retryAfter(a.header, time.Now())
	a.fields = parseFields(a.body)
	if a.fields.has("access_token") && !a.fields.has("error") {
		return
	}
	text := func(name string, limit int) string { return head(r.Text(a.fields.text(name)), limit) }
	e.Code = text("error", 128)
	e.Suberror = text("suberror", 128)
	e.Description = text("error_description", 4<<10)
	e.AADSTS = codes(a.fields.raw("error_codes"), e.Description)
	if claims := a.fields.text("claims"); len(claims) <= maxClaims {
		e.Claims = r.Text(claims)
	}
	e.TraceID = cmp.Or(text("trace_id", 64), tail(e.Description, "Trace ID:", 1))
	e.CorrelationID = cmp.Or(text("correlation_id", 64), tail(e.Description, "Correlation ID:", 1), e.CorrelationID)
	e.Timestamp, _ = time.Parse("2006-01-02 15:04:05Z", cmp.Or(text("timestamp", 64), tail(e.Description, "Timestamp:", 2)))
	if slices.Contains(e.AADSTS, loopDetected) {
		e.RetryAfter = max(e.RetryAfter, loopPause)
	}
}

// understand returns nil for an answer with a success in it, or errRefused
// where e tells why there is none, or what is wrong with the answer.
func (a *answer) understand(e *Error) error {
	switch {
	case a.status >= 300 && a.status < 400:
		return redirected(a.header.Get("Location"))
	case a.broken != nil:
		return fmt.Errorf("%w; it begins with %q", a.broken, excerpt(a.secrets, a.body))
	case a.fields == nil && len(a.body) == 0:
		return errors.New("the answer is empty")
	case a.fields == nil:
		return fmt.Errorf("the answer is not the JSON object expected: %q", excerpt(a.secrets, a.body))
	case e.Code != "", e.Description != "" && a.status != http.StatusOK:
		return errRefused
	case a.status != http.StatusOK:
		return errors.New("the answer has neither a token nor an error code")
	}
	return nil
}

// grant returns the token, or the error of understand, or what is wrong with
// the token.
func (a *answer) grant(e *Error, asked time.Time) (*grant, error) {
	if err := a.understand(e); err != nil {
		return nil, err
	}
	if kind := a.fields.text("token_type"); !strings.EqualFold(kind, "Bearer") && a.fields.has("token_type") {
		return nil, fmt.Errorf("the token is of type %q, and mail takes Bearer only", excerpt(a.secrets, a.fields.raw("token_type")))
	}
	lifetime, err := a.lifetime(asked)
	if err != nil {
		return nil, err
	}
	g := &grant{
		accessToken: a.fields.text("access_token"), refreshToken: a.fields.text("refresh_token"),
		asked: asked, lifetime: lifetime, extra: a.extra(),
	}
	g.refreshIn, _ = seconds(a.fields.raw("refresh_in"))
	return g, g.check()
}

// extra returns what Token.Extra is to tell, or nil. An ext_expires_in that says
// the same as expires_in is in every token of an application, and would be a map
// for the garbage collector to look through for each of its tenants.
func (a *answer) extra() (extra map[string]any) {
	names := []string{"scope", "refresh_in", "id_token", "ext_expires_in"}
	if bytes.Equal(a.fields.raw("ext_expires_in"), a.fields.raw("expires_in")) {
		names = names[:3]
	}
	for _, name := range names {
		if a.fields.has(name) {
			if extra == nil {
				extra = make(map[string]any)
			}
			extra[name] = a.fields.text(name)
		}
	}
	return extra
}

// lifetime is expires_in. Where a date will do, it may be expires_on.
func (a *answer) lifetime(asked time.Time) (time.Duration, error) {
	name, read := "expires_in", seconds
	if a.dated && a.fields.text(name) == "" {
		name, read = "expires_on", func(raw json.RawMessage) (time.Duration, error) { return until(raw, asked) }
	}
	lifetime, err := read(a.fields.raw(name))
	if err != nil {
		err = fmt.Errorf("the lifetime of the token (%s: %q) %w", name, excerpt(a.secrets, a.fields.raw(name)), err)
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

var aadsts = regexp.MustCompile(`AADSTS([0-9]{1,9})\b`)

// codes returns the numbers in error_codes, then those in the description
// alone.
func codes(raw json.RawMessage, description string) []int {
	var numbers []int
	if json.Unmarshal(raw, &numbers) != nil {
		numbers = nil
	}
	for _, match := range aadsts.FindAllStringSubmatch(description, -1) {
		if n, err := strconv.Atoi(match[1]); err == nil {
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

// tail returns the words that follow a label at the end of a description,
// where older servers put line ends between the ids and newer ones spaces.
func tail(description, label string, words int) string {
	_, rest, _ := strings.Cut(description, label)
	found := strings.Fields(rest)
	return head(strings.Join(found[:min(words, len(found))], " "), 64)
}
