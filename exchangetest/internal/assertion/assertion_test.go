package assertion

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func TestParse(t *testing.T) {
	good := encode(`{"alg":"PS256","x5t":"a","kid":"k"}`)
	claims := encode(`{"iss":"i","sub":"s","aud":"a","nbf":1,"exp":2}`)
	for _, row := range []struct {
		name, text string
		ok         bool
	}{
		{"three parts", good + "." + claims + ".AAAA", true},
		{"an empty signature", good + "." + claims + ".", true},
		{"no text", "", false},
		{"two parts", good + "." + claims, false},
		{"four parts", good + "." + claims + ".AAAA.AAAA", false},
		{"header that is not base64url", "+." + claims + ".AAAA", false},
		{"claims with padding", good + "." + encode("{}") + "=.AAAA", false},
		{"signature that is not base64url", good + "." + claims + ".!", false},
		{"header that is no object", encode("[]") + "." + claims + ".AAAA", false},
		{"claims that are no JSON", good + "." + encode("{") + ".AAAA", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			a, ok := Parse(row.text)
			if ok != row.ok {
				t.Fatal(ok)
			}
			if ok && (a.Header.Alg != "PS256" || a.Claims.Issuer != "i" || a.Claims.Subject != "s" || a.Claims.NotBefore != 1 || a.Claims.Expires != 2) {
				t.Errorf("%+v", a)
			}
		})
	}
}

// What real clients write.
func TestClaims(t *testing.T) {
	for _, row := range []struct {
		name, text string
		audience   []string
		expires    Number
		ok         bool
	}{
		{"numbers", `{"aud":"a","exp":1700000000}`, []string{"a"}, 1700000000, true},
		{"a number with an exponent", `{"aud":"a","exp":1.7e9}`, []string{"a"}, 1700000000, true},
		{"a text of a number", `{"aud":"a","exp":"1700000000"}`, []string{"a"}, 1700000000, true},
		{"a list of audiences", `{"aud":["a","b"]}`, []string{"a", "b"}, 0, true},
		{"no audience", `{}`, nil, 0, true},
		{"a text that is no number", `{"exp":"tomorrow"}`, nil, 0, false},
		{"an audience that is a number", `{"aud":1}`, nil, 0, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			var c Claims
			if err := json.Unmarshal([]byte(row.text), &c); (err == nil) != row.ok {
				t.Fatal(err)
			}
			if row.ok && (!slices.Equal(c.Audience, row.audience) || c.Expires != row.expires) {
				t.Errorf("%+v", c)
			}
		})
	}
}

func TestNames(t *testing.T) {
	der := []byte("a certificate")
	one, two := sha1.Sum(der), sha256.Sum256(der)
	for name, row := range map[string]struct {
		header Header
		want   bool
	}{
		"x5t":                        {Header{X5T: base64.RawURLEncoding.EncodeToString(one[:])}, true},
		"x5t#S256":                   {Header{X5TS256: base64.RawURLEncoding.EncodeToString(two[:])}, true},
		"x5t#S256, padded, standard": {Header{X5TS256: base64.StdEncoding.EncodeToString(two[:])}, true},
		"one hash for the other":     {Header{X5T: base64.RawURLEncoding.EncodeToString(two[:])}, false},
		"another certificate":        {Header{X5T: base64.RawURLEncoding.EncodeToString(two[:20])}, false},
		"none":                       {Header{KeyID: "k"}, false},
	} {
		if got := row.header.Names(der); got != row.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestVerify(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		method jwt.SigningMethod
		want   bool
	}{
		{jwt.SigningMethodRS256, true}, {jwt.SigningMethodPS256, true}, {jwt.SigningMethodRS512, false},
	} {
		text, err := jwt.NewWithClaims(row.method, jwt.MapClaims{"iss": "i"}).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		a, ok := Parse(text)
		if !ok || a.Verify(&key.PublicKey) != row.want {
			t.Errorf("%s: %t", row.method.Alg(), !row.want)
		}
		if a.Verify(&other.PublicKey) {
			t.Errorf("%s: the signature of somebody else is taken", row.method.Alg())
		}
	}
	a, _ := Parse(encode(`{"alg":"none"}`) + "." + encode("{}") + ".")
	if a.Verify(&key.PublicKey) {
		t.Error("an assertion without a signature is taken")
	}
}

func FuzzParse(f *testing.F) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encode(`{"alg":"RS256"}`) + "." + encode(`{"aud":["a"],"exp":"1"}`) + ".AAAA")
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		a, ok := Parse(text)
		if ok != (a != nil) {
			t.Fatal("an assertion that is none")
		}
		if ok && strings.Count(text, ".") != 2 {
			t.Errorf("%q is taken", text)
		}
		if ok && (a.Verify(&key.PublicKey) || a.Header.Names([]byte(text))) {
			t.Errorf("%q is believed", text)
		}
	})
}
