package main

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/tokensource"
)

func TestChallenge(t *testing.T) {
	for _, test := range []struct {
		name   string
		claims string
		want   string // in the header
	}{
		{"consent", "", "Bearer"},
		{"claims", `{"access_token":{}}`, `error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(`{"access_token":{}}`)) + `"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer := httptest.NewRecorder()
			challenge(answer, &tokensource.Error{Code: "interaction_required", Claims: test.claims})
			got := answer.Header().Get("WWW-Authenticate")
			if answer.Code != http.StatusUnauthorized || !strings.HasSuffix(got, test.want) {
				t.Errorf("status %d, header %q", answer.Code, got)
			}
		})
	}
}
