package tokensource

import (
	"encoding/json"
	"slices"
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

func TestText(t *testing.T) {
	for _, test := range []struct{ name, json, want string }{
		{"plain", `"Bearer"`, "Bearer"},
		{"empty", `""`, ""},
		{"escapes", `"a\"\\\u00e9\n"`, "a\"\\\u00e9\n"},
		{"beyond ASCII", `"é"`, "é"},
		{"not UTF-8", "\"a\xff\"", "a\ufffd"},
		{"half of a surrogate pair", `"\ud800"`, "\ufffd"},
		{"number", `-3599.0`, "-3599.0"},
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
