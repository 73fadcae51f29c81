package tokensource

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSeconds(t *testing.T) {
	tests := []struct {
		name, json string
		want       time.Duration // zero: an error
		err        string
	}{
		{"number", `3599`, 3599 * time.Second, ""},
		{"string", `"3599"`, 3599 * time.Second, ""},
		{"string with white space", `" 3599 "`, 3599 * time.Second, ""},
		{"fraction", `3599.0`, 3599 * time.Second, ""},
		{"exponent", `3.599e3`, 3599 * time.Second, ""},
		{"half a second", `0.5`, 500 * time.Millisecond, ""},
		{"ten years", `315360000`, maxLifetime, ""},
		{"ten years and a second", `315360001`, 0, "ten years"},
		{"a nanosecond", `1e-9`, 1, ""},
		{"less than a nanosecond", `1e-10`, 0, "above zero"},
		{"half an attosecond less than a nanosecond", `0.9999999995e-9`, 0, "above zero"},
		{"missing", ``, 0, "missing"},
		{"null", `null`, 0, "missing"},
		{"empty string", `""`, 0, "missing"},
		{"the string null", `"null"`, 0, "missing"},
		{"zero", `0`, 0, "above zero"},
		{"negative zero", `-0`, 0, "above zero"},
		{"negative", `-1`, 0, "above zero"},
		{"NaN", `"NaN"`, 0, "not a number"},
		{"infinite", `"Inf"`, 0, "not a number"},
		{"hexadecimal", `"0x10"`, 0, "not a number"},
		{"underscore", `"3_599"`, 0, "not a number"},
		{"unit", `"3599s"`, 0, "not a number"},
		{"true", `true`, 0, "not a number"},
		{"array", `[3599]`, 0, "not a number"},
		{"huge", `1e300`, 0, "ten years"},
		{"beyond a float", `1e400`, 0, "not a number"},
		{"milliseconds since 1970", `1795521600000`, 0, "ten years"},
	}
	for _, test := range tests {
		got, err := seconds(json.RawMessage(test.json))
		if got != test.want {
			t.Errorf("%s: %v; want %v", test.name, got, test.want)
		}
		t.Run(test.name, func(t *testing.T) { wantError(t, err, test.err) })
	}
}

func TestUntil(t *testing.T) {
	asked := time.Unix(1000, 0)
	for _, test := range []struct {
		name, text string
		before     time.Duration // before asked
		want       time.Duration // zero: an error
		err        string
	}{
		{"a second", "1001", 0, time.Second, ""},
		{"a nanosecond", "1000", 1, 1, ""},
		{"now", "1000", 0, 0, "not in the future"},
		{"a second ago", "999", 0, 0, "not in the future"},
		{"ten years", "315361000", 0, maxLifetime, ""},
		{"ten years and a nanosecond", "315361000", 1, 0, "ten years"},
		{"missing", "", 0, 0, "missing"},
		{"words", "soon", 0, 0, "neither a number"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := until(test.text, asked.Add(-test.before))
			wantError(t, err, test.err)
			if got != test.want {
				t.Errorf("%v; want %v", got, test.want)
			}
		})
	}
}

func TestText(t *testing.T) {
	for _, test := range []struct{ name, json, want string }{
		{"plain", `"Bearer"`, "Bearer"},
		{"empty", `""`, ""},
		{"escapes", `"a\"\\\u00e9\n"`, "a\"\\\u00e9\n"},
		{"beyond ASCII", `"é"`, "é"},
		{"not UTF-8", "\"a\xff\"", "a\ufffd"},
		{"half of a surrogate pair", `"\ud800"`, "\ufffd"},
		{"number", `-3599.0`, "-3599.0"},
		{"zero", `0`, "0"},
		{"nine", `9`, "9"},
		{"two digits", `10`, "10"},
		{"null", `null`, ""},
		{"true", `true`, ""},
		{"array", `["a"]`, ""},
		{"missing", ``, ""},
	} {
		if got := text(json.RawMessage(test.json)); got != test.want {
			t.Errorf("%s: %q; want %q", test.name, got, test.want)
		}
	}
}

func TestCodes(t *testing.T) {
	tests := []struct {
		name, codes, description string
		want                     []int
	}{
		{"list", `[7000215]`, "AADSTS7000215: Invalid client secret provided.", []int{7000215}},
		{"chain", `[70002,50012]`, "AADSTS70002: Error. AADSTS50012: Invalid secret.", []int{70002, 50012}},
		{"in the description alone", ``, "AADSTS70002: Error. AADSTS50012: Invalid.", []int{70002, 50012}},
		{"more in the description", `[50012]`, "AADSTS70002: x", []int{50012, 70002}},
		{"no list", `"7000215"`, "", nil},
		{"not numbers", `["a"]`, "AADSTS90002: x", []int{90002}},
		{"nine digits", ``, "AADSTS123456789: x", []int{123456789}},
		{"ten digits", ``, "AADSTS1234567890: x", nil},
		{"no digits", ``, "AADSTS: 1", nil},
		{"words right behind", ``, "AADSTS50012x AADSTS50013_1", nil},
		{"words behind", ``, "AADSTS50012 x", []int{50012}},
		{"too long for a code", ``, "AADSTS12345678901234567890", nil},
		{"too many", `[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]`, "", []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
	}
	for _, test := range tests {
		if got := codes(json.RawMessage(test.codes), test.description); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v; want %v", test.name, got, test.want)
		}
	}
}

func TestRefreshInIsKept(t *testing.T) {
	a := &answer{status: 200, body: []byte(`{"access_token":"t","expires_in":86400,"refresh_in":"43200"}`), secrets: secretsOf(nil)}
	a.describe(new(Error))
	g, err := a.token(time.Now())
	if err != nil || g.RefreshIn != 12*time.Hour {
		t.Errorf("%+v, %v", g, err)
	}
	token := g.oauth2()
	if got := token.Extra("refresh_in"); got != "43200" {
		t.Errorf("Extra(refresh_in) = %v", got)
	}
}

// answerOf reads an answer, as roundTrip does.
func answerOf(status int, body string) (*Error, error) {
	a := &answer{status: status, header: http.Header{"Location": {"https://example.com/"}}, body: []byte(body), secrets: secretsOf(nil)}
	e := new(Error)
	a.describe(e)
	_, err := a.token(time.Now())
	return e, err
}

// What an answer is taken for. errRefused says that the Error has the reason.
func TestWhatAnAnswerIs(t *testing.T) {
	for _, row := range []struct {
		name   string
		status int
		body   string
		err    string
	}{
		{"a token", 200, `{"access_token":"t","expires_in":1}`, ""},
		{"a token with 201", 201, `{"access_token":"t","expires_in":1}`, "neither a token nor"},
		{"a token and null for an error", 200, `{"access_token":"t","expires_in":1,"error":null}`, ""},
		{"a token and an error", 200, `{"access_token":"t","expires_in":1,"error":"e"}`, errRefused.Error()},
		{"an error", 400, `{"error":"e"}`, errRefused.Error()},
		{"an error with 200", 200, `{"error":"e"}`, errRefused.Error()},
		{"a description alone", 400, `{"error_description":"d"}`, errRefused.Error()},
		{"a description alone with 200", 200, `{"error_description":"d"}`, "is missing"},
		{"neither", 400, `{}`, "neither a token nor"},
		{"neither, with 200", 200, `{}`, "is missing"},
		{"an error with 299", 299, `{"error":"e"}`, errRefused.Error()},
		{"an error with 300", 300, `{"error":"e"}`, "redirected"},
		{"an error with 399", 399, `{"error":"e"}`, "redirected"},
		{"no answer", 200, ``, "is empty"},
		{"no object", 200, `[]`, "not the JSON object"},
		{"null", 200, `null`, "not the JSON object"},
		{"another type", 200, `{"access_token":"t","expires_in":1,"token_type":"pop"}`, "Bearer only"},
		{"the type in lower case", 200, `{"access_token":"t","expires_in":1,"token_type":"bearer"}`, ""},
		{"an empty type", 200, `{"access_token":"t","expires_in":1,"token_type":""}`, "Bearer only"},
		{"null for a type", 200, `{"access_token":"t","expires_in":1,"token_type":null}`, ""},
		{"no type", 200, `{"access_token":"","expires_in":1}`, "no access token"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := answerOf(row.status, row.body)
			wantError(t, err, row.err)
		})
	}
}

// What a server sends without an end is cut, and what must be whole is left out.
func TestLengthsInAnAnswer(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	body := func(fields map[string]string) string { return string(must(json.Marshal(fields))) }
	e, _ := answerOf(400, body(map[string]string{"error": long, "suberror": long, "error_description": long, "trace_id": long, "correlation_id": long}))
	inDescription, _ := answerOf(400, body(map[string]string{"error_description": "Trace ID: " + long[:1000] + " Correlation ID: " + long[:1000]}))
	for name, row := range map[string]struct{ got, want int }{
		"error":                             {len(e.Code), 128},
		"suberror":                          {len(e.Suberror), 128},
		"error_description":                 {len(e.Description), 4 << 10},
		"trace_id":                          {len(e.TraceID), 64},
		"correlation_id":                    {len(e.CorrelationID), 64},
		"trace id in the description":       {len(inDescription.TraceID), 64},
		"correlation id in the description": {len(inDescription.CorrelationID), 64},
	} {
		if row.got != row.want {
			t.Errorf("%s: %d bytes; want %d", name, row.got, row.want)
		}
	}
	_, err := answerOf(200, strings.Repeat("y ", 1000))
	if n := strings.Count(err.Error(), "y"); n != 100 {
		t.Errorf("%d characters of an answer that is no JSON: %v", n, err)
	}
	if _, err := Func(func(context.Context) (string, time.Time, error) { return "", time.Time{}, errors.New(long) }).Token(); len(err.Error()) != 1024 {
		t.Errorf("%d characters of another's error", len(err.Error()))
	}
	for n, want := range map[int]int{0: 0, 1: 1, 16 << 10: 16 << 10, 16<<10 + 1: 0} {
		if e, _ := answerOf(400, body(map[string]string{"error": "e", "claims": long[:n]})); len(e.Claims) != want {
			t.Errorf("claims of %d bytes: %d", n, len(e.Claims))
		}
	}
}

// The ids are at the end of a description, and may have something behind them.
func TestIDsInADescription(t *testing.T) {
	at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for name, row := range map[string]struct {
		description, trace, correlation string
		at                              time.Time
	}{
		"on a line":     {"AADSTS1: No. Trace ID: a Correlation ID: b Timestamp: 2026-11-24 10:00:00Z", "a", "b", at},
		"on lines":      {"AADSTS1: No.\r\nTrace ID: a\r\nCorrelation ID: b\r\nTimestamp: 2026-11-24 10:00:00Z", "a", "b", at},
		"with an end":   {"AADSTS1: No. Trace ID: a Correlation ID: b Timestamp: 2026-11-24 10:00:00Z Good bye.", "a", "b", at},
		"cut short":     {"AADSTS1: No. Trace ID: a Correlation ID: b Timestamp: 2026-11-24", "a", "b", time.Time{}},
		"without them":  {"AADSTS1: No.", "", "", time.Time{}},
		"without words": {"Trace ID:", "", "", time.Time{}},
	} {
		e, _ := answerOf(400, string(must(json.Marshal(map[string]string{"error_description": row.description}))))
		if e.TraceID != row.trace || e.CorrelationID != row.correlation || !e.Timestamp.Equal(row.at) {
			t.Errorf("%s: %q, %q, %v", name, e.TraceID, e.CorrelationID, e.Timestamp)
		}
	}
}
