package mailtest

import (
	"context"
	"io"
	"net"
	"strings"
	"time"
)

// Replay is a connection whose server's part was written down before, for
// fuzzing. Like a server it knows the token once it has been told: then @ in
// Server stands for Token and $ for the last word that was written.
type Replay struct {
	Server []byte
	Token  string
	last   string
}

// DialContext returns r.
func (r *Replay) DialContext(context.Context, string, string) (net.Conn, error) { return r, nil }

// Read returns the next byte of the server, or what that stands for.
func (r *Replay) Read(p []byte) (int, error) {
	if len(r.Server) == 0 {
		return 0, io.EOF
	}
	b := r.Server[0]
	r.Server = r.Server[1:]
	switch {
	case b == '@' && r.last != "":
		return copy(p, r.Token), nil
	case b == '$' && r.last != "":
		return copy(p, r.last), nil
	}
	return copy(p, []byte{b}), nil
}

// Write forgets all but the words that carry a token.
func (r *Replay) Write(p []byte) (int, error) {
	if words := strings.Fields(string(p)); len(words) == 1 || strings.Contains(string(p), "XOAUTH2 ") || strings.Contains(string(p), "OAUTHBEARER ") {
		r.last = words[len(words)-1]
	}
	return len(p), nil
}

// The rest of net.Conn does nothing.
func (*Replay) Close() error                     { return nil }
func (*Replay) LocalAddr() net.Addr              { return pipeAddr{} }
func (*Replay) RemoteAddr() net.Addr             { return pipeAddr{} }
func (*Replay) SetDeadline(time.Time) error      { return nil }
func (*Replay) SetReadDeadline(time.Time) error  { return nil }
func (*Replay) SetWriteDeadline(time.Time) error { return nil }
