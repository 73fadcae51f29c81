package exchangetest

import (
	"errors"
	"fmt"
	"net"
	"time"
)

const (
	hveInvalid  = "501 5.5.124 Invalid XOAUTH2 auth data"
	hveExpiring = "501 5.5.127 Invalid XOAUTH2 auth data - Token will expire soon error"
)

// hveLeast is how long a token must still be valid for High Volume Email.
// (https://github.com/tarickb/sasl-xoauth2, README)
const hveLeast = 10 * time.Minute

// serveHVE is serveSMTP for High Volume Email. Of that only two refusals are
// known, and not for which reasons the first is given: here it is for all.
func (s *Server) serveHVE(raw net.Conn) { s.serveSMTPAs(raw, true) }

// refuseXOAUTH2 is refuse for a token.
func (c *smtpConn) refuseXOAUTH2(err error) {
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
	return fmt.Sprintf("the token expires in %s; High Volume Email wants it to be valid for %s", e.left.Round(time.Second), hveLeast)
}

// checkHVE says what High Volume Email, and it alone, has against a token.
func (c *smtpConn) checkHVE(b bearer) error {
	if left := b.expires.Sub(c.srv.Now()); c.hve && left < hveLeast {
		return &expiringError{left}
	}
	return nil
}
