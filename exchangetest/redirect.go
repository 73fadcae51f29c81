package exchangetest

import (
	"fmt"
	"maps"

	"github.com/exoauth/exoauth/exchangetest/internal/redirecturi"
)

// A Platform is the kind of application that a redirect URI is registered for.
type Platform int

// The platforms of the portal's page "Authentication".
const (
	Web     Platform = iota // a confidential client, with a credential
	Desktop                 // mobile and desktop: a public client, without one
	SPA                     // in a browser: with PKCE and from another origin
)

// AddRedirectURI registers a redirect URI. http is allowed for localhost and
// 127.0.0.1 alone, whose port does not matter.
// (https://learn.microsoft.com/entra/identity-platform/reply-url)
func (a *App) AddRedirectURI(platform Platform, uri string) {
	if !redirecturi.Valid(uri) {
		panic(fmt.Sprintf("exchangetest: AddRedirectURI: %q is neither https, nor http to localhost or 127.0.0.1, nor a scheme of an application's own", uri))
	}
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	a.reg.redirects[uri] = platform
}

// replaceRedirects registers these URIs for the platform, in place of those that
// were.
func (a *App) replaceRedirects(platform Platform, uris []string) error {
	a.tenant.dir.mu.Lock()
	maps.DeleteFunc(a.reg.redirects, func(_ string, p Platform) bool { return p == platform })
	a.tenant.dir.mu.Unlock()
	for _, uri := range uris {
		if !redirecturi.Valid(uri) {
			return fmt.Errorf("%q is no redirect URI", uri)
		}
		a.AddRedirectURI(platform, uri)
	}
	return nil
}

// redirectPlatform returns what the redirect URI is registered for.
func (r *registration) redirectPlatform(uri string) (Platform, bool) {
	if p, ok := r.redirects[uri]; ok {
		return p, true
	}
	for registered, p := range r.redirects {
		if redirecturi.Match(registered, uri) {
			return p, true
		}
	}
	return 0, false
}
