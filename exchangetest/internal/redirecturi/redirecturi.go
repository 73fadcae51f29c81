// Package redirecturi judges redirect URIs in the way of Entra ID.
// (https://learn.microsoft.com/entra/identity-platform/reply-url)
package redirecturi

import (
	"net"
	"net/url"
	"strings"
)

// Valid reports whether Entra ID registers the redirect URI: https, http to
// localhost or 127.0.0.1, or a scheme of an application's own.
func Valid(uri string) bool {
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

// Match reports whether a request may name the redirect URI where the other is
// registered: the same, but that the port of a loopback address, and its query,
// do not count.
func Match(registered, asked string) bool {
	if asked == registered {
		return true
	}
	want, err := url.Parse(asked)
	if err != nil || want.Scheme != "http" || !isLoopback(want) {
		return false
	}
	u, err := url.Parse(registered)
	return err == nil && u.Scheme == "http" && strings.EqualFold(u.Hostname(), want.Hostname()) && slashed(u.Path) == slashed(want.Path)
}

func slashed(path string) string {
	if path == "" {
		return "/"
	}
	return path
}
