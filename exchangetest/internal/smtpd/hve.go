package smtpd

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/access"
	"github.com/exoauth/exoauth/exchangetest/internal/guid"
	"github.com/exoauth/exoauth/exchangetest/internal/mailserver"
	"github.com/exoauth/exoauth/exchangetest/internal/record"
	"github.com/exoauth/exoauth/exchangetest/internal/smtpline"
)

const (
	hveInvalid  = "501 5.5.124 Invalid XOAUTH2 auth data"
	hveExpiring = "501 5.5.127 Invalid XOAUTH2 auth data - Token will expire soon error"
)

// HVELeast is how long a token must still be valid for High Volume Email.
// (https://github.com/tarickb/sasl-xoauth2, README)
const HVELeast = 10 * time.Minute

// What bounds a message of High Volume Email.
const (
	hveSize       = 10 << 20
	hveRecipients = 50
)

// refuseXOAUTH2 is refuse for a token. Of High Volume Email only two refusals
// are known, and not for which reasons the first is given: here it is for all.
func (c *conn) refuseXOAUTH2(err error) {
	switch _, expiring := errors.AsType[*expiringError](err); {
	case !c.hve:
		c.refuse(replyOf(err, authFailed))
	case expiring:
		c.Reply(hveExpiring)
	default:
		c.Reply(hveInvalid)
	}
}

// An expiringError says that a token is not valid for long enough.
type expiringError struct{ left time.Duration }

func (e *expiringError) Error() string {
	return fmt.Sprintf("the token expires in %s; High Volume Email wants it to be valid for %s", e.left.Round(time.Second), HVELeast)
}

// checkHVE says what High Volume Email, and it alone, has against a token.
func (c *conn) checkHVE(b access.Bearer) error {
	if left := b.Expires.Sub(c.Clock.Now()); c.hve && left < HVELeast {
		return &expiringError{left}
	}
	return nil
}

// mayOpen returns an error if the message of a session cannot be submitted for
// its mailbox. High Volume Email has asked already.
func (c *conn) mayOpen() error {
	if c.hve {
		return nil
	}
	return c.Access.MayOpen(c.bearer, c.mailbox)
}

// isInternal reports whether an address is one of the organization's, to which
// alone High Volume Email sends.
func (c *conn) isInternal(address string) bool {
	_, domain, _ := strings.Cut(address, "@")
	return slices.ContainsFunc(c.mailbox.Tenant().Domains, func(d string) bool { return strings.EqualFold(d, domain) })
}

// submitHVE submits a message whose senders must be the account. It keeps no copy.
// Of the two refusals the codes are known, and not the words.
func (c *conn) submitHVE(m smtpMail, message []byte) {
	senders := smtpline.Senders(m.from, message)
	foreign := func(sender string) bool { return !strings.EqualFold(sender, c.mailbox.Address) }
	switch {
	case m.from != "" && foreign(m.from):
		c.Reply("550 5.7.62 The sender is not the account that has signed in")
	case slices.ContainsFunc(senders, foreign):
		c.Reply("550 5.6.241 The From address is not the account that has signed in")
	default:
		c.Access.Deliver(c.mailbox, record.Message{Time: c.Clock.Now(), User: c.user, From: m.from, To: m.to, Data: message}, false)
		c.Reply("250 2.0.0 OK <%s@%s> [Hostname=%s]", guid.New(), mailserver.FrontEnd, mailserver.FrontEnd)
	}
}
