package smtpd

import (
	"errors"
	"fmt"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/access"
)

const (
	hveInvalid  = "501 5.5.124 Invalid XOAUTH2 auth data"
	hveExpiring = "501 5.5.127 Invalid XOAUTH2 auth data - Token will expire soon error"
)

// HVELeast is how long a token must still be valid for High Volume Email.
// (https://github.com/tarickb/sasl-xoauth2, README)
const HVELeast = 10 * time.Minute

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
