// Package trace tells a program what its sources of tokens and its connections
// do, for metrics. It is to them what net/http/httptrace is to an HTTP client,
// but Hooks are a field and not a value of a context: a token is renewed, and a
// session opened again, for nobody's call in particular, and oauth2.TokenSource
// and smtp.Auth have no context.
//
// Set the same [Hooks] as the Trace of a tokensource.Config and of a Dialer of
// imapdial, smtpdial or popdial. To label a failure, use diagnose.Label, whose
// example counts tokens and dials: it returns one of a few hundred names, and error
// texts are without number.
package trace

import "time"

// Hooks are functions that are called when something has happened. A nil
// function, and a nil *Hooks, costs nothing.
//
// The functions may be called by many goroutines at once. They are called while
// the caller of a dialer or of a Sender waits, so they should return soon.
// TokenRequest and TokenFetch are called when the callers of the Source have their
// answer, so they may take their time, and may use the Source. No event has a
// secret in it. Do not change Hooks that are in use.
type Hooks struct {
	// TokenRequest is called for each request to a token endpoint or to the host
	// of a managed identity: several times if the request is repeated, and for
	// each question whether a device code has been entered.
	TokenRequest func(TokenRequest)
	// TokenFetch is called when a Source has a new token, from a request or from
	// its Cache, or has failed to get one. It is not called for the token that a
	// Source of Config.Exchange has from the start.
	TokenFetch func(TokenFetch)
	// TokenServed is called when a Source answers a caller, mostly with a token
	// that it has kept.
	TokenServed func(TokenServed)

	// Dial is called when a dial is over.
	Dial func(Dial)
	// SessionBegin and SessionEnd are called for each session of imapdial's Keep.
	SessionBegin func(Session)
	SessionEnd   func(Session)
	// Backoff is called before Keep waits to dial again, and before a Sender waits
	// to try a message again.
	Backoff func(Backoff)

	// MessageWait is called when a message begins to wait for its turn in a
	// Sender, and MessageTurn when that has come, or has not. Both are called for
	// each try. What a gauge of waiting messages goes up by, it goes down by.
	MessageWait func(Message)
	MessageTurn func(Message)
	// MessageDone is called when Sender.Send returns, for each message that was
	// fit to be sent.
	MessageDone func(Message)
}

// A TokenRequest is a request that was answered or has failed.
type TokenRequest struct {
	Tenant, ClientID string // of the settings; a managed identity has no tenant
	Took             time.Duration
	// AADSTS is the first number of Entra ID's error, such as 7000215. It is zero
	// if there is no error or it has no number.
	AADSTS int
	Err    error // a *tokensource.Error, or nil
}

// A TokenFetch is a token that a Source has got, or the failure to get one.
type TokenFetch struct {
	Tenant, ClientID string // of the settings; a managed identity has no tenant
	// Renewal tells that the token before was still good: the Source renewed it in
	// advance, and if that failed nobody need notice.
	Renewal  bool
	Lifetime time.Duration // of the token when it was issued; zero if there is none
	Err      error         // as TokenContext returns it, or nil
}

// A TokenServed is the answer to one caller.
type TokenServed struct {
	Tenant, ClientID string // of the settings; a managed identity has no tenant
	Err              error  // nil if the caller has got a token
}

// A Dial is a dial that has succeeded or failed.
type Dial struct {
	Protocol       string // "imap", "pop" or "smtp"
	Addr, Username string
	Server         string        // front end that answered; empty if no greeting named one
	Took           time.Duration // with the time in the queue
	Steps          Steps
	// Tokens is the number of tokens that were sent: with two, the server has
	// refused the first.
	Tokens int
	Step   string // that failed, as the Op of the error; empty if none
	Err    error  // that Dial returns, or nil
}

// Steps are the times that the steps of a dial took. Zero means that the dial
// did not come to that step. Token runs beside those from Connect to Greeting, so
// the sum is more than what the dial took. A step that was taken twice, over two
// connections or with two tokens, has the sum of both.
type Steps struct {
	Queue        time.Duration // waiting for a turn
	Token        time.Duration // asking the TokenSource
	Connect      time.Duration // name resolution and TCP
	TLS          time.Duration // the handshake
	Greeting     time.Duration // what the server says before the authentication
	Authenticate time.Duration
	Open         time.Duration // the proof of the mailbox, with IMAP
}

// A Session is one session of Keep.
type Session struct {
	Addr, Username string
	Server         string        // front end; empty if no greeting named one
	Held           time.Duration // zero in SessionBegin
	Err            error         // why it has ended; nil in SessionBegin, and if the caller has ended it
}

// A Backoff is a pause after a failure.
type Backoff struct {
	Protocol       string // "imap" for Keep, "smtp" for a Sender
	Addr, Username string
	Try            int // failures and ends of sessions in a row, or tries of the message
	Wait           time.Duration
	Err            error // the last failure
}

// A Message is a message of a Sender.
type Message struct {
	Addr, Username string
	From           string
	Recipients     int
	Size           int           // in octets, as given to Send
	Try            int           // from 1; in MessageDone the number of tries
	Took           time.Duration // MessageTurn: the wait; MessageDone: all of Send; MessageWait: zero
	// Uncertain tells that the message may have been sent or not.
	Uncertain bool
	Err       error // nil if there is none: the turn has come, the message was sent
}
