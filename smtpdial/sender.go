package smtpdial

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/exoauth/exoauth/internal/ctxerr"
	"github.com/exoauth/exoauth/internal/verdict"
)

// The limits of Exchange Online for one mailbox, which a Sender keeps to.
// https://learn.microsoft.com/exchange/mail-flow-best-practices/how-to-set-up-a-multifunction-device-or-application-to-send-email-using-microsoft-365-or-office-365
const (
	MaxConns     = 3  // connections at a time; more are told 432 4.3.2
	MaxPerMinute = 30 // messages
)

// DefaultMaxTries is how often a Sender tries to send one message.
const DefaultMaxTries = 6

// ErrUncertain is wrapped by the error of a Send whose connection broke after
// the end of the message was sent and before the whole reply had come. The
// server may have accepted the message or not, so a Sender does not try again:
// that could send the message twice.
var ErrUncertain = errors.New("the message may have been sent or not")

const errNoDialer = verdict.Setting("the Sender has no Dialer: make it with Dialer.Sender")

// A Sender sends the messages of one mailbox. It keeps its connections for the
// next message, for up to four minutes, and replaces them when they break. It
// stays within the limits of Exchange Online: Send waits if it would exceed
// them. Make a Sender with [Dialer.Sender]; the zero Sender refuses every
// message. It is safe for concurrent use.
type Sender struct {
	// Conns is the maximum number of connections at a time. Zero is MaxConns.
	Conns int
	// PerMinute is the maximum number of messages begun in any minute. Zero is
	// MaxPerMinute, negative is no limit.
	PerMinute int
	// MaxTries is the maximum number of tries of one message, the first one
	// included. Zero is DefaultMaxTries.
	MaxTries int

	dialer   *Dialer
	username string

	once   sync.Once
	queue  queue
	idle   idle
	outage outage
}

// Sender returns a Sender that authenticates as username. Its fields may be set
// until the first call of Send.
func (d *Dialer) Sender(username string) *Sender {
	return &Sender{dialer: d, username: username}
}

func (s *Sender) init() {
	s.once.Do(func() {
		s.queue.conns = cmp.Or(max(s.Conns, 0), MaxConns)
		s.queue.most = max(cmp.Or(s.PerMinute, MaxPerMinute), 0)
	})
}

// Send sends message, a header and a body as in RFC 5322. The addresses from
// and to are bare: a name, as in "Invoices <invoices@contoso.com>", belongs in
// the header. An empty from is for a notification (RFC 5321 §4.5.5). If a
// signed-in user sends for a shared mailbox, from is the shared mailbox and the
// username of the Sender is the user. If the server refuses one recipient, the
// message goes to none.
//
// Each line of message ends with CRLF or LF, which is sent as CRLF. Send
// refuses an empty message, and one that has a NUL or a CR without LF (RFC 5321
// §2.3.8). It refuses an address that has a name, brackets, white space or
// control characters, and an empty list of recipients.
//
// Calls get their turns in the order in which they were made, except that a
// call with less time left than the last message took lets those with more time
// go first: a message that a deadline breaks off may have been sent or not. Send
// waits for its turn until ctx ends, even if the limits allow it none before the
// deadline of ctx: the calls ahead may give up their turns, which go to the next
// ones. The error of a call that gives up names the limits and the number of
// calls that are waiting.
//
// Send returns in the end even if ctx has no deadline, since each step has a
// time limit: for replies that of RFC 5321 §4.5.3.2, which is ten minutes for
// the reply to the message, and three minutes for the server to take 16 KiB of
// the message.
//
// Send tries again after a failure that is [Temporary], with a growing pause:
// after a reply of class 4, a dial that failed, or a connection that broke or
// was silent before the message was complete. After a failed dial, other tries
// fail with the same error without dialling, for one to fifteen seconds.
//
// The error wraps an [*Error]: of step OpSend with the *smtp.SMTPError of the
// server's reply, of step OpQueue if the turn did not come, or of a step of
// Dial. It wraps [ErrUncertain] if the message may have been sent. If ctx has
// ended, the error wraps that of ctx, and also the failure of the last try if
// there was one.
func (s *Sender) Send(ctx context.Context, from string, to []string, message []byte) error {
	s.init()
	m := envelope{from, to, message}
	if s.dialer == nil {
		return newAttempt(new(Dialer), s.username).fail(ctx, OpSend, errNoDialer)
	}
	a := newAttempt(s.dialer, s.username)
	if err := m.check(); err != nil {
		return a.fail(ctx, OpSend, err)
	}
	var last error
	for try := 1; ; try++ {
		err := s.try(ctx, m)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return after(err, last)
		case !Temporary(err) || try >= cmp.Or(max(s.MaxTries, 0), DefaultMaxTries):
			return err
		}
		last = err
		wait := backoff(try)
		a.log.LogAttrs(ctx, slog.LevelInfo, "smtpdial: not sent, trying again", slog.Int("try", try), slog.Duration("wait", wait), slog.Any("reason", err))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return after(ctxerr.Of(ctx), last)
		}
	}
}

// after returns err together with the failure of the try before, if there was
// one and err does not say more.
func after(err, last error) error {
	if last == nil || isRefusal(err) || errors.Is(err, ErrUncertain) {
		return err
	}
	return fmt.Errorf("%w, after %w", err, last)
}

// backoff is two seconds at first and doubles up to a minute, and a random
// half of it is left out.
func backoff(try int) time.Duration {
	most := min(2*time.Second<<min(try-1, 10), time.Minute)
	return most/2 + rand.N(most/2+1)
}

// try sends a message once.
func (s *Sender) try(ctx context.Context, m envelope) error {
	turn, err := s.queue.wait(ctx)
	if err != nil {
		return newAttempt(s.dialer, s.username).fail(ctx, OpQueue, err)
	}
	defer turn.done()
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	turn.begin()
	err = c.submit(ctx, m)
	c.refused = err != nil
	if c.usable() {
		s.idle.put(c)
	} else {
		c.Close()
	}
	if err != nil {
		return c.dialled.fail(ctx, OpSend, err)
	}
	turn.sent()
	return nil
}

// client returns the client that was used last, if it still answers, or a new
// one. There are as many clients as turns at the most, since one is dialled
// only when none is idle.
func (s *Sender) client(ctx context.Context) (*kept, error) {
	for ctx.Err() == nil {
		c := s.idle.get()
		if c == nil {
			break
		}
		if c.fresh(ctx) {
			return c, nil
		}
		c.Close()
	}
	if err := s.outage.current(); err != nil {
		return nil, err
	}
	a := newAttempt(s.dialer, s.username)
	session, err := a.dial(ctx)
	if ctx.Err() == nil {
		s.outage.note(err)
	}
	if err != nil {
		return nil, err
	}
	return &kept{session: session, dialled: a}, nil
}

// Close closes the idle connections with QUIT, without waiting for the reply.
// Other connections close at the end of their message, also those of a later
// Send. Close returns nil.
func (s *Sender) Close() error {
	s.idle.close()
	return nil
}
