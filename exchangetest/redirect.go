package exchangetest

import (
	"net"
	"net/url"
	"strings"
)

// validRedirect reports whether Entra ID registers the redirect URI.
func validRedirect(uri string) bool {
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Fragment != "":
		return false
	case u.Scheme == "http":
		return isLoopback(u)
	case u.Scheme == "https":
		return u.Host != ""
	}
	return u.Scheme != "" && u.Scheme != "javascript" && u.Scheme != "data"
}

func isLoopback(u *url.URL) bool {
	return strings.EqualFold(u.Hostname(), "localhost") || net.ParseIP(u.Hostname()).Equal(net.IPv4(127, 0, 0, 1))
}

// redirectPlatform returns what the redirect URI is registered for. The port
// of a loopback address does not count.
func (r *registration) redirectPlatform(uri string) (Platform, bool) {
	if p, ok := r.redirects[uri]; ok {
		return p, true
	}
	want, err := url.Parse(uri)
	if err != nil || want.Scheme != "http" || !isLoopback(want) {
		return 0, false
	}
	for registered, p := range r.redirects {
		u, err := url.Parse(registered)
		if err == nil && u.Scheme == "http" && strings.EqualFold(u.Hostname(), want.Hostname()) && slashed(u.Path) == slashed(want.Path) {
			return p, true
		}
	}
	return 0, false
}

func slashed(path string) string {
	if path == "" {
		return "/"
	}
	return path
}
