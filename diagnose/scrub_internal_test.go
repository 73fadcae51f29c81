package diagnose

import (
	"strings"
	"testing"
)

// What is long is hidden, but for the address that a request went to.
func TestScrubAddresses(t *testing.T) {
	const metadata = `Get "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0/.well-known/openid-configuration": EOF`
	long := strings.Repeat("aB3+", 12)
	for text, want := range map[string]string{
		metadata:                             metadata,
		"https://example.com/" + long + "/a": "https:" + hidden,
		"https://example.com/11111111-2222-3333-4444-555555555555/eyJhbGciOiJSUzI1NiJ9": "https:" + hidden,
		"//" + long: hidden,
		"login.microsoftonline.com/11111111-2222-3333-4444-555555555555": hidden,
		"https://example.com/?access_token=" + long:                      "https://example.com/?access_token=" + hidden,
	} {
		if got := scrub(text, ""); got != want {
			t.Errorf("scrub(%q)\n got %q\nwant %q", text, got, want)
		}
	}
}
