package diagnose

import (
	"fmt"
	"io"
	"time"

	"github.com/exoauth/exoauth"
)

// A Protocol is one of IMAP, SMTP and POP.
type Protocol string

// The protocols of mail.
const (
	IMAP Protocol = "IMAP"
	SMTP Protocol = "SMTP"
	POP  Protocol = "POP"
)

// A Flow says whose token it is.
type Flow string

// AppOnly is the token of an application: client credentials, managed
// identity. Delegated is that of a user who signed in.
const (
	AppOnly   Flow = "app-only"
	Delegated Flow = "delegated"
)

// A Subject is what is known of what was tried. Each field may be left out;
// what an error or the token tells is filled in. Commands are made of it.
type Subject struct {
	// Protocol that failed; "" is told from the error.
	Protocol Protocol
	// Cloud that was meant. Empty fields are those of [exoauth.Global].
	Cloud exoauth.Cloud
	// Tenant is the tenant id or domain, ClientID the application (client) id.
	Tenant, ClientID string
	// ObjectID is that of the enterprise application (service principal). ""
	// is taken from an app-only token.
	ObjectID string
	// Flow is whose token it is; "" is told from Token. Set it where Token is
	// left out: it rules out half of the findings.
	Flow Flow
	// Username is what was given to the server as user=.
	Username string
	// Mailbox is the one to read or to send from; "" is Username.
	Mailbox string
	// From is the sender of the message that was refused; "" is Mailbox.
	From string
	// Shared says that Mailbox is a shared mailbox, not the user's own.
	Shared bool
	// Scopes that the token was asked for with.
	Scopes []string
	// Token is the access token that was refused. It is read for its claims
	// and never shown. "" is what an error of a dialer knows of it.
	Token string `json:"-"`
	// Worked says that the same login has succeeded before.
	Worked bool
	// Opened says that the same token opens the mailbox by another protocol.
	Opened bool
	// Sent says that a message was sent from the mailbox with the same token.
	Sent bool
	// Now is the time that the token is judged by; zero is time.Now().
	Now time.Time
}

// Format shows the subject without its token, whatever the verb.
func (s Subject) Format(f fmt.State, _ rune) {
	token := "no token"
	if s.Token != "" {
		token = "a token"
	}
	io.WriteString(f, oneLine(fmt.Sprintf("%s as %s with %s of application %s, tenant %s",
		s.Protocol, s.Username, token, s.ClientID, s.Tenant)))
}
