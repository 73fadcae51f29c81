// Package interop has no code, only tests: clients that nobody here wrote log in
// to exchangetest unchanged. They are MSAL and azidentity with every flow and on
// every kind of host, go-imap's client, go-mail, Python's standard library, curl,
// and Jakarta Mail, and Chromium walks through the pages. It is a module of its
// own so that they are no dependencies of the library.
package interop
