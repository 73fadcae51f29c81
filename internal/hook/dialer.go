package hook

import (
	"time"

	"github.com/exoauth/exoauth/trace"
)

// Dialer calls the hooks for the connections of a dialer. The zero Dialer calls
// none.
type Dialer struct{ Hooks *trace.Hooks }

// Dial is called when a dial is over.
func (d Dialer) Dial(event trace.Dial) {
	if d.Hooks != nil && d.Hooks.Dial != nil {
		d.Hooks.Dial(event)
	}
}

// Session is called with the end of a session, or else with its beginning.
func (d Dialer) Session(ended bool, event trace.Session) {
	if d.Hooks == nil {
		return
	}
	f := d.Hooks.SessionBegin
	if ended {
		f = d.Hooks.SessionEnd
	}
	if f != nil {
		f(event)
	}
}

// Backoff is called before a pause.
func (d Dialer) Backoff(event trace.Backoff) {
	if d.Hooks != nil && d.Hooks.Backoff != nil {
		d.Hooks.Backoff(event)
	}
}

// MessageWait is called when a message begins to wait for its turn.
func (d Dialer) MessageWait(event trace.Message) {
	if d.Hooks != nil && d.Hooks.MessageWait != nil {
		d.Hooks.MessageWait(event)
	}
}

// MessageTurn is called when the turn has come, or has not.
func (d Dialer) MessageTurn(event trace.Message, asked time.Time, err error) {
	if d.Hooks != nil && d.Hooks.MessageTurn != nil {
		event.Took, event.Err = time.Since(asked), err
		d.Hooks.MessageTurn(event)
	}
}

// MessageDone is called when a message was sent, or was not.
func (d Dialer) MessageDone(event trace.Message, begun time.Time, err error) {
	if d.Hooks != nil && d.Hooks.MessageDone != nil {
		event.Took, event.Err = time.Since(begun), err
		d.Hooks.MessageDone(event)
	}
}
