package xoauth2

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
)

func TestServerParse(t *testing.T) {
	const user, token = "user@example.com", "opaque-token"
	good := string(initialResponse(user, token))
	tests := []struct {
		name, response string
		want           string // in the error; "" where it is accepted
	}{
		{"as the client writes it", good, ""},
		{"bearer in lower case", strings.Replace(good, "Bearer", "bearer", 1), ""},
		{"64 KiB", "user=u\x01auth=Bearer " + strings.Repeat("t", maxResponse-21) + "\x01\x01", ""},

		{"64 KiB and a byte", "user=u\x01auth=Bearer " + strings.Repeat("t", maxResponse-20) + "\x01\x01", "65537 bytes, more than 65536"},
		{"nothing", "", "it does not end in two ^A"},
		{"two ^A and nothing else", "\x01\x01", "1 fields, want user and auth"},
		{"one ^A at the end", good[:len(good)-1], "it does not end in two ^A"},
		{"three ^A at the end", good + "\x01", "3 fields, want user and auth"},
		{"a line end after it", good + "\r\n", "it does not end in two ^A"},
		{"only a user", "user=" + user + "\x01\x01", "1 fields, want user and auth"},
		{"a third field", "user=" + user + "\x01auth=Bearer " + token + "\x01host=x\x01\x01", "3 fields, want user and auth"},
		{"fields the other way round", "auth=Bearer " + token + "\x01user=" + user + "\x01\x01", "the first field is not user="},
		{"User in upper case", "User=" + user + "\x01auth=Bearer " + token + "\x01\x01", "the first field is not user="},
		{"no auth", "user=" + user + "\x01pass=" + token + "\x01\x01", "the second field is not auth="},
		{"another scheme", "user=" + user + "\x01auth=Basic " + token + "\x01\x01", "the scheme is not Bearer"},
		{"no space after Bearer", "user=" + user + "\x01auth=Bearer" + token + "\x01\x01", "the scheme is not Bearer"},
		{"Bearer cut off", "user=" + user + "\x01auth=Bearer\x01\x01", "the scheme is not Bearer"},
		{"no user name", "user=\x01auth=Bearer " + token + "\x01\x01", "the user name is empty"},
		{"no token", "user=" + user + "\x01auth=Bearer \x01\x01", "the access token is empty"},
		{"NUL in the user name", "user=u\x00\x01auth=Bearer " + token + "\x01\x01", "the user name has the control character 0x00 at offset 1"},
		{"OAUTHBEARER", "n,a=" + user + ",\x01auth=Bearer " + token + "\x01\x01", "the first field is not user="},
		{"PLAIN", "\x00" + user + "\x00secret", "it does not end in two ^A"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			called := false
			challenge, done, err := NewServer(func(string, string) error { called = true; return nil }).Next([]byte(test.response))
			if challenge != nil || !done {
				t.Errorf("Next = %q, %t; want no challenge and done", challenge, done)
			}
			if test.want == "" {
				if err != nil || !called {
					t.Fatalf("error %v, authenticator called: %t", err, called)
				}
				return
			}
			if !errors.Is(err, ErrMalformedResponse) || !strings.HasSuffix(err.Error(), ": "+test.want) {
				t.Fatalf("error %v, want ErrMalformedResponse with %q", err, test.want)
			}
			if called {
				t.Error("the authenticator was called")
			}
			if strings.Contains(err.Error(), token) {
				t.Errorf("the token is in the error: %v", err)
			}
		})
	}
}

func TestServerExchange(t *testing.T) {
	ir := initialResponse(vectorUser, vectorToken)
	refusal := &Error{Status: "401", Schemes: "bearer"}
	other := errors.New("mailbox on strike")
	wrapped := fmt.Errorf("%w: %w", other, refusal)
	const challenge = `{"status":"401","schemes":"bearer"}`
	type step struct {
		response  []byte
		challenge string
		done      bool
		err       error
	}
	tests := []struct {
		name   string
		answer error
		steps  []step
	}{
		{"accepted", nil, []step{{ir, "", true, nil}}},
		{"accepted, without an initial response", nil, []step{{nil, "", false, nil}, {ir, "", true, nil}}},
		{"accepted, and a response too many", nil, []step{{ir, "", true, nil}, {ir, "", true, sasl.ErrUnexpectedClientResponse}}},
		{"refused at once", other, []step{{ir, "", true, other}, {ir, "", true, sasl.ErrUnexpectedClientResponse}}},
		{"refused by challenge, empty acknowledgement", refusal, []step{{ir, challenge, false, nil}, {[]byte{}, "", true, refusal}, {ir, "", true, sasl.ErrUnexpectedClientResponse}}},
		{"refused by challenge, acknowledged by ^A", refusal, []step{{ir, challenge, false, nil}, {[]byte{1}, "", true, refusal}}},
		{"refused by challenge, tried again instead", refusal, []step{{ir, challenge, false, nil}, {ir, "", true, refusal}}},
		{"refused by a wrapped Error", wrapped, []step{{ir, challenge, false, nil}, {nil, "", true, wrapped}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			calls := 0
			s := NewServer(func(username, token string) error {
				calls++
				if username != vectorUser || token != vectorToken {
					t.Errorf("authenticator got %q, %q", username, token)
				}
				return test.answer
			})
			for i, step := range test.steps {
				challenge, done, err := s.Next(step.response)
				if string(challenge) != step.challenge || done != step.done || err != step.err {
					t.Errorf("step %d: %q, %t, %v; want %q, %t, %v", i, challenge, done, err, step.challenge, step.done, step.err)
				}
			}
			if calls != 1 {
				t.Errorf("authenticator called %d times, want once", calls)
			}
		})
	}
}
