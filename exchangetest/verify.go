package exchangetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/exoauth/exoauth/exchangetest/internal/clouds"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
	"github.com/exoauth/exoauth/exchangetest/internal/tokenkey"
)

// A bearer is who a token speaks for, as far as the mail servers care.
type bearer struct {
	tenant   *Tenant
	clientID string
	expires  time.Time
	user     *User            // who signed in; nil for an app-only token
	app      servicePrincipal // as Exchange knows it; set for an app-only token
	byRole   bool             // what the app may do is a matter of RBAC for Applications
}

type tokenClaims struct {
	jwt.RegisteredClaims
	AppID string   `json:"appid"`
	OID   string   `json:"oid"`
	TID   string   `json:"tid"`
	UPN   string   `json:"upn"`
	Name  string   `json:"preferred_username"` // the same in version 2.0
	Scope string   `json:"scp"`
	Roles []string `json:"roles"`
	AMR   []string `json:"amr"` // how the user signed in
}

// verify checks a token as far as it can be checked without a mailbox. What is
// known of the bearer is returned with an error too, for the record.
func (s *Server) verify(token string, want resource.Permission) (bearer, error) {
	var c tokenClaims
	err := tokenkey.Parse(s.issued.opaque.readable(token), &c, s.Now)
	b := bearer{clientID: c.AppID}
	if err != nil {
		return b, tokenError(err, &c)
	}
	b.expires = c.ExpiresAt.Time
	if !slices.ContainsFunc(c.Audience, clouds.IsExchange) {
		return b, fmt.Errorf("the token is for %q and not for Exchange Online", []string(c.Audience))
	}
	s.dir.mu.Lock()
	defer s.dir.mu.Unlock()
	b.tenant = s.dir.tenants[c.TID]
	if b.tenant == nil || c.Issuer != "https://sts.windows.net/"+c.TID+"/" {
		return b, fmt.Errorf("the token is of the tenant %q, issuer %q, which this server does not know", c.TID, c.Issuer)
	}
	if c.Scope != "" {
		return b.delegatedLocked(&c, want)
	}
	return b.appOnlyLocked(&c, want)
}

// tokenError says what golang-jwt found, without its words on what the token
// consists of.
func tokenError(err error, c *tokenClaims) error {
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return fmt.Errorf("the token expired at %s", c.ExpiresAt.UTC().Format(time.RFC3339))
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return errors.New("the token is not valid yet")
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return errors.New("the token's signature is not that of this Entra ID")
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return errors.New("the token has no expiry")
	}
	return errors.New("the token is not a JWT signed with RS256")
}

func (b bearer) delegatedLocked(c *tokenClaims, want resource.Permission) (bearer, error) {
	if !slices.Contains(strings.Fields(c.Scope), want.Scope) {
		return b, fmt.Errorf("the token has no scope %s, only %q", want.Scope, c.Scope)
	}
	if b.user = b.tenant.users[strings.ToLower(c.UPN)]; b.user == nil {
		return b, fmt.Errorf("the token is of the user %q, who is not in the tenant", c.UPN)
	}
	return b, nil
}

func (b bearer) appOnlyLocked(c *tokenClaims, want resource.Permission) (bearer, error) {
	for _, sp := range b.tenant.exchange {
		if sp.appID != c.AppID {
			continue
		}
		if sp.objectID != c.OID {
			return b, fmt.Errorf("the application is registered in Exchange with the object id %s, not with that of its enterprise application, %s", sp.objectID, c.OID)
		}
		b.app = sp
		return b, b.roleLocked(c, want)
	}
	if !slices.Contains(c.Roles, want.Role) {
		return b, fmt.Errorf("the token has no role %s, only %q", want.Role, c.Roles)
	}
	return b, fmt.Errorf("the application %s is not registered in Exchange (New-ServicePrincipal)", c.AppID)
}

// roleLocked looks for the role in the token. RBAC for Applications, where an
// application has it for SMTP, is for tokens without.
func (b *bearer) roleLocked(c *tokenClaims, want resource.Permission) error {
	if slices.Contains(c.Roles, want.Role) {
		return nil
	}
	if _, assigned := b.tenant.mayByRoleLocked(b.app, nil); assigned && want.Role == SMTPSendAsApp {
		b.byRole = true
		return nil
	}
	return fmt.Errorf("the token has no role %s, only %q", want.Role, c.Roles)
}

// open returns the mailbox that an IMAP or POP3 session of b for user is
// authenticated for. usable is nil if the session can do something with it.
func (d *directory) open(b bearer, user string, want resource.Permission) (m *Mailbox, usable, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m = d.mailboxLocked(user)
	if m == nil {
		return nil, nil, fmt.Errorf("there is no mailbox %q", user)
	}
	if m.tenant != b.tenant {
		return nil, nil, fmt.Errorf("the mailbox %q is in another tenant than the token's", user)
	}
	// Whether the protocol is on is asked of who signed in, not of the mailbox.
	// (https://learn.microsoft.com/exchange/troubleshoot/user-and-shared-mailboxes/pop3-imap-owa-activesync-office-365)
	protocol := m
	if b.user != nil {
		protocol = b.user.Mailbox
	}
	switch {
	case !b.hasFullAccess(m):
		usable = fmt.Errorf("no FullAccess to the mailbox %s (Add-MailboxPermission)", m.Address)
	case want == resource.POP && !enabled(protocol.cas.PopEnabled):
		usable = fmt.Errorf("POP is switched off for %s (Set-CASMailbox)", protocol.Address)
	case want == resource.IMAP && !enabled(protocol.cas.ImapEnabled):
		usable = fmt.Errorf("IMAP is switched off for %s (Set-CASMailbox)", protocol.Address)
	}
	return m, usable, nil
}

// hasFullAccess must be called with the directory's mutex held.
func (b bearer) hasFullAccess(m *Mailbox) bool {
	if b.byRole {
		may, _ := b.tenant.mayByRoleLocked(b.app, m)
		return may
	}
	return b.user != nil && b.user.Mailbox == m || m.fullAccess[b.principal()]
}

// principal returns the key under which Exchange keeps permissions of b.
func (b bearer) principal() string {
	if b.user != nil {
		return strings.ToLower(b.user.UPN)
	}
	return b.app.objectID
}
