package smtpdial

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/internal/ctxerr"
	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/smtpwire"
	"github.com/exoauth/exoauth/internal/wire"
)

// The time limits of a server. The first four are the minimum of RFC 5321
// §4.5.3.2. Nothing is lost if a server exceeds the other two.
const (
	commandTimeout = 5 * time.Minute  // for the reply to MAIL or RCPT
	dataTimeout    = 2 * time.Minute  // for the reply to DATA
	blockTimeout   = 3 * time.Minute  // to take 16 KiB of a message
	acceptTimeout  = 10 * time.Minute // for the reply to a message

	askTimeout  = 10 * time.Second // for the reply to NOOP or RSET
	quitTimeout = 5 * time.Second  // to take QUIT
)

// broken is the error of a connection that ended unexpectedly. A new connection
// may succeed.
type broken struct{ error }

func (broken) Retryable() bool { return true }
func (b broken) Unwrap() error { return b.error }

// submit sends one message. Its error wraps ErrUncertain once the connection
// has taken the end of the message.
func (s *session) submit(ctx context.Context, m smtpwire.Message) error {
	mail, err := s.mail(m)
	if err != nil {
		return err
	}
	if err := s.ask(ctx, commandTimeout, mail, 250); err != nil {
		return err
	}
	for _, to := range m.To {
		if err := s.ask(ctx, commandTimeout, "RCPT TO:<"+to+">", 250, 251, 252); err != nil {
			return fmt.Errorf("recipient %q: %w", to, err)
		}
	}
	if err := s.ask(ctx, dataTimeout, "DATA", 354); err != nil {
		return err
	}
	err = s.sendLines(ctx, m)
	if err == nil {
		err = s.finish(ctx)
	}
	if _, replied := errors.AsType[*smtp.SMTPError](err); err != nil && !replied {
		s.lost = true // what came next would be a part of the message
	}
	return err
}

// mail returns the MAIL command, with the parameters that the server knows.
func (s *session) mail(m smtpwire.Message) (command string, err error) {
	command = "MAIL FROM:<" + m.From + ">"
	if _, ok := s.extension("8BITMIME"); ok {
		command += " BODY=8BITMIME"
	}
	if _, ok := s.extension("SIZE"); ok {
		command += fmt.Sprintf(" SIZE=%d", m.Size())
	}
	if !m.International() {
		return command, nil
	}
	if _, ok := s.extension("SMTPUTF8"); !ok {
		return "", errors.New("the server does not take addresses with letters beyond ASCII (SMTPUTF8)")
	}
	return command + " SMTPUTF8", nil
}

// sendLines sends the message without its end.
func (s *session) sendLines(ctx context.Context, m smtpwire.Message) error {
	out := s.wire.Writer()
	return m.WriteLines(writerFunc(func(p []byte) (n int, err error) {
		for block := range slices.Chunk(p, smtpwire.BlockSize) {
			err := s.within(ctx, blockTimeout, "take a part of the message", func() error {
				taken, err := out.Write(block)
				n += taken
				return s.lastWords(err)
			})
			if err != nil {
				return n, err
			}
		}
		return n, nil
	}))
}

// finish sends the end of the message and waits for the reply. The end is a
// TLS record of its own. Until the connection has taken all of it, the server
// cannot have the message. After that, only a reply tells.
func (s *session) finish(ctx context.Context) error {
	before := s.Taken()
	err := s.within(ctx, blockTimeout, "take the end of the message", func() error { return s.write(".") })
	if err != nil && s.Taken() == before {
		return err
	}
	err = s.within(ctx, acceptTimeout, "answer the message", func() error {
		s.wire.Renew()
		r, err := s.read()
		if err == nil && r.Code >= 300 {
			err = r.Err()
		}
		return err
	})
	if reply, ok := errors.AsType[*smtp.SMTPError](err); err == nil || ok && reply.Code >= 400 {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUncertain, err)
}

// ask sends a command, and returns an *smtp.SMTPError for a reply of another
// code than those wanted.
func (s *session) ask(ctx context.Context, limit time.Duration, command string, want ...int) error {
	verb, _, _ := strings.Cut(command, " ")
	return s.within(ctx, limit, "answer "+verb, func() error {
		s.wire.Renew()
		_, err := s.command(command, want...)
		return err
	})
}

// within runs a step of the conversation, unless ctx has ended. It breaks the
// connection when ctx ends, and when the server takes longer than limit to
// answer.
func (s *session) within(ctx context.Context, limit time.Duration, what string, step func() error) error {
	bounded, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the server took longer than %v to %s", limit, what))
	defer cancel()
	if err := ctxerr.Of(bounded); err != nil {
		return err
	}
	release := dial.Guard(bounded, s)
	err := step()
	open := release()
	reply, replied := errors.AsType[*smtp.SMTPError](err)
	_, violated := errors.AsType[wire.Violation](err)
	switch {
	case err == nil || replied:
		s.lost = s.lost || !open || replied && (reply.Code < 400 || reply.Code == 421)
		return err
	case !open:
		err = ctxerr.Of(bounded)
	case !violated && !errors.Is(err, ErrProtocol):
		err = broken{err}
	}
	s.lost = true
	return err
}

// usable reports whether the conversation can go on with another message.
func (s *session) usable() bool { return !s.lost && !s.wire.Pending() }

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
