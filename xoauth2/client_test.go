package xoauth2

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

// The example that Microsoft publishes: the token is no real one.
const (
	vectorUser  = "test@contoso.onmicrosoft.com"
	vectorToken = "EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA"
	vectorBytes = "dXNlcj10ZXN0QGNvbnRvc28ub25taWNyb3NvZnQuY29tAWF1dGg9QmVhcmVyIEV3QkFBbDNCQUFVRkZwVUFvN0ozVmUwYmpMQldaV0NjbFJDM0VvQUEBAQ=="
)

func TestClientPublishedVector(t *testing.T) {
	mech, ir, err := NewClient(vectorUser, vectorToken).Start()
	if err != nil {
		t.Fatal(err)
	}
	if mech != "XOAUTH2" {
		t.Errorf("mechanism %q, want XOAUTH2", mech)
	}
	if got := base64.StdEncoding.EncodeToString(ir); got != vectorBytes {
		t.Errorf("initial response\n got %s\nwant %s", got, vectorBytes)
	}
}

func TestValidate(t *testing.T) {
	const user, token = "user@example.com", "opaque-token"
	tests := []struct {
		name            string
		username, token string
		want            string // in the error; "" where it is valid
	}{
		{"plain", user, token, ""},
		{"one byte each", "u", "t", ""},
		{"space, the first that is no control character", "a b", "c d", ""},
		{"tilde, the last before DEL", "a~", "t~", ""},
		{"token that is that word", user, "Bearer", ""},
		{"beyond ASCII", "jürgen@example.com", token, ""},
		{"not UTF-8", "\xff@example.com", token, ""},
		{"64 KiB token", user, strings.Repeat("x", 64<<10), ""},

		{"no user name", "", token, "the user name is empty"},
		{"no token", user, "", "the access token is empty"},
		{"neither", "", "", "the user name is empty"},
		{"NUL first in the user name", "\x00ser", token, "the user name has the control character 0x00 at offset 0"},
		{"^A in the user name adds a field", "a\x01auth=Bearer evil", token, "the user name has the control character 0x01 at offset 1"},
		{"^A last in the token", user, token + "\x01", "the access token has the control character 0x01 at offset 12"},
		{"CR in the token", user, "a\rb", "the access token has the control character 0x0d at offset 1"},
		{"line feed that a file left", user, "a\n", "the access token has the control character 0x0a at offset 1"},
		{"unit separator, the last below space", user, "a\x1f", "the access token has the control character 0x1f at offset 1"},
		{"scheme of HTTP before the token", user, "bearer " + token, `the access token begins with "Bearer ", which is put before it: give the token alone`},
		{"DEL", user, "a\x7f", "the access token has the control character 0x7f at offset 1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := Validate(test.username, test.token)
			mech, ir, startErr := NewClient(test.username, test.token).Start()
			if test.want == "" {
				if err != nil || startErr != nil {
					t.Fatalf("Validate: %v; Start: %v", err, startErr)
				}
				return
			}
			if !errors.Is(err, ErrInvalidCredentials) || !strings.HasSuffix(err.Error(), ": "+test.want) {
				t.Errorf("error %v, want ErrInvalidCredentials with %q", err, test.want)
			}
			if startErr == nil || startErr.Error() != err.Error() || mech != "" || ir != nil {
				t.Errorf("Start = %q, %q, %v; want nothing to send and the error of Validate", mech, ir, startErr)
			}
		})
	}
}

func TestClientNext(t *testing.T) {
	c := NewClient(vectorUser, vectorToken)
	for attempt := range 2 {
		_, ir, err := c.Start()
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Next([]byte{})
		if err != nil || !bytes.Equal(resp, ir) {
			t.Errorf("attempt %d: first empty challenge: %q, %v; want the initial response", attempt, resp, err)
		}
		resp, err = c.Next(nil)
		if resp != nil || !errors.Is(err, ErrTooManyChallenges) {
			t.Errorf("attempt %d: second empty challenge: %q, %v; want ErrTooManyChallenges", attempt, resp, err)
		}
	}
}

func TestClientNextBeforeStart(t *testing.T) {
	resp, err := NewClient(vectorUser, vectorToken).Next(nil)
	if resp != nil || !errors.Is(err, ErrTooManyChallenges) {
		t.Errorf("Next = %q, %v; want ErrTooManyChallenges", resp, err)
	}
}

func TestClientRefusalAfterInitialResponse(t *testing.T) {
	c := NewClient(vectorUser, vectorToken)
	if _, _, err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Next(nil); err != nil {
		t.Fatal(err)
	}
	resp, err := c.Next([]byte(`{"status":"401"}`))
	refusal, ok := errors.AsType[*Error](err)
	if resp != nil || !ok || refusal.Status != "401" {
		t.Errorf("Next = %q, %#v; want an *Error with status 401", resp, err)
	}
}

// A token that is printed by mistake stays out of the log.
func TestFormatHidesToken(t *testing.T) {
	client := NewClient(vectorUser, vectorToken)
	if _, _, err := client.Start(); err != nil {
		t.Fatal(err)
	}
	auth := SMTPAuth(vectorUser, oauth2.StaticTokenSource(&oauth2.Token{AccessToken: vectorToken}))
	if _, _, err := auth.Start(tlsServer); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		for name, value := range map[string]any{
			"client": client, "auth": auth,
			"inside": struct{ Client, Auth any }{client, auth},
		} {
			text := fmt.Sprintf(verb, value)
			for _, secret := range []string{vectorToken, fmt.Sprintf("%x", vectorToken), fmt.Sprint([]byte(vectorToken))} {
				if strings.Contains(text, strings.Trim(secret, "[]")) {
					t.Errorf("%s with %s shows the token: %s", name, verb, text)
				}
			}
			if !strings.Contains(text, vectorUser) {
				t.Errorf("%s with %s does not say whose it is: %s", name, verb, text)
			}
		}
	}
}
