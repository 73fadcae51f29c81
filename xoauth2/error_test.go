package xoauth2

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/exoauth/exoauth/internal/plain"
)

func TestDecodeError(t *testing.T) {
	type fields struct{ status, schemes, scope string }
	tests := []struct {
		name, challenge string
		want            fields
	}{
		{"Gmail", `{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}`, fields{"400", "Bearer", "https://mail.google.com/"}},
		{"Dovecot", `{"status":"401","schemes":"bearer","scope":"mail","openid-configuration":"https://login.example.com/"}`, fields{"401", "bearer", "mail"}},
		{"an error code for a status", `{"status":"invalid_token"}`, fields{status: "invalid_token"}},
		{"white space around", " {\t\"status\" : \"401\" }\r\n", fields{status: "401"}},
		{"escapes", `{"status":"4\u00301","scope":"https:\/\/mail.example.com\/"}`, fields{"401", "", "https://mail.example.com/"}},

		{"status as a number", `{"status":401}`, fields{status: "401"}},
		{"status as a number beyond float64", `{"status":1e999}`, fields{status: "1e999"}},
		{"status null", `{"status":null,"scope":"mail"}`, fields{scope: "mail"}},
		{"status as a bool", `{"status":true,"scope":"mail"}`, fields{scope: "mail"}},
		{"status as an object", `{"status":{"code":401},"scope":"mail"}`, fields{scope: "mail"}},
		{"schemes as an array", `{"status":"401","schemes":["bearer"]}`, fields{status: "401"}},
		{"two of one key: the last", `{"status":"200","status":"401"}`, fields{status: "401"}},
		{"two of one key: the last, of another type", `{"status":"200","status":[]}`, fields{}},
		{"a thousand levels under an unknown key", `{"x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `,"status":"401"}`, fields{status: "401"}},

		{"empty object", `{}`, fields{}},
		{"null", `null`, fields{}},
		{"array", `[{"status":"401"}]`, fields{}},
		{"two objects", `{"status":"401"}{"status":"402"}`, fields{}},
		{"cut off", `{"status":"401"`, fields{}},
		{"text", "authentication failed", fields{}},
		{"not UTF-8", "\xff\xfe\x00", fields{}},
		{"one byte", "\x00", fields{}},
		{"4 KiB", pad(`{"status":"401"}`, maxRaw), fields{status: "401"}},
		{"4 KiB and a byte", pad(`{"status":"401"}`, maxRaw+1), fields{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			resp, err := NewClient(vectorUser, vectorToken).Next([]byte(test.challenge))
			e, ok := errors.AsType[*Error](err)
			if !ok || resp != nil {
				t.Fatalf("Next = %q, %v; want an *Error", resp, err)
			}
			if got := (fields{e.Status, e.Schemes, e.Scope}); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if want := test.challenge[:min(len(test.challenge), maxRaw)]; string(e.Raw) != want {
				t.Errorf("Raw has %d bytes, want the first %d of the challenge", len(e.Raw), len(want))
			}
		})
	}
}

func pad(s string, n int) string { return s + strings.Repeat(" ", n-len(s)) }

// The challenge is the buffer of its reader. An Error must survive the next use
// of the buffer, and must not keep a large one alive.
func TestErrorKeepsItsOwnBytes(t *testing.T) {
	for _, token := range []string{"short", vectorToken} {
		challenge := []byte("authentication failed")
		e := decodeError(challenge, token)
		clear(challenge)
		if string(e.Raw) != "authentication failed" {
			t.Errorf("Raw changed with the buffer it came from: %q", e.Raw)
		}
	}
	if e := decodeError(make([]byte, 5<<20), vectorToken); cap(e.Raw) > 2*maxRaw {
		t.Errorf("Raw of 5 MB keeps %d bytes alive", cap(e.Raw))
	}
}

func TestDecodeErrorReadsOnlyWhatItKeeps(t *testing.T) {
	challenge := []byte(`{"status":"` + strings.Repeat("9", 5<<20) + `"}`)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	e := decodeError(challenge, "short")
	runtime.ReadMemStats(&after)
	if e.Status != "" || len(e.Raw) != maxRaw {
		t.Errorf("status of %d bytes, Raw of %d; want none and %d", len(e.Status), len(e.Raw), maxRaw)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("%d bytes allocated for a challenge that is cut to 4 KiB", got)
	}
}

// refused is how the text of an Error begins.
const refused = "xoauth2: the server refused the token"

func TestErrorText(t *testing.T) {
	tests := []struct {
		name string
		err  Error
		want string
	}{
		{"zero", Error{}, refused},
		{"status", Error{Status: "401"}, refused + `: status "401"`},
		{"status and scope", Error{Status: "401", Schemes: "bearer", Scope: "mail"}, refused + `: status "401", scope "mail"`},
		{"neither", Error{Raw: []byte("go away")}, refused + ` with a challenge that is not the JSON expected: "go away"`},
		{"a forged log line", Error{Status: "401\r\n2026/01/01 login ok"}, refused + `: status "401\r\n2026/01/01 login ok"`},
		{"terminal commands", Error{Status: "\x1b]0;x\x07\u009b2J"}, refused + `: status "\x1b]0;x\a\u009b2J"`},
		{"text turned round", Error{Status: "\u202e104"}, refused + `: status "\u202e104"`},
		{"a quote that would end it", Error{Status: `401" ok="1`}, refused + `: status "401\" ok=\"1"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.err.Error(); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// How much of each part is shown, and how much of a challenge is kept.
func TestErrorTextIsCut(t *testing.T) {
	if maxRaw != 4<<10 {
		t.Errorf("%d bytes of a challenge are kept; the documentation says 4 KiB", maxRaw)
	}
	x := func(n int) string { return strings.Repeat("x", n) }
	for _, test := range []struct {
		name string
		err  Error
		want string
	}{
		{"status", Error{Status: x(65)}, `: status "` + x(64) + `"`},
		{"status, whole", Error{Status: x(64)}, `: status "` + x(64) + `"`},
		{"status and scope", Error{Status: x(65), Scope: x(129)}, `: status "` + x(64) + `", scope "` + x(128) + `"`},
		{"status and scope, whole", Error{Status: x(64), Scope: x(128)}, `: status "` + x(64) + `", scope "` + x(128) + `"`},
		{"challenge", Error{Raw: []byte(x(193))}, ` with a challenge that is not the JSON expected: "` + x(192) + `"`},
		{"challenge, whole", Error{Raw: []byte(x(192))}, ` with a challenge that is not the JSON expected: "` + x(192) + `"`},
	} {
		if got := test.err.Error(); got != refused+test.want {
			t.Errorf("%s: %s", test.name, got)
		}
	}
}

func TestErrorTextIsBounded(t *testing.T) {
	for _, unit := range []string{"x", "\x00", "\xff", "\u0085", "\u202e", "\U000e0001", "\U0010ffff", `"`} {
		long := strings.Repeat(unit, 5000)
		for _, e := range []*Error{
			{Status: long}, {Status: long, Scope: long}, {Raw: []byte(long)}, {Status: long, Scope: long, Raw: []byte(long)},
		} {
			if text := e.Error(); len(text) > 1<<10 || !utf8.ValidString(text) {
				t.Errorf("%q repeated: a text of %d bytes, valid UTF-8: %t", unit, len(text), utf8.ValidString(text))
			}
		}
	}
}

func TestErrorHidesEchoedToken(t *testing.T) {
	ir := string(initialResponse(vectorUser, vectorToken))
	escaped := strings.ReplaceAll(vectorToken, "E", `\u0045`)
	tests := []struct{ name, challenge string }{
		{"the whole initial response", ir},
		{"as the status", `{"status":"` + vectorToken + `"}`},
		{"in every field", `{"status":"bad ` + vectorToken + `","schemes":"` + vectorToken + `","scope":"` + vectorToken + `"}`},
		{"across the 4 KiB at which Raw ends", pad("", maxRaw-8) + vectorToken},
		{"so often that the placeholder moves the end", strings.Repeat(vectorToken, 400)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := NewClient(vectorUser, vectorToken).Next([]byte(test.challenge))
			e := err.(*Error)
			all := strings.Join([]string{e.Error(), e.Status, e.Schemes, e.Scope, string(e.Raw)}, "\n")
			if strings.Contains(all, vectorToken[:8]) {
				t.Errorf("the token is in %q", all)
			}
		})
	}
	for _, field := range []string{"status", "schemes", "scope"} {
		t.Run("escaped in the JSON, as the "+field, func(t *testing.T) {
			_, err := NewClient(vectorUser, vectorToken).Next([]byte(`{"` + field + `":"` + escaped + `"}`))
			e := err.(*Error)
			if got := e.Status + e.Schemes + e.Scope; got != plain.Redacted {
				t.Errorf("%q, want %q", got, plain.Redacted)
			}
			if raw := string(e.Raw); raw != `{"`+field+`":"`+plain.Redacted+`"}` {
				t.Errorf("Raw is %s", raw)
			}
		})
	}
	t.Run("too short for a token", func(t *testing.T) {
		short := "444"
		_, err := NewClient(vectorUser, short).Next([]byte(`{"status":"` + short + `"}`))
		if e := err.(*Error); e.Status != short {
			t.Errorf("status %q, want it untouched", e.Status)
		}
	})
}

func TestErrorEncodeRoundTrip(t *testing.T) {
	for _, want := range []Error{
		{Status: "401"},
		{Status: "401", Schemes: "bearer", Scope: "https://outlook.example.com/.default"},
		{Status: `a "quoted" <b> & \ line` + "\n", Scope: "Größe"},
		{},
	} {
		b := want.encode()
		got := decodeError(b, vectorToken)
		if got.Status != want.Status || got.Schemes != want.Schemes || got.Scope != want.Scope || !bytes.Equal(got.Raw, b) {
			t.Errorf("%s decodes to %+v, want %+v", b, got, want)
		}
	}
}
