package main

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
)

// An event is a line of -json. Fields that do not apply are left out.
type event struct {
	Event string    `json:"event"` // "ready", "request", "session" or "message"
	Time  time.Time `json:"time"`  // by the server's clock

	// Of a request.
	Grant  string `json:"grant,omitempty"`
	Status int    `json:"status,omitempty"`
	AADSTS int    `json:"aadsts,omitempty"`
	Scope  string `json:"scope,omitempty"`

	// Of a session.
	Protocol string `json:"protocol,omitempty"`
	State    string `json:"state,omitempty"` // "authenticated", "refused" or "closed"

	// Of a message.
	From string   `json:"from,omitempty"`
	To   []string `json:"to,omitempty"`
	Size int      `json:"size,omitempty"` // in octets

	ClientID string `json:"client_id,omitempty"`
	User     string `json:"user,omitempty"`
	Reason   string `json:"reason,omitempty"` // why it was refused
}

func requestEvent(r exchangetest.Request) event {
	return event{Event: "request", Time: r.Time, Grant: r.Grant, Status: r.Status, AADSTS: r.AADSTS, Scope: r.Scope, ClientID: r.ClientID, User: r.User, Reason: r.Error}
}

func messageEvent(m exchangetest.Message) event {
	return event{Event: "message", Time: m.Time, From: m.From, To: m.To, Size: len(m.Data), User: m.User}
}

// sessionEvent returns the state of a session, which is "" before an attempt to
// authenticate.
func sessionEvent(s exchangetest.Session) event {
	e := event{Event: "session", Time: s.Start, Protocol: s.Protocol, ClientID: s.ClientID, User: s.User, Reason: s.Reason}
	switch {
	case s.Closed:
		e.State = "closed"
	case s.Authenticated:
		e.State = "authenticated"
	case s.Attempts > 0:
		e.State = "refused"
	}
	return e
}

// report writes ready, and then what happens, a line each.
func report(ctx context.Context, srv *exchangetest.Server, out io.Writer, ready any) {
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	lines.Encode(ready)
	var requests, messages int
	states := make(map[int]event) // of the sessions, by index
	for {
		changed := srv.Changed()
		all := srv.Requests()
		for ; requests < len(all); requests++ {
			lines.Encode(requestEvent(all[requests]))
		}
		for i, s := range srv.Sessions() {
			if e := sessionEvent(s); e.State != states[i].State || e.Reason != states[i].Reason {
				states[i] = e
				lines.Encode(e)
			}
		}
		sent := srv.Sent()
		for ; messages < len(sent); messages++ {
			lines.Encode(messageEvent(sent[messages]))
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
