package imapdial

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/exoauth/exoauth/internal/imapguard"
	"github.com/exoauth/exoauth/trace"
)

// readerGrace is how long Keep waits for imapclient to end after its connection
// is closed. It may never end, if f has left a literal unread.
const readerGrace = time.Second

// session dials once and, if that succeeds, calls f once. It reports done if f
// returned by itself; otherwise err is an *Error.
func (k *keeper) session(outer context.Context, f func(context.Context, *imapclient.Client) error) (held time.Duration, done bool, err error) {
	ctx, end := context.WithCancelCause(outer)
	defer end(nil)
	a := k.dialer.attempt(k.report.Username, k.options)
	a.Source = k.source
	a.ended = func(err error) { end(a.fail(context.WithoutCancel(ctx), OpSession, err)) }
	client, err := a.dial(ctx)
	if err != nil {
		if _, said := reply(err); said || outer.Err() == nil {
			k.last = err
		}
		return 0, false, err
	}
	k.last, k.token = nil, a.Token
	closed := a.watch(client, end)
	defer a.conn.Shut()
	defer context.AfterFunc(ctx, a.conn.Shut)()
	start := time.Now()
	told := trace.Session{Addr: a.Addr, Username: a.Username, Server: a.Server}
	a.Hooks.Session(false, told)
	err = f(ctx, client)
	held = time.Since(start)
	a.conn.Shut()
	select {
	case <-closed:
	case <-outer.Done():
	case <-time.After(readerGrace):
	}
	if done, err = a.outcome(ctx, err); !done {
		k.last = err
		told.Err = err
	}
	told.Held = held
	a.Hooks.Session(true, told)
	return held, done, err
}

// watch ends the context of f when the client closes, for whatever reason.
func (a *attempt) watch(client *imapclient.Client, end context.CancelCauseFunc) (closed <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-client.Closed()
		if why := a.conn.Fate(client.Close()); why != nil {
			a.conn.End(why)
		} else if !a.conn.Over() {
			end(nil)
		}
	}()
	return done
}

// lost returns the error that ended the session, or nil if it has not ended or
// the caller ended it.
func (a *attempt) lost(ctx context.Context) error {
	if a.conn.Over() {
		<-ctx.Done() // the context is about to end
	}
	if e, ok := errors.AsType[*Error](context.Cause(ctx)); ok && e.Op == OpSession {
		return e
	}
	return nil
}

// outcome turns the error of f into the error of the session, or reports that f
// is done.
func (a *attempt) outcome(ctx context.Context, err error) (done bool, _ error) {
	answer, answered := errors.AsType[*imap.Error](err)
	if _, other := errors.AsType[*Error](err); other { // of another dial, or the same as lost
		answered = false
	}
	lost := a.lost(ctx)
	if answered && errors.Is(lost, imapguard.ErrGaveUp) { // as imapclient does when a literal is refused
		lost = nil
	}
	switch {
	case lost != nil && answered && answer.Type != imap.StatusResponseTypeBye:
		return false, a.fail(context.WithoutCancel(ctx), OpSession, fmt.Errorf("%w, then %w", err, errors.Unwrap(lost)))
	case lost != nil:
		return false, lost
	case answered && (transient(answer) || NotConnected(err)), errors.Is(err, ErrDialAgain):
		return false, a.fail(context.WithoutCancel(ctx), OpSession, err)
	}
	return true, a.Tokens.Clean(err, words)
}
