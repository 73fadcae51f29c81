package redirecturi

import "testing"

func TestValid(t *testing.T) {
	for uri, want := range map[string]bool{
		"https://app.contoso.com":           true,
		"https://app.contoso.com/cb?x=1":    true,
		"https://":                          false,
		"https://app.contoso.com/#fragment": false,
		"http://localhost":                  true,
		"http://LOCALHOST:8080/cb":          true,
		"http://127.0.0.1:8080":             true,
		"http://127.0.0.2":                  false,
		"http://[::1]":                      false,
		"http://app.contoso.com":            false,
		"msauth.com.contoso.app://auth":     true,
		"urn:ietf:wg:oauth:2.0:oob":         true,
		"javascript:alert(1)":               false,
		"data:text/html,x":                  false,
		"/cb":                               false,
		"":                                  false,
		"https://app.contoso.com/%":         false,
	} {
		if got := Valid(uri); got != want {
			t.Errorf("%q: %v", uri, got)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		registered, asked string
		want              bool
	}{
		{"https://app.contoso.com/cb", "https://app.contoso.com/cb", true},
		{"https://app.contoso.com/cb", "https://app.contoso.com/cb/", false},
		{"https://app.contoso.com/cb", "https://app.contoso.com:8443/cb", false},
		{"http://localhost", "http://localhost:8080", true},
		{"http://localhost", "http://localhost:8080/", true},
		{"http://localhost:1", "http://LOCALHOST:2/", true},
		{"http://localhost/cb", "http://localhost:8080/cb?x=1", true},
		{"http://localhost/cb", "http://localhost:8080/", false},
		{"http://localhost", "http://127.0.0.1:8080", false},
		{"http://127.0.0.1", "http://127.0.0.1:8080", true},
		{"https://localhost", "http://localhost:8080", false},
		{"https://localhost", "https://localhost:8080", false},
		{"http://localhost", "https://localhost:8080", false},
		{"http://contoso.com", "http://contoso.com:8080", false}, // which is not Valid
		{"http://localhost/%", "http://localhost:8080/%25", false},
		{"http://localhost", "http://localhost:8080/%", false},
		{"http://localhost", "", false},
	} {
		if got := Match(test.registered, test.asked); got != test.want {
			t.Errorf("%q, registered %q: %v", test.asked, test.registered, got)
		}
	}
}
