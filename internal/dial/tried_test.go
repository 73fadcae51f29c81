package dial

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestTried(t *testing.T) {
	payload := base64.RawURLEncoding.EncodeToString([]byte(`{"aud":"PLANTED"}`))
	for _, row := range []struct{ name, token, claims string }{
		{"JWT", "e30." + payload + ".PLANTED", "." + payload + "."},
		{"encrypted JWT, five parts", "e30." + payload + ".a.b.c", ""},
		{"opaque", "EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA", ""},
		{"dots, and no base64", "PLANTED.access token.1", ""},
		{"dots, and no JSON", "a.PLANTED.b", ""},
		{"empty", "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			tried := NewTried(row.token)
			if row.claims == "" {
				if tried != nil {
					t.Error(tried.Claims())
				}
				return
			}
			if tried == nil || tried.Claims() != row.claims || tried.At().IsZero() {
				t.Fatalf("%+v", tried)
			}
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
				for _, value := range []any{tried, *tried, struct{ tried *Tried }{tried}, withTried{tried}} {
					if text := fmt.Sprintf(verb, value); strings.Contains(text, payload) {
						t.Errorf("%s shows the claims: %s", verb, text)
					}
				}
			}
		})
	}
}

type notThis struct{ error }

type withTried struct{ tried *Tried }

func (withTried) Error() string        { return "an error" }
func (e withTried) As(target any) bool { return e.tried.As(target) }

func TestTriedByAs(t *testing.T) {
	want := NewTried("e30.e30.x")
	if got, ok := errors.AsType[*Tried](fmt.Errorf("wrapped: %w", withTried{want})); !ok || got != want {
		t.Errorf("%v, %v", got, ok)
	}
	if _, ok := errors.AsType[*Tried](withTried{}); ok {
		t.Error("none was found")
	}
	if _, ok := errors.AsType[*notThis](withTried{want}); ok {
		t.Error("another error was found")
	}
}
