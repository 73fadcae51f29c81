package tokensource

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestPlainFields(t *testing.T) {
	for _, test := range []struct {
		name, text string
		plain      bool
	}{
		{"one string", `{"a":"b"}`, true},
		{"empty string", `{"a":""}`, true},
		{"zero", `{"a":0}`, true},
		{"several", ` { "a" : "b" , "c" : 3599 , "d":"e" } `, true},
		{"twice the same name", `{"a":"b","a":"c"}`, true},
		{"no member", `{}`, false},
		{"leading zero", `{"a":01}`, false},
		{"sign", `{"a":-1}`, true},
		{"fraction", `{"a":1.5}`, true},
		{"exponent", `{"a":1e3}`, true},
		{"null", `{"a":null}`, false},
		{"array", `{"a":[1]}`, false},
		{"object", `{"a":{"b":"c"}}`, false},
		{"escape", `{"a":"\n"}`, false},
		{"escaped quote", `{"a":"\""}`, false},
		{"escape in the name", `{"a\t":"b"}`, false},
		{"line end in a string", "{\"a\":\"\n\"}", false},
		{"beyond ASCII", `{"a":"é"}`, false},
		{"no value", `{"a"}`, false},
		{"no comma", `{"a":1"b":2}`, false},
		{"comma at the end", `{"a":1,}`, false},
		{"something after it", `{"a":1}x`, false},
		{"cut off in a string", `{"a":"b`, false},
		{"cut off after a value", `{"a":"b"`, false},
		{"cut off after a name", `{"a"`, false},
		{"nothing", ``, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, plain := plainFields([]byte(test.text)); plain != test.plain {
				t.Errorf("plain: %v", plain)
			}
			checkFields(t, []byte(test.text))
		})
	}
}

// FuzzFields compares with encoding/json.
func FuzzFields(f *testing.F) {
	f.Add([]byte(`{"token_type":"Bearer","expires_in":3599,"access_token":"eyJ0eXAiOiJKV1QifQ.e30.c2ln"}`))
	f.Add([]byte(`{"error":"invalid_client","error_codes":[7000215],"error_description":"\r\n"}`))
	f.Fuzz(checkFields)
}

func checkFields(t *testing.T, text []byte) {
	t.Helper()
	var want map[string]json.RawMessage
	if json.Unmarshal(text, &want) != nil {
		want = nil
	}
	got := parseFields(text)
	if (got == nil) != (want == nil) {
		t.Fatalf("%q is %q, want %q", text, got, want)
	}
	for name, value := range want {
		if !bytes.Equal(got.raw(name), value) {
			t.Errorf("%q: %q is %q, want %q", text, name, got.raw(name), value)
		}
	}
	for _, f := range got {
		if _, ok := want[string(f.name)]; !ok {
			t.Errorf("%q has no member %q", text, f.name)
		}
	}
}

func TestIsPrintable(t *testing.T) {
	for size := range 18 {
		text := bytes.Repeat([]byte{'~'}, size)
		if !isPrintable(text) {
			t.Errorf("%q is not", text)
		}
		for at := range size {
			for c := range 256 {
				text[at] = byte(c)
				if got, want := isPrintable(text), c >= ' ' && c <= '~'; got != want {
					t.Fatalf("%q: %v, want %v", text, got, want)
				}
			}
			text[at] = ' '
		}
	}
}
