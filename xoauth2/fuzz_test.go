package xoauth2

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzChallenge gives the client whatever a server may send.
func FuzzChallenge(f *testing.F) {
	f.Fuzz(func(t *testing.T, challenge []byte) {
		c := NewClient(vectorUser, vectorToken)
		_, ir, err := c.Start()
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Next(challenge)
		if len(challenge) == 0 {
			if err != nil || !bytes.Equal(resp, ir) {
				t.Fatalf("empty challenge: %q, %v", resp, err)
			}
			resp, err = c.Next(challenge)
			if resp != nil || !errors.Is(err, ErrTooManyChallenges) {
				t.Fatalf("second empty challenge: %q, %v", resp, err)
			}
			return
		}
		refusal, ok := err.(*Error)
		if !ok || resp != nil {
			t.Fatalf("Next = %q, %v; want an *Error", resp, err)
		}
		checkRefusal(t, refusal)
	})
}

func checkRefusal(t *testing.T, e *Error) {
	t.Helper()
	text := e.Error()
	if len(e.Raw) == 0 || len(e.Raw) > maxRaw || len(text) > 1<<10 {
		t.Fatalf("Raw of %d bytes, text of %d", len(e.Raw), len(text))
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }) {
		t.Fatalf("not printable: %q", text)
	}
	for _, s := range []string{text, e.Status, e.Schemes, e.Scope, string(e.Raw)} {
		if strings.Contains(s, vectorToken) {
			t.Fatalf("the token is in %q", s)
		}
	}
	b := e.encode()
	if len(b) > maxRaw {
		return
	}
	if again := decodeError(b, vectorToken); again.Status != e.Status || again.Schemes != e.Schemes || again.Scope != e.Scope {
		t.Fatalf("%+v is sent as %s and read as %+v", e, b, again)
	}
}

// FuzzServer gives the server whatever a client may send, and what our client
// makes of a user name and a token.
func FuzzServer(f *testing.F) {
	f.Add([]byte("user=u\x01auth=Bearer Bearer t\x01\x01"), "", "")
	f.Fuzz(func(t *testing.T, response []byte, username, token string) {
		if response != nil {
			checkServer(t, response)
		}
		_, ir, err := NewClient(username, token).Start()
		if err != nil {
			if !errors.Is(err, ErrInvalidCredentials) {
				t.Fatal(err)
			}
			return
		}
		gotUser, gotToken, err := (&server{parse: parseInitialResponse}).read(ir)
		if len(ir) > maxResponse {
			if !errors.Is(err, ErrMalformedResponse) {
				t.Fatalf("%d bytes are accepted", len(ir))
			}
			return
		}
		if err != nil || gotUser != username || gotToken != token {
			t.Fatalf("sent %q, %q; received %q, %q, %v", username, token, gotUser, gotToken, err)
		}
		ir = bearerResponse(username, token, "mail.example.com:993")
		gotUser, gotToken, err = (&server{parse: parseBearerResponse}).read(ir)
		if len(ir) <= maxResponse && (err != nil || gotUser != username || gotToken != token) {
			t.Fatalf("OAUTHBEARER: sent %q, %q; received %q, %q, %v", username, token, gotUser, gotToken, err)
		}
	})
}

func checkServer(t *testing.T, response []byte) {
	t.Helper()
	called := false
	var username, token string
	challenge, done, err := NewServer(func(u, tok string) error {
		called, username, token = true, u, tok
		return nil
	}).Next(response)
	if challenge != nil || !done || called != (err == nil) {
		t.Fatalf("Next = %q, %t, %v; authenticator called: %t", challenge, done, err, called)
	}
	if err != nil {
		if !errors.Is(err, ErrMalformedResponse) || len(err.Error()) > 200 {
			t.Fatalf("error %v", err)
		}
		return
	}
	_, ir, err := NewClient(username, token).Start()
	if _, ok := cutScheme(token); ok {
		return // other clients send it
	}
	if err != nil {
		t.Fatalf("accepted %q, %q, which the client refuses: %v", username, token, err)
	}
	// The two may differ in the case of one word.
	at := len("user=\x01auth=") + len(username)
	if len(ir) != len(response) || !bytes.EqualFold(ir[at:at+6], response[at:at+6]) {
		t.Fatalf("%q encodes again as %q", response, ir)
	}
	copy(ir[at:at+6], response[at:])
	if !bytes.Equal(ir, response) {
		t.Fatalf("%q encodes again as %q", response, ir)
	}
}
