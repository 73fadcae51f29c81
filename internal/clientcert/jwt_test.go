package clientcert

import (
	"encoding/base64"
	"testing"
	"time"
)

func TestExpiryOfAJWT(t *testing.T) {
	encode := base64.RawURLEncoding.EncodeToString
	for claims, want := range map[string]int64{ // zero where there is none
		`{"exp":1700000000}`:           1700000000,
		`{"exp":1700000000.9}`:         1700000000,
		`{"sub":"a","exp":17e8}`:       1700000000,
		`{"exp":1}`:                    1,
		`{"exp":253402300799}`:         253402300799, // 9999-12-31
		`{"exp":253402300800}`:         0,
		`{"exp":"1700000000"}`:         0,
		`{"exp":null}`:                 0,
		`{"exp":0}`:                    0,
		`{"exp":-1}`:                   0,
		`{"exp":1e300}`:                0,
		`{}`:                           0,
		`[]`:                           0,
		`not JSON`:                     0,
		"{\"exp\":1700000000}\x00\xff": 0,
	} {
		expiry, ok := Expiry("e30." + encode([]byte(claims)) + ".e30")
		if ok != (want != 0) || ok && !expiry.Equal(time.Unix(want, 0)) {
			t.Errorf("%s: %v, %t", claims, expiry, ok)
		}
	}
	for _, text := range []string{"", "e30", "e30.*.e30", encode([]byte(`{"exp":1700000000}`)), "e30." + base64.StdEncoding.EncodeToString([]byte(`{"exp":1700000000,"a":"??"}`))} {
		if expiry, ok := Expiry(text); ok || !expiry.IsZero() {
			t.Errorf("%q: %v", text, expiry)
		}
	}
}

func TestFormOfAJWT(t *testing.T) {
	for text, want := range map[string]bool{
		"a.b.c": true, "09.AZ.az": true, "-._.-": true,
		"": false, "a": false, "a.b": false, "a.b.c.d": false, ".b.c": false, "a..c": false, "a.b.": false,
		"a.b.c\n": false, " a.b.c": false, "a.b.c=": false, "a.é.c": false,
		"/.b.c": false, ":.b.c": false, "@.b.c": false, "[.b.c": false, "`.b.c": false, "{.b.c": false, "+.b.c": false,
	} {
		if got := IsJWT(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}
