package programs

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"

	"golang.org/x/oauth2"
)

// account is what a program knows of its mailbox.
type account struct {
	user            string // to log in as
	source          oauth2.TokenSource
	imap, pop, smtp string // host:port
	tls             *tls.Config
}

// use makes a connection to the mailbox, or takes one that is kept, and reads
// from it or sends to it.
type use func(ctx context.Context) error

// split is for clients that want a host and a port.
func split(addr string) (host string, port int) {
	host, text, err := net.SplitHostPort(addr)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil {
		panic(err)
	}
	return host, port
}

// message is what the clients without one of their own send.
func (a account) message() string {
	return "From: " + a.user + "\r\nTo: " + a.user + "\r\nSubject: Invoice 18\r\n\r\nPaid.\r\n"
}
