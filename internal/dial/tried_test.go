package dial

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestWithTried(t *testing.T) {
	refused := errors.New("refused")
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
			err := WithTried(refused, row.token)
			if !errors.Is(err, refused) || err.Error() != refused.Error() {
				t.Fatalf("error %v, want %v", err, refused)
			}
			tried, ok := errors.AsType[*Tried](fmt.Errorf("wrapped: %w", err))
			if row.claims == "" {
				if ok || err != refused {
					t.Errorf("error %#v, want it as it was", err)
				}
				return
			}
			if !ok || tried.Claims() != row.claims || tried.At().IsZero() {
				t.Fatalf("%+v", tried)
			}
			if text := fmt.Sprintf("%s, %s", tried, *tried); text != "refused, refused" {
				t.Errorf("shown as %q, want the text of the error", text)
			}
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
				for _, value := range []any{tried, *tried, struct{ tried *Tried }{tried}} {
					if text := fmt.Sprintf(verb, value); strings.Contains(text, payload) {
						t.Errorf("%s shows the claims: %s", verb, text)
					}
				}
			}
		})
	}
}
