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

	"github.com/exoauth/exoauth/internal/transport"
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

// ErrUncertain is wrapped by the error for a connection that broke when the
// end of the message had been sent and no whole reply had come: the server may
// have accepted the message or not. A Sender does not try again then, which
// could send the message twice.
var ErrUncertain = errors.New("the message may have been sent or not")

const errNoDialer = verdict.Setting("the Sender has no Dialer: make it with Dialer.Sender")

// A Sender sends the messages of one mailbox, on connections that it keeps for
// the next message and replaces when they break. It stays within the limits of
// Exchange Online: Send waits if it would exceed them. Make one with
// [Dialer.Sender]; the zero Sender refuses every message. It is safe for
// concurrent use.
type Sender struct {
	// Conns is how many connections there may be at a time; zero is MaxConns.
	Conns int
	// PerMinute is how many messages may be begun in any minute; zero is
	// MaxPerMinute, negative is no limit.
	PerMinute int
	// MaxTries is how often one message is tried, the first time included;
	// zero is DefaultMaxTries.
	MaxTries int

	dialer   *Dialer
	username string

	once   sync.Once
	queue  queue
	idle   idle
	outage outage
}

// Sender returns a Sender for username, as whom it authenticates. Its fields
// may be set until the first call of Send.
func (d *Dialer) Sender(username string) *Sender {
	return &Sender{dialer: d, username: username}
}

func (s *Sender) init() {
	s.once.Do(func() {
		s.queue.conns = cmp.Or(max(s.Conns, 0), MaxConns)
		s.queue.most = max(cmp.Or(s.PerMinute, MaxPerMinute), 0)
	})
}

// Send sends message, a header and a body in the form of RFC 5322, from one
// address to others. The addresses are bare: names such as in "Invoices
// <invoices@contoso.com>" belong into the header. With the token of a signed-in
// user who sends for a shared mailbox, from is the shared mailbox and the
// Sender's username the user. If one recipient is refused, the message goes to
// none.
//
// A line of message ends with CRLF or LF, which is sent as CRLF. Send refuses
// an empty message, one with a NUL or with a CR that no LF follows (RFC 5321
// §2.3.8), and an address that would be more than an address in a command.
//
// Callers have their turns in the order in which they called. Send waits for
// its turn as long as ctx allows, even if none is due before the deadline: the
// callers ahead may give up theirs. The turn of a caller who gives up goes to
// the next one. The error then names the limits and how many others wait.
//
// A context without a deadline is enough: no step lasts for ever. Send waits
// no longer for each reply than RFC 5321 §4.5.3.2 asks for, 10 minutes for the
// one to the message, and 3 minutes for the server to take 16 KiB of it.
//
// It tries again, with a growing pause, if [Temporary] says that this may
// succeed: after a reply of class 4, a connection that broke or was silent
// before the message was complete, a dial that failed. While dials fail, most
// tries are told of the last failure and do not dial. The error is otherwise an
// [*Error] of Dial, the *smtp.SMTPError of go-smtp in an Error of step OpSend,
// or one that wraps [ErrUncertain]. If ctx ends first, it is that of ctx,
// together with the failure before it.
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
			return after(transport.ContextError(ctx), last)
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

// Close takes leave of the server on the connections that are idle. Those in
// use, and those of a later Send, end with their message. Close does not wait
// for the server. It returns nil.
func (s *Sender) Close() error {
	s.idle.close()
	return nil
}
