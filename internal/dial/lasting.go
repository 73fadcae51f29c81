package dial

import (
	"context"
	"net"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// hveHosts are the servers of High Volume Email.
// https://learn.microsoft.com/exchange/mail-flow-best-practices/high-volume-mails-m365
var hveHosts = []string{"smtp.hve.mx.microsoft", "smtp-hve.office365.com"}

// hveValidity is how long a token must still be valid for High Volume Email,
// which refuses others with "501 5.5.127 … Token will expire soon error".
const hveValidity = 10 * time.Minute

// ValidityAt returns how long a token must still be valid for the server at
// addr, a host with or without a port; zero for most.
func ValidityAt(addr string) time.Duration {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	for _, hve := range hveHosts {
		if strings.EqualFold(strings.TrimSuffix(host, "."), hve) {
			return hveValidity
		}
	}
	return 0
}

// lastingSource is a source that can be asked for a token that is valid for d.
type lastingSource interface {
	TokenValidFor(ctx context.Context, d time.Duration) (*oauth2.Token, error)
}

// askLasting asks src for a token that is valid for d, if need be by
// invalidating one that is not. Renewed reports that it did so: a refusal is
// then no reason to ask for a third token. If src has no better token, it
// returns the one that there is, and the server decides.
func askLasting(ctx context.Context, src oauth2.TokenSource, d time.Duration) (token *oauth2.Token, renewed bool, err error) {
	token, err = ask(ctx, src, d)
	if err != nil || token == nil || lasts(token, d) {
		return token, false, err
	}
	told, ok := src.(invalidator)
	if _, knows := src.(lastingSource); knows || !ok {
		return token, false, nil
	}
	told.Invalidate(token)
	token, err = ask(ctx, src, d)
	return token, true, err
}

// lasts reports whether t is valid for d; one without an expiry is.
func lasts(t *oauth2.Token, d time.Duration) bool {
	return d <= 0 || t.Expiry.IsZero() || time.Until(t.Expiry) >= d
}
