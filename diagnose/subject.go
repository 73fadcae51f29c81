package diagnose

import (
	"fmt"
	"io"
	"time"

	"github.com/exoauth/exoauth"
)

// A Protocol is a mail protocol.
type Protocol string

// The mail protocols.
const (
	IMAP Protocol = "IMAP"
	SMTP Protocol = "SMTP"
	POP  Protocol = "POP"
)

// A Flow tells whether a token is an application's or a user's.
type Flow string

// AppOnly is for the token of an application (client credentials, managed
// identity), Delegated for the token of a user who signed in.
const (
	AppOnly   Flow = "app-only"
	Delegated Flow = "delegated"
)

// A Subject describes the failed login. Each field may be left out; [Explain]
// and [Token] fill in what the error or the token tells. Commands contain these
// values.
type Subject struct {
	// Protocol is the protocol that failed. Empty means the one that the error
	// tells.
	Protocol Protocol
	// Cloud is the cloud that was meant. An empty field means the value in
	// [exoauth.Global].
	Cloud exoauth.Cloud
	// Tenant is the tenant ID or a domain, and ClientID the application
	// (client) ID.
	Tenant, ClientID string
	// ObjectID is the object ID of the enterprise application (service
	// principal). Empty means the one in an app-only token.
	ObjectID string
	// Flow tells whose token it is. Empty means the flow that Token tells. Set
	// Flow if you leave out Token: it rules out half of the findings.
	Flow Flow
	// Username is the user name that was sent to the server (user=).
	Username string
	// Mailbox is the mailbox to read or to send from. Empty means Username.
	Mailbox string
	// From is the sender of the message that was refused. Empty means Mailbox.
	From string
	// Shared means that Mailbox is a shared mailbox, not the user's own.
	Shared bool
	// Scopes are the scopes that the token was requested with.
	Scopes []string
	// Token is the access token that was refused. Only its claims are read, and
	// it is never shown. Empty means the claims that an error of a dialer has.
	Token string `json:"-"`
	// Worked means that the same login has succeeded before.
	Worked bool
	// Opened means that the same token opens the mailbox over another protocol.
	Opened bool
	// Sent means that a message was sent from the mailbox with the same token.
	Sent bool
	// Now is the time by which the token is judged. Zero means time.Now, or the
	// time of the refusal if an error of a dialer has the token's claims.
	Now time.Time
}

// Format shows the subject without its token, for every verb.
func (s Subject) Format(f fmt.State, _ rune) {
	token := "no token"
	if s.Token != "" {
		token = "a token"
	}
	io.WriteString(f, oneLine(fmt.Sprintf("%s as %s with %s of application %s, tenant %s",
		s.Protocol, s.Username, token, s.ClientID, s.Tenant)))
}
