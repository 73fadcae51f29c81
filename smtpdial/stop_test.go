package smtpdial_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/smtpdial"
)

// The limits of RFC 5321 §4.5.3.2 for a client.
const (
	dialLimit   = smtpdial.DefaultTimeout
	mailLimit   = 5 * time.Minute
	dataLimit   = 2 * time.Minute
	blockLimit  = 3 * time.Minute
	acceptLimit = 10 * time.Minute
)

// faulty makes the connections of server faulty, each as next says.
func (s *submission) faulty(next func(net.Conn) *mailtest.Faulty) {
	dial := s.DialContext
	s.breaks = true
	s.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return next(conn), nil
	}
}

// A course is how one message goes over a new connection, in octets beneath
// TLS.
type course struct {
	writes []int // the client's octets after each of its Writes
	heard  int   // the server's octets
	login  int   // those of them before MAIL
}

// courseOf sends message over a connection without a fault.
func courseOf(t *testing.T, message []byte) (c course) {
	synctest.Test(t, func(t *testing.T) {
		server := newSubmission(t)
		var conn *mailtest.Faulty
		server.faulty(func(inner net.Conn) *mailtest.Faulty {
			conn = mailtest.NewFaulty(inner, -1, -1, true)
			return conn
		})
		s := server.Sender(sender)
		defer s.CloseIdle()
		if err := s.Send(t.Context(), sender, []string{"to@example.com"}, message); err != nil {
			t.Fatal(err)
		}
		c = course{slices.Clone(conn.Writes), conn.Heard, conn.HeardAt[writesOfDial]}
	})
	return c
}

// Of the Writes of a course those up to AUTH come first, then MAIL, RCPT and
// DATA, the message, and its end.
const writesOfDial = 6 // EHLO, STARTTLS, two of TLS, EHLO, AUTH

// maxSignature is by how much a signature of the server can be shorter than
// another one: there may be fewer octets than in the course.
const maxSignature = 4

// limit returns how long a Send may take when the server reads n octets and no
// more.
func (c course) limit(n int) time.Duration {
	at, whole := slices.BinarySearch(c.writes, n)
	if whole {
		at++
	}
	switch {
	case at == len(c.writes):
		return acceptLimit
	case at >= writesOfDial+3:
		return blockLimit
	case at == writesOfDial+2:
		return dataLimit
	case at >= writesOfDial:
		return mailLimit
	}
	return dialLimit
}

// stride is how many octets one stands for before MAIL. The race detector takes
// five times as long.
var stride = map[bool]int{false: 1, true: 16}[mailtest.RaceDetector]

// A server stops at every octet of a conversation: it reads no more, or says no
// more. Send, of a caller who has no deadline, ends when the limit for that
// step is over.
func TestSenderOutlivesAServerThatStops(t *testing.T) {
	message := []byte(messageOnWire)
	c := courseOf(t, message)
	all := c.writes[len(c.writes)-1]
	t.Run("reading", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for n := range all {
				if n >= c.writes[writesOfDial-1] || n%stride == 0 {
					checkStop(t, n, -1, message, c.limit(n))
				}
			}
		})
		t.Logf("%d octets", all)
	})
	t.Run("answering", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for n := range c.heard - maxSignature {
				if n >= c.login || n%stride == 0 {
					checkStop(t, -1, n, message, 0)
				}
			}
		})
		t.Logf("%d octets", c.heard)
	})
}

// Of the octets of a message of 20 MB these are the ones at which something can
// differ: two on either side of the boundaries of a buffer, a block and a
// record of TLS in its first 64 KiB and of its end, and one in every tenth of
// the rest. What comes before and after is the same for a short one, above. The
// race detector has a message of 2 MB.
func TestSenderOutlivesAServerThatStopsInALargeMessage(t *testing.T) {
	size := 20_000_000
	if mailtest.RaceDetector {
		size /= 10
	}
	message := bytes.Repeat([]byte("Thirty-eight octets are in this line\r\n"), size/38)
	c := courseOf(t, message)
	begin, end, all := c.writes[writesOfDial+2], c.writes[len(c.writes)-2], c.writes[len(c.writes)-1]
	stops := map[int]bool{}
	around := func(n int) {
		for d := -2; d <= 2; d++ {
			stops[n+d] = true
		}
	}
	for n := begin; n <= begin+64<<10; n += 4 << 10 {
		around(n)
	}
	for _, n := range c.writes {
		if n >= begin && n <= begin+64<<10 {
			around(n)
		}
	}
	for n := begin + 64<<10; n < end; n += size / 10 {
		stops[n] = true
	}
	around(end)
	stops[all-1] = true
	synctest.Test(t, func(t *testing.T) {
		for n := range stops {
			checkStop(t, n, -1, message, c.limit(n))
		}
	})
	t.Logf("%d octets of %d", len(stops), all)
}

// checkStop sends message to a server that stops. Limit 0 is the one of the
// step at which the message was.
func checkStop(t *testing.T, up, down int, message []byte, limit time.Duration) {
	t.Helper()
	server := newSubmission(t)
	server.faulty(func(conn net.Conn) *mailtest.Faulty { return mailtest.NewFaulty(conn, up, down, true) })
	s := server.Sender(sender)
	s.MaxTries = 1
	start := time.Now()
	err := s.Send(t.Context(), sender, []string{"to@example.com"}, message)
	took := time.Since(start)
	if limit == 0 {
		limit = server.step()
	}
	if took != limit || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stopped at %d, %d: took %v, want %v; error %v", up, down, took, limit, err)
	}
	if uncertain := errors.Is(err, smtpdial.ErrUncertain); uncertain != (limit == acceptLimit) {
		t.Errorf("stopped at %d, %d: uncertain is %t", up, down, uncertain)
	}
	s.CloseIdle()
}

// step returns the limit of the last step that the server has heard of.
func (s *submission) step() time.Duration {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.messages) > 0:
		return acceptLimit
	case len(s.commands) == 0:
		return dialLimit
	case s.commands[len(s.commands)-1] == "DATA":
		return dataLimit
	}
	return mailLimit
}

// endsLate is a context that ends between two steps: when it has been asked so
// many times, since it was armed, for what tells of its end.
type endsLate struct {
	context.Context
	armed *atomic.Bool
	left  *atomic.Int64
}

func (c endsLate) ended() bool { return c.armed.Load() && c.left.Load() < 0 }

func (c endsLate) Done() <-chan struct{} {
	if c.armed.Load() {
		c.left.Add(-1)
	}
	if c.ended() {
		over := make(chan struct{})
		close(over)
		return over
	}
	return c.Context.Done()
}

func (c endsLate) Err() error {
	if c.ended() {
		return context.Canceled
	}
	return nil
}

// A connection on which a message was begun takes no other command.
func TestSenderBreaksOffAMessage(t *testing.T) {
	for asked := range 6 {
		t.Run(strconv.Itoa(asked), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				armed, left := new(atomic.Bool), new(atomic.Int64)
				left.Store(int64(asked))
				inMessage := ""
				server := scripted(t, secured(func(p *mailtest.Peer, auth string) {
					accept(p, auth)
					for verb, _ := p.TagVerb(); verb != ""; verb, _ = p.TagVerb() {
						if verb != "DATA" {
							p.Say("250 2.0.0 OK")
							continue
						}
						armed.Store(true)
						p.Say("354 Start mail input")
						line := p.Hear()
						for ; line != "." && line != ""; line = p.Hear() {
							if line == "RSET" {
								inMessage = line
							}
						}
						if line == "" {
							return
						}
						p.Say("250 2.0.0 OK")
					}
				}))
				s := newSender(server, sender)
				s.Send(endsLate{t.Context(), armed, left}, sender, []string{"to@example.com"}, []byte("Subject: hi\r\nX: y\r\n"))
				armed.Store(false)
				start := time.Now()
				if err := s.Send(t.Context(), sender, []string{"to@example.com"}, []byte("Subject: hi\r\nX: y\r\n")); err != nil {
					t.Errorf("the next message: %v", err)
				}
				s.CloseIdle()
				if took := time.Since(start); inMessage != "" || took > time.Second {
					t.Errorf("%q came within the message, and the next one took %v", inMessage, took)
				}
			})
		})
	}
}
