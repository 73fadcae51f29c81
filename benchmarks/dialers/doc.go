// Package dialers compares the way of imapdial and smtpdial to an authenticated
// session with that of go-imap, go-smtp, net/smtp and go-mail, on the same
// server behind a cable of a fixed length:
//
//	go test -bench . -benchtime 3x
//
// It prints the round trips that a dial takes, cold, when there is no token
// yet, and warm. A library that takes a token in hand pays for the request
// first. The token's server is behind a cable of the same length.
//
// BenchmarkMessageOf150MB needs no cable. It prints how long the biggest
// message of Exchange Online takes through the limits of imapdial, as a
// multiple of the time with go-imap alone.
package dialers
