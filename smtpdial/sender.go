package smtpdial

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/exoauth/exoauth/internal/ctxerr"
	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/pool"
	"github.com/exoauth/exoauth/internal/smtpwire"
	"github.com/exoauth/exoauth/internal/verdict"
	"github.com/exoauth/exoauth/trace"
)

// The defaults of a [Sender]. The first two are the limits of Exchange Online
// for one mailbox. It answers 432 4.3.2 to further connections.
// https://learn.microsoft.com/exchange/mail-flow-best-practices/how-to-set-up-a-multifunction-device-or-application-to-send-email-using-microsoft-365-or-office-365
const (
	DefaultMaxConns     = 3
	DefaultMaxPerMinute = 30
	DefaultMaxTries     = 6
)

// ErrUncertain is wrapped by the error of a Send if the connection broke
// between the end of the message and the end of the reply. The server may or
// may not have accepted the message. A Sender does not try again, since that
// could send the message twice.
var ErrUncertain = errors.New("the message may have been sent or not")

const errNoDialer = verdict.Setting("the Sender has no Dialer: set its field Dialer")

// A Sender sends the messages of one mailbox. It keeps its connections for the
// next message, for up to four minutes, and replaces them when they break. It
// stays within the limits of Exchange Online: Send waits if it would exceed
// them.
//
// Dialer and Username are required; the zero value of every other field is
// usable. Do not change the fields, nor copy the Sender, after the first call of
// Send. A Sender is safe for concurrent use.
type Sender struct {
	// Dialer opens the connections.
	Dialer *Dialer

	// Username is the user name to authenticate with, as for Dialer.Dial.
	Username string

	// MaxConns is the maximum number of connections at a time. Zero means
	// DefaultMaxConns.
	MaxConns int

	// MaxPerMinute is the maximum number of messages begun in any minute. Zero
	// means DefaultMaxPerMinute, negative means no limit.
	MaxPerMinute int

	// MaxTries is the maximum number of tries of one message, the first one
	// included. Zero means DefaultMaxTries.
	MaxTries int

	once   sync.Once
	report dial.Reporter
	queue  pool.Queue
	idle   pool.Idle[*kept]
	outage pool.Outage
}

func (s *Sender) init() {
	s.report = cmp.Or(s.Dialer, new(Dialer)).reporter(s.Username)
	s.queue.Conns = cmp.Or(max(s.MaxConns, 0), DefaultMaxConns)
	s.queue.PerMinute = max(cmp.Or(s.MaxPerMinute, DefaultMaxPerMinute), 0)
}

// Send sends a message, which is a header and a body (RFC 5322). The addresses
// from and to are bare, such as invoices@contoso.com; a name, as in "Invoices
// <invoices@contoso.com>", belongs in the header. An empty from is for a
// notification (RFC 5321 §4.5.5). If a signed-in user sends for a shared
// mailbox, from is the shared mailbox and Username is the user. If the server
// refuses one recipient, nobody receives the message.
//
// The lines of the message may end with CRLF or LF; Send sends CRLF. Send
// rejects an empty message, and one that contains a NUL or a CR without LF (RFC
// 5321 §2.3.8). It rejects an empty list of recipients, and an address with a
// name, brackets, white space or control characters.
//
// Calls get their turns in the order in which they were made, with one
// exception: a call with less time left than the last message took lets those
// with more time go first, since a deadline in the middle of a message leaves
// open whether it was sent. Send waits for its turn until ctx ends, even if the
// limits allow none before its deadline, since calls ahead may give up their
// turns. The error of a call that gives up names the limits and the number of
// waiting calls.
//
// Send returns eventually even if ctx has no deadline, since each step has a
// time limit. For replies it is that of RFC 5321 §4.5.3.2, such as ten minutes
// for the reply to the message. The server must take each 16 KiB of the message
// within three minutes.
//
// Send tries again after a failure that is [Retryable], with a growing pause:
// after a reply of class 4, a dial that failed, or a connection that broke or
// fell silent before the message was complete. For one to fifteen seconds after
// a failed dial, other tries return the same error without dialing.
//
// The error wraps an [*Error]: of step OpSend with the *smtp.SMTPError of the
// server's reply, of step OpQueue if Send did not get a turn, or of a step of
// Dial. It wraps [ErrUncertain] if the message may have been sent. If ctx has
// ended, the error wraps the error of ctx, and the failure of the last try if
// there was one.
func (s *Sender) Send(ctx context.Context, from string, to []string, message []byte) error {
	s.once.Do(s.init)
	m := smtpwire.Message{From: from, To: to, Data: message}
	if s.Dialer == nil {
		return s.fail(ctx, OpSend, errNoDialer)
	}
	if err := m.Check(); err != nil {
		return s.fail(ctx, OpSend, err)
	}
	begun, event := time.Now(), trace.Message{Addr: s.report.Addr, Username: s.Username, From: from, Recipients: len(to), Size: len(message)}
	err := s.send(ctx, m, &event)
	event.Uncertain = errors.Is(err, ErrUncertain)
	s.report.Hooks.MessageDone(event, begun, err)
	return err
}

// send tries to send a message until there is no use in another try. It counts
// the tries in event.
func (s *Sender) send(ctx context.Context, m smtpwire.Message, event *trace.Message) error {
	var last error
	for {
		event.Try++
		err := s.try(ctx, m, *event)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return after(err, last)
		case !Retryable(err) || event.Try >= cmp.Or(max(s.MaxTries, 0), DefaultMaxTries):
			return err
		}
		last = err
		wait := dial.Backoff(event.Try, 2*time.Second, time.Minute)
		s.report.Backoff(event.Try, wait, err)
		s.report.Log(ctx, slog.LevelInfo, "not sent, trying again", "try", event.Try, "wait", wait, "reason", err)
		if !ctxerr.Sleep(ctx, wait) {
			return after(ctxerr.Of(ctx), last)
		}
	}
}

func (s *Sender) fail(ctx context.Context, op Op, err error) error {
	return s.report.Fail(ctx, string(op), err)
}

// after returns err together with the failure of the try before, if there was
// one and err does not say more.
func after(err, last error) error {
	if last == nil || judge(err) >= dial.Refused || errors.Is(err, ErrUncertain) {
		return err
	}
	return fmt.Errorf("%w, after %w", err, last)
}

// try sends a message once.
func (s *Sender) try(ctx context.Context, m smtpwire.Message, event trace.Message) error {
	asked := time.Now()
	s.report.Hooks.MessageWait(event)
	turn, err := s.queue.Wait(ctx)
	s.report.Hooks.MessageTurn(event, asked, err)
	if err != nil {
		return s.fail(ctx, OpQueue, err)
	}
	defer turn.Done()
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	turn.Begin()
	err = c.submit(ctx, m)
	c.refused = err != nil
	if c.usable() {
		s.idle.Put(c)
	} else {
		c.Close()
	}
	if err != nil {
		return c.attempt.fail(ctx, OpSend, err)
	}
	turn.Sent()
	return nil
}

// client returns the client that was used last, if it still answers, or a new
// one. There are at most as many clients as turns, since client dials only if
// none is idle.
func (s *Sender) client(ctx context.Context) (*kept, error) {
	for ctx.Err() == nil {
		c, since, ok := s.idle.Get()
		if !ok {
			break
		}
		if c.fresh(ctx, since) {
			return c, nil
		}
		c.Close()
	}
	if err := s.outage.Current(); err != nil {
		return nil, err
	}
	a := s.Dialer.attempt(s.Username)
	err := a.Dial(ctx)
	if ctx.Err() == nil {
		s.outage.Note(err)
	}
	if err != nil {
		return nil, err
	}
	return &kept{session: a.session, attempt: a}, nil
}

// CloseIdle closes the connections that are kept for the next message. It sends
// QUIT and does not wait for the reply. A connection in use is closed at the
// end of its message, unless another Send has begun meanwhile. The Sender
// remains usable: a later Send opens a connection and keeps it.
func (s *Sender) CloseIdle() { s.idle.Close() }

// trustFor is how long an idle client counts as alive without a NOOP.
const trustFor = 5 * time.Second

// kept is a client that a Sender keeps.
type kept struct {
	*session
	attempt *attempt
	refused bool // the last message failed, and RSET has to end it
}

// fresh reports whether the server will take another message. It asks the
// server, unless the last message succeeded and since is only a moment ago.
func (c *kept) fresh(ctx context.Context, since time.Time) bool {
	switch {
	case c.refused:
		return c.ask(ctx, askTimeout, "RSET", 250) == nil
	case time.Since(since) < trustFor:
		return true
	}
	return c.ask(ctx, askTimeout, "NOOP", 250) == nil
}

// Quit says QUIT and closes the connection without waiting for the reply.
func (c *kept) Quit() {
	limit := time.AfterFunc(quitTimeout, func() { c.Close() })
	defer limit.Stop()
	defer c.Close()
	c.wire.WriteLines("QUIT")
}
