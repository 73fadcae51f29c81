package main

import (
	"context"
	"errors"
	"strings"
	"unicode"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// message returns the fields to show, in printable characters.
type message struct{ date, from, subject string }

// watcher tells of messages that arrive in INBOX. What it has seen it knows by
// UID, which outlives the session.
type watcher struct {
	arrived func(message)

	changed  chan struct{} // has a value when the server has said something of INBOX
	validity uint32        // of the UIDs; another one means that they are numbered anew
	next     imap.UID      // the first that has not been told of
}

func (w *watcher) options() *imapclient.Options {
	w.changed = make(chan struct{}, 1)
	return &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		// This runs on the client's reading goroutine, where a command would
		// wait for itself; so it only leaves a note.
		Mailbox: func(*imapclient.UnilateralDataMailbox) {
			select {
			case w.changed <- struct{}{}:
			default:
			}
		},
	}}
}

// watch is for Keep: it returns when the session ends.
func (w *watcher) watch(ctx context.Context, c *imapclient.Client) error {
	inbox, err := c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return err
	}
	if w.next == 0 || w.validity != inbox.UIDValidity {
		w.validity, w.next = inbox.UIDValidity, inbox.UIDNext
	}
	for {
		if err := w.tell(c); err != nil {
			return err
		}
		if err := w.idle(ctx, c); err != nil {
			return err
		}
	}
}

// idle returns when something has changed. imapclient renews IDLE every 28
// minutes, since Exchange ends sessions that are silent for half an hour.
func (w *watcher) idle(ctx context.Context, c *imapclient.Client) error {
	idle, err := c.Idle()
	if err != nil {
		return err
	}
	select {
	case <-w.changed:
	case <-ctx.Done():
	}
	return errors.Join(idle.Close(), idle.Wait(), ctx.Err())
}

// tell tells of the messages from next on.
func (w *watcher) tell(c *imapclient.Client) error {
	var from imap.UIDSet
	from.AddRange(w.next, 0)
	messages, err := c.Fetch(from, &imap.FetchOptions{UID: true, Envelope: true}).Collect()
	if err != nil {
		return err
	}
	for _, m := range messages {
		if m.UID < w.next || m.Envelope == nil { // "n:*" has the last one even if it is below n
			continue
		}
		w.next = m.UID + 1
		w.arrived(summary(m.Envelope))
	}
	return nil
}

func summary(e *imap.Envelope) message {
	var from []string
	for _, a := range e.From {
		from = append(from, a.Addr())
	}
	return message{e.Date.Format("2006-01-02 15:04"), printable(strings.Join(from, ", ")), printable(e.Subject)}
}

// printable returns a stranger's text as one line that is safe on a terminal
// and in a log: without control characters, and without those that reverse or
// hide text.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}
