// Package interop has tests of tokensource against programs that nobody here
// wrote: an authorization server, the npm package oidc-provider, and a browser,
// Chromium. It is a module of its own, which nobody imports.
//
//	npm ci --ignore-scripts
//	go test .
//
// Without Node.js, what is in package-lock.json and Chromium, the tests are
// skipped, or fail under CI.
//
// EXO_SCREENSHOT names a file for a picture of the page that a sign-in ends
// with.
package interop
