package tokensource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/exoauth/exoauth/internal/smallfile"
)

var verbs = []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"}

// checkNoSecret looks for the planted secrets, and for parts that would be of
// use, in whatever form.
func checkNoSecret(t *testing.T, where, text string) {
	t.Helper()
	for _, planted := range []string{"PLANTED", fmt.Sprintf("%x", "PLANTED"), fmt.Sprintf("%X", "PLANTED"), "<8Q>", "%3C8Q"} {
		if strings.Contains(text, planted) {
			t.Errorf("%s: a secret is in %s", where, text)
		}
	}
}

// checkAllVerbs formats the values, and the errors that they wrap.
func checkAllVerbs(t *testing.T, where string, values ...any) {
	t.Helper()
	for _, value := range values {
		for _, verb := range verbs {
			checkNoSecret(t, where+" "+verb, fmt.Sprintf(verb, value))
		}
		switch err := value.(type) {
		case interface{ Unwrap() error }:
			checkAllVerbs(t, where, err.Unwrap())
		case interface{ Unwrap() []error }:
			for _, wrapped := range err.Unwrap() {
				checkAllVerbs(t, where, wrapped)
			}
		}
	}
}

func TestSecretIsNotFormatted(t *testing.T) {
	server := new(fakeEntra)
	config := server.config()
	source := config.ClientCredentials()
	want(t, source, 1)
	type hidden struct {
		credential Credential
		config     Config
		pointer    *Config
		source     *Source
		client     *client
	}
	cl, _ := config.appClient()
	h := hidden{config.Credential, *config, config, source, cl}
	checkAllVerbs(t, "formatted", config.Credential, *config, config, source, h, &h, []any{config.Credential}, map[string]Credential{"a": config.Credential})
	for _, verb := range verbs {
		if text := fmt.Sprintf(verb, config.Credential); text != redactedSecret {
			t.Errorf("%s prints %q", verb, text)
		}
	}
	checkNoSecret(t, "printed", fmt.Sprint(config.Credential)+fmt.Sprintln(h))

	var log logBuffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(handler).Info("m", "credential", config.Credential, "source", source, "struct", h)
	}
	checkNoSecret(t, "logged", log.String())
	if b, err := json.Marshal(config.Credential); err != nil || !strings.Contains(string(b), "Secret") {
		t.Errorf("%s, %v", b, err)
	}
}

// A Source that is copied has no method, and fmt goes through all that it has.
func TestSourceByValueIsNotFormatted(t *testing.T) {
	config := (&fakeEntra{answer: rotate}).public()
	config.Cache = newLockingCache()
	source := config.RefreshToken(testRefresh)
	want(t, source, 1)
	checkAllVerbs(t, "copied", reflect.ValueOf(source).Elem())
}

var escape = regexp.MustCompile("%..")

func lowerEscapes(s string) string { return escape.ReplaceAllStringFunc(s, strings.ToLower) }

// Servers, proxies and transports that say what they were sent.
func TestEchoedSecretIsNotInErrors(t *testing.T) {
	inJSON, _ := json.Marshal(testSecret)
	inJSON2, _ := json.Marshal(string(inJSON))
	inner := strings.Trim(string(inJSON), `"`)
	echo := map[string]*http.Response{
		"raw":                     response(400, "you sent "+testSecret),
		"form":                    response(400, "you sent client_secret="+url.QueryEscape(testSecret)),
		"form in lower case":      response(400, "you sent "+lowerEscapes(url.QueryEscape(testSecret))),
		"quoted":                  response(400, fmt.Sprintf("you sent %q", testSecret)),
		"form quoted in a path":   response(400, "you sent "+url.PathEscape(fmt.Sprintf("%q", testSecret))),
		"JSON in JSON":            response(400, string(inJSON2)),
		"HTML":                    response(502, "<p>"+html.EscapeString(testSecret)),
		"HTML in HTML":            response(502, "<p>"+html.EscapeString(html.EscapeString(testSecret))),
		"HTML by numbers":         response(502, "<p>"+strings.NewReplacer("/", "&#x2F;", "+", "&#43;", "<", "&#060;", `"`, "&quot;").Replace(testSecret)),
		"script":                  response(502, "<script>"+strings.NewReplacer("<", `\x3c`, `"`, `\x22`).Replace(testSecret)),
		"form in an address":      response(502, "<a href=/?"+url.QueryEscape(url.QueryEscape(testSecret))+">"),
		"over the cut":            response(400, strings.Repeat("- ", excerptSize/2-5)+testSecret),
		"description":             response(400, `{"error":"e","error_description":`+string(inJSON)+`}`),
		"every field":             response(400, strings.ReplaceAll(`{"error":"S","suberror":"S","error_description":"AADSTS1: S","claims":"S","correlation_id":"S","trace_id":"S","timestamp":"S"}`, "S", inner)),
		"lifetime":                response(200, `{"access_token":"`+testToken+`","expires_in":`+string(inJSON)+`}`),
		"type":                    response(200, `{"access_token":"`+testToken+`","expires_in":1,"token_type":`+string(inJSON)+`}`),
		"location":                response(307, "", "Location", "https://"+url.PathEscape(testSecret)+"/"+testSecret),
		"location unreadable":     response(307, "", "Location", "https://%zz/"+testSecret),
		"no error but a token":    response(400, `{"access_token":"`+testToken+`"}`),
		"token without lifetime":  response(200, `{"access_token":"`+testToken+`"}`),
		"token with control":      response(200, `{"expires_in":1,"access_token":"`+testToken+`\u0001"}`),
		"token broken off":        response(200, `{"access_token":"`+testToken),
		"token in the wrong case": response(200, `x{"ACCESS_TOKEN" : "`+testToken+`"`),
		"long token anywhere":     response(200, "token PLANTED"+strings.Repeat("eyJ0", 20)),
	}
	for name, resp := range echo {
		t.Run(name, func(t *testing.T) {
			server := &fakeEntra{answer: func(int, *http.Request) (*http.Response, error) { return resp, nil }}
			checkFailure(t, server)
		})
	}
	t.Run("transport", func(t *testing.T) {
		checkFailure(t, &fakeEntra{answer: func(n int, r *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("cannot send %q with %s and %s", testSecret, testSecret, url.QueryEscape(testSecret))
		}})
	})
}

// An assertion that is none, because the path is that of another file, is not
// sent, and not shown either.
func TestFileThatIsNoAssertionIsNotSent(t *testing.T) {
	file := strings.Repeat(`{"PLANTED":["~"]},`, smallfile.Max/18)
	server := new(fakeEntra)
	config := server.config()
	config.Credential = Assertion(func(context.Context) (string, error) { return file, nil })
	_, err := config.ClientCredentials().TokenContext(t.Context())
	wantError(t, err, "no JWT")
	checkNoSecret(t, "error", err.Error())
	wantRequests(t, server, 0)
}

// checkFailure asks for a token, wants an error, and searches everything that
// comes out of it.
func checkFailure(t *testing.T, server *fakeEntra) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var log logBuffer
		config := server.config()
		config.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		source := config.ClientCredentials()
		_, err := source.Token()
		e, ok := errors.AsType[*Error](err)
		if !ok {
			t.Fatalf("error %v", err)
		}
		checkAllVerbs(t, "error", e)
		checkAllVerbs(t, "fields", *e, e.Code, e.Suberror, e.Description, e.Claims, e.CorrelationID, e.TraceID, source)
		checkNoSecret(t, "log", log.String())
		if !strings.Contains(log.String(), "request failed") {
			t.Error("the failure was not logged")
		}
		checkText(t, e)
	})
}

func TestLogOfASuccess(t *testing.T) {
	var log logBuffer
	config := new(fakeEntra).config()
	config.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	want(t, config.ClientCredentials(), 1)
	checkNoSecret(t, "log", log.String())
	for _, part := range []string{"got a token", testClientID, "lifetime=1h", "correlation_id"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("no %s in %s", part, &log)
		}
	}
}
