package xoauth2

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
)

func TestOAuthBearerClient(t *testing.T) {
	for name, test := range map[string]struct{ user, addr, want string }{
		"host and port": {"a@contoso.com", "mail.example.com:993", "n,a=a@contoso.com,\x01host=mail.example.com\x01port=993\x01auth=Bearer secret\x01\x01"},
		"IPv6":          {"a@contoso.com", "[::1]:993", "n,a=a@contoso.com,\x01host=::1\x01port=993\x01auth=Bearer secret\x01\x01"},
		"no address":    {"a@contoso.com", "", "n,a=a@contoso.com,\x01auth=Bearer secret\x01\x01"},
		"escapes":       {"a,b=c", "", "n,a=a=2Cb=3Dc,\x01auth=Bearer secret\x01\x01"},
	} {
		t.Run(name, func(t *testing.T) {
			c := NewOAuthBearerClient(test.user, "secret", test.addr)
			mech, ir, err := c.Start()
			if mech != sasl.OAuthBearer || string(ir) != test.want || err != nil {
				t.Errorf("got %q, %q, %v; want %q", mech, ir, err, test.want)
			}
			if again, err := c.Next(nil); string(again) != test.want || err != nil {
				t.Errorf("asked again: %q, %v", again, err)
			}
			answer, err := c.Next([]byte(`{"status":"invalid_token"}`))
			if refusal, ok := errors.AsType[*Error](err); string(answer) != "\x01" || !ok || refusal.Status != "invalid_token" {
				t.Errorf("acknowledgement %q, %v; want ^A and the refusal", answer, err)
			}
			if s := fmt.Sprintf("%v %+v %#v %s", c, c, c, c); strings.Contains(s, "secret") {
				t.Errorf("the token is in %q", s)
			}
		})
	}
}

// RFC 7628 §3.2.3 has a client acknowledge a refusal with ^A. An empty challenge
// asks for the initial response, once.
func TestOAuthBearerClientIsAskedAgain(t *testing.T) {
	c := NewOAuthBearerClient("a@contoso.com", "secret", "")
	if answer, err := c.Next(nil); !errors.Is(err, ErrTooManyChallenges) || string(answer) != "\x01" {
		t.Errorf("before Start: %q, %v; want ^A and ErrTooManyChallenges", answer, err)
	}
	if _, _, err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Next(nil); err != nil {
		t.Errorf("the first empty challenge: %v", err)
	}
	if answer, err := c.Next(nil); !errors.Is(err, ErrTooManyChallenges) || string(answer) != "\x01" {
		t.Errorf("the second empty challenge: %q, %v; want ^A and ErrTooManyChallenges", answer, err)
	}
	if _, ir, err := NewOAuthBearerClient("", "secret", "").Start(); !errors.Is(err, ErrInvalidCredentials) || ir != nil {
		t.Errorf("%q, %v; want that the user name cannot be sent", ir, err)
	}
}

func TestOAuthBearerServerParse(t *testing.T) {
	const auth = "\x01auth=Bearer secret\x01\x01"
	for name, test := range map[string]struct{ response, username, want string }{
		"as the client writes it": {string(bearerResponse("a@contoso.com", "secret", "mail.example.com:993")), "a@contoso.com", ""},
		"as RFC 7628 §4.1 has it": {"n,a=user@example.com,\x01host=server.example.com\x01port=143" + auth, "user@example.com", ""},
		"escapes":                 {string(bearerResponse("a,b=c", "secret", "")), "a,b=c", ""},
		"binding not used":        {"y,a=u," + auth, "u", ""},
		"bearer in lower case":    {"n,a=u,\x01auth=bearer secret\x01\x01", "u", ""},
		"key that nobody knows":   {"n,a=u,\x01mailbox=x" + auth, "u", ""},
		"XOAUTH2":                 {string(initialResponse("u", "secret")), "", "the first field is not a GS2 header without channel binding"},
		"channel binding":         {"p=tls-unique,a=u," + auth, "", "the first field is not a GS2 header without channel binding"},
		"no comma at the end":     {"n,a=u" + auth, "", "the GS2 header is not well-formed"},
		"something for the user":  {"n,u," + auth, "", "the GS2 header is not well-formed"},
		"comma in the user name":  {"n,a=u,v," + auth, "", "the GS2 header is not well-formed"},
		"escape in lower case":    {"n,a=u=2cv," + auth, "", "the GS2 header is not well-formed"},
		"no user name":            {"n,," + auth, "", "the user name is empty"},
		"empty user name":         {"n,a=," + auth, "", "the user name is empty"},
		"no auth":                 {"n,a=u,\x01host=x\x01\x01", "", "there is no auth field"},
		"another scheme":          {"n,a=u,\x01auth=Basic secret\x01\x01", "", "the scheme is not Bearer"},
		"one ^A at the end":       {"n,a=u,\x01auth=Bearer secret\x01", "", "it does not end in two ^A"},
		"NUL in the user name":    {"n,a=u\x00," + auth, "", "the user name has the control character 0x00 at offset 1"},
		"nothing":                 {"", "", "it does not end in two ^A"},
	} {
		t.Run(name, func(t *testing.T) {
			var username, token string
			_, done, err := NewOAuthBearerServer(func(u, k string) error { username, token = u, k; return nil }).Next([]byte(test.response))
			switch {
			case !done:
				t.Error("the exchange is not done")
			case test.want == "" && (err != nil || username != test.username || token != "secret"):
				t.Errorf("got %q, %q, %v; want %q", username, token, err, test.username)
			case test.want != "" && (!errors.Is(err, ErrMalformedResponse) || !strings.HasSuffix(err.Error(), ": "+test.want)):
				t.Errorf("error %v, want ErrMalformedResponse with %q", err, test.want)
			case test.want != "" && token != "":
				t.Error("the authenticator was called")
			}
		})
	}
}

// Both sides of go-sasl's mechanism understand ours.
func TestOAuthBearerWithGoSASL(t *testing.T) {
	_, ir, err := NewOAuthBearerClient("a@contoso.com", "secret", "mail.example.com:993").Start()
	if err != nil {
		t.Fatal(err)
	}
	theirs := sasl.NewOAuthBearerServer(func(o sasl.OAuthBearerOptions) *sasl.OAuthBearerError {
		if o.Username != "a@contoso.com" || o.Token != "secret" || o.Host != "mail.example.com" || o.Port != 993 {
			t.Errorf("go-sasl's server read %+v", o)
		}
		return nil
	})
	if _, done, err := theirs.Next(ir); !done || err != nil {
		t.Errorf("go-sasl's server: %t, %v", done, err)
	}

	client := sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: "a@contoso.com", Token: "secret", Host: "mail.example.com", Port: 993})
	_, ir, err = client.Start()
	if err != nil {
		t.Fatal(err)
	}
	ours := NewOAuthBearerServer(func(username, token string) error { return &Error{Status: "invalid_token", Schemes: "bearer"} })
	challenge, done, err := ours.Next(ir)
	if done || err != nil {
		t.Fatalf("%q, %t, %v; want a challenge", challenge, done, err)
	}
	if _, err = client.Next(challenge); err == nil || !strings.Contains(err.Error(), "invalid_token") {
		t.Errorf("go-sasl's client: %v; want the refusal", err)
	}
	if _, done, err = ours.Next([]byte{1}); !done || err == nil {
		t.Errorf("after the acknowledgement: %t, %v; want the refusal", done, err)
	}
}
