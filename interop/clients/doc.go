// Package clients has tests of DialConn with client libraries that nobody here
// wrote. It is a module of its own, which nobody imports.
package clients
