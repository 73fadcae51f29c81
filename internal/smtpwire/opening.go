package smtpwire

import (
	"bytes"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	maxReplyLine = 512 // octets, CRLF included (RFC 5321 §4.5.3.1.5)
	maxName      = 255 // octets of a host name (RFC 5321 §4.5.3.1.2)
)

// Opening is a connection to a server that knows the client already. It makes
// the client believe that the conversation begins: it says the greeting, and
// answers the commands that belong to the beginning. The first other command
// goes to the server, as does everything after it. One goroutine may read while
// another one writes.
type Opening struct {
	net.Conn
	replies map[string]string // by command

	mu       sync.Mutex // guards the rest
	changed  *sync.Cond
	said     []byte // and not yet read
	line     []byte // of the client, which has not ended it
	over     bool   // the server answers, or nobody any more
	deadline time.Time
	timer    *time.Timer
}

// NewOpening returns an opening over conn, with the lines of the server's answer
// to EHLO. The client is not told of AUTH and STARTTLS, nor of a line that is too
// long.
func NewOpening(conn net.Conn, hello []string) *Opening {
	name, _, _ := strings.Cut(hello[0], " ")
	name = name[:min(len(name), maxName)]
	lines := slices.DeleteFunc(slices.Clone(hello[1:]), func(line string) bool {
		keyword, _, _ := strings.Cut(strings.ToUpper(line), " ")
		return keyword == "AUTH" || keyword == "STARTTLS" || len(line) > maxReplyLine-len("250-\r\n")
	})
	lines = slices.Insert(lines, 0, name)
	last := len(lines) - 1
	answer := "250 " + lines[last] + "\r\n"
	for _, line := range slices.Backward(lines[:last]) {
		answer = "250-" + line + "\r\n" + answer
	}
	o := &Opening{Conn: conn, said: []byte("220 " + name + " authenticated already\r\n"), replies: map[string]string{
		"EHLO":     answer,
		"HELO":     "250 " + name + "\r\n",
		"AUTH":     "503 5.5.1 authenticated already\r\n",
		"STARTTLS": "503 5.5.1 TLS has begun already\r\n",
	}}
	o.changed = sync.NewCond(&o.mu)
	return o
}

// Read implements net.Conn.
func (o *Opening) Read(p []byte) (int, error) {
	o.mu.Lock()
	for len(o.said) == 0 && !o.over && (o.deadline.IsZero() || time.Now().Before(o.deadline)) {
		o.changed.Wait()
	}
	n := copy(p, o.said)
	if o.said = o.said[n:]; len(o.said) == 0 {
		o.said = nil // the connection may live for long
	}
	o.mu.Unlock()
	if n > 0 {
		return n, nil
	}
	return o.Conn.Read(p) // which knows the deadline, and whether it is closed
}

// Write implements net.Conn.
func (o *Opening) Write(p []byte) (int, error) {
	if forward := o.hear(p); len(forward) > 0 {
		if _, err := o.Conn.Write(forward); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// hear answers the commands that belong to the beginning, and returns what is
// for the server.
func (o *Opening) hear(p []byte) (forward []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over {
		return p
	}
	defer o.changed.Broadcast()
	o.line = append(o.line, p...)
	for {
		end := bytes.IndexByte(o.line, '\n') + 1
		if end == 0 {
			return nil
		}
		verb, _, _ := strings.Cut(strings.TrimSpace(string(o.line[:end])), " ")
		reply, ok := o.replies[strings.ToUpper(verb)]
		if !ok {
			forward, o.line, o.over = o.line, nil, true
			return forward
		}
		o.said, o.line = append(o.said, reply...), o.line[end:]
	}
}

// Close implements net.Conn.
func (o *Opening) Close() error {
	err := o.Conn.Close()
	o.update(func() { o.over = true })
	return err
}

// SetDeadline implements net.Conn.
func (o *Opening) SetDeadline(t time.Time) error {
	err := o.Conn.SetDeadline(t)
	o.limit(t)
	return err
}

// SetReadDeadline implements net.Conn.
func (o *Opening) SetReadDeadline(t time.Time) error {
	err := o.Conn.SetReadDeadline(t)
	o.limit(t)
	return err
}

// limit bounds the time for which Read waits for a command.
func (o *Opening) limit(t time.Time) {
	o.update(func() {
		if o.timer != nil {
			o.timer.Stop()
		}
		if o.deadline = t; !o.over && !t.IsZero() {
			o.timer = time.AfterFunc(time.Until(t), func() { o.update(func() {}) })
		}
	})
}

// update wakes a Read after a change.
func (o *Opening) update(change func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change()
	o.changed.Broadcast()
}
