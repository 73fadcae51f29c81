// Package access says who a token or a password speaks for, and what Exchange
// lets them do.
package access

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/clouds"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/mailstore"
	"github.com/exoauth/exoauth/exchangetest/internal/record"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
	"github.com/exoauth/exoauth/exchangetest/internal/token"
)

// A Bearer is who a token or a password speaks for.
type Bearer struct {
	ClientID string
	Expires  time.Time // zero: never

	tenant *directory.Tenant
	user   *directory.User            // nil for an app-only token
	app    directory.ServicePrincipal // as Exchange knows it; set for an app-only token
	byRole bool                       // RBAC for Applications says what the app may do
}

// Access answers for the organization.
type Access struct {
	Directory *directory.Directory
	Mint      *token.Mint
	Records   *record.Records
	Logger    *slog.Logger
}

// Verify checks a token as far as that can be done without a mailbox. What is
// known of the bearer is returned with an error too, for the record.
func (a *Access) Verify(text string, want resource.Permission) (Bearer, error) {
	var c token.Claims
	err := a.Mint.Parse(text, &c)
	b := Bearer{ClientID: c.AppID}
	if err != nil {
		return b, tokenError(err, &c)
	}
	b.Expires = c.ExpiresAt.Time
	if !slices.ContainsFunc(c.Audience, clouds.IsExchange) {
		return b, fmt.Errorf("the token is for %q and not for Exchange Online", []string(c.Audience))
	}
	b.tenant = a.Directory.Tenant(c.TID)
	if b.tenant == nil || c.Issuer != "https://sts.windows.net/"+c.TID+"/" {
		return b, fmt.Errorf("the token is of the tenant %q, issuer %q, which this server does not know", c.TID, c.Issuer)
	}
	if c.Scope != "" {
		return b, b.delegated(&c, want)
	}
	return b, b.appOnly(&c, want)
}

// tokenError says what golang-jwt found, without its words on what the token
// consists of.
func tokenError(err error, c *token.Claims) error {
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

func (b *Bearer) delegated(c *token.Claims, want resource.Permission) error {
	if !slices.Contains(strings.Fields(c.Scope), want.Scope) {
		return fmt.Errorf("the token has no scope %s, only %q", want.Scope, c.Scope)
	}
	if b.user = b.tenant.User(c.UPN); b.user == nil {
		return fmt.Errorf("the token is of the user %q, who is not in the tenant", c.UPN)
	}
	return nil
}

// appOnly looks for the role in the token. RBAC for Applications, if an
// application has it for SMTP, is for tokens without.
func (b *Bearer) appOnly(c *token.Claims, want resource.Permission) error {
	has := slices.Contains(c.Roles, want.Role)
	noRole := fmt.Errorf("the token has no role %s, only %q", want.Role, c.Roles)
	sp, registered := b.tenant.FindServicePrincipal(c.AppID)
	switch {
	case want == resource.HVE && has: // Exchange knows of it by Add-HVEAppAccess
		b.app = directory.ServicePrincipal{AppID: c.AppID, ObjectID: c.OID}
		return nil
	case !registered && !has:
		return noRole
	case !registered:
		return fmt.Errorf("the application %s is not registered in Exchange (New-ServicePrincipal)", c.AppID)
	case sp.ObjectID != c.OID:
		return fmt.Errorf("the application is registered in Exchange with the object id %s, not with that of its enterprise application, %s", sp.ObjectID, c.OID)
	}
	b.app = sp
	if has {
		return nil
	}
	if b.byRole = want == resource.SMTP && b.tenant.HasRole(sp); !b.byRole {
		return noRole
	}
	return nil
}

// A BasicAuthError says that a protocol takes no passwords.
type BasicAuthError struct{ Option string } // of New-AuthenticationPolicy

func (e *BasicAuthError) Error() string {
	return "basic authentication is disabled (New-AuthenticationPolicy -" + e.Option + ")"
}

// A PasswordError is a refusal by Entra ID of a name and a password.
type PasswordError struct {
	Code int // AADSTS
	Text string
}

func (e *PasswordError) Error() string { return fmt.Sprintf("AADSTS%d: %s", e.Code, e.Text) }

// VerifyPassword is Verify for clients that log in with a password.
func (a *Access) VerifyPassword(name, password string, want resource.Permission) (Bearer, error) {
	p := a.Directory.PolicyOf(name)
	option, on := "AllowBasicAuthSmtp", p.SMTP
	switch want {
	case resource.IMAP:
		option, on = "AllowBasicAuthImap", p.IMAP
	case resource.POP:
		option, on = "AllowBasicAuthPop", p.POP
	}
	if !on {
		return Bearer{}, &BasicAuthError{option}
	}
	u, refusal := a.Directory.FindUser(nil, name)
	switch {
	case refusal != nil:
	case u.Tenant().State().SecurityDefaults:
		refusal = aadsts.Refuse(aadsts.SecurityDefaults)
	default:
		refusal = u.CheckPassword(password, false)
	}
	if refusal != nil {
		return Bearer{}, &PasswordError{refusal.Code, refusal.Fill(a.unasked)}
	}
	return Bearer{tenant: u.Tenant(), user: u}, nil
}

// unasked says what a name in the text of a refusal stands for if no request of
// HTTP's says it.
func (a *Access) unasked(name string) string {
	switch name {
	case "resource":
		return resource.ExchangeAppID
	case "now", "issued", "from", "to":
		return aadsts.Time(a.Mint.Now())
	}
	return "unknown"
}

// A ConsumerError says that a personal account does not use IMAP, which is found
// out while the client logs in, not after that as in organizations.
type ConsumerError struct{ error }

// Open returns the mailbox that an IMAP or POP3 session for user is
// authenticated for. usable says why the session can do nothing with it.
func (a *Access) Open(b Bearer, user string, want resource.Permission) (m *directory.Mailbox, usable, err error) {
	if m, err = a.mailbox(b, user); err != nil {
		return nil, nil, err
	}
	// Whether the protocol is on is asked of the user, not of the mailbox.
	// (https://learn.microsoft.com/exchange/troubleshoot/user-and-shared-mailboxes/pop3-imap-owa-activesync-office-365)
	protocol := m
	if b.user != nil {
		protocol = b.user.Mailbox
	}
	off := func(b *bool) bool { return b != nil && !*b }
	cas := protocol.CAS()
	usable = a.MayOpen(b, m)
	switch {
	case usable != nil:
	case want == resource.POP && off(cas.POP):
		usable = fmt.Errorf("POP is switched off for %s (Set-CASMailbox)", protocol.Address)
	case want == resource.IMAP && off(cas.IMAP):
		usable = fmt.Errorf("IMAP is switched off for %s (Set-CASMailbox)", protocol.Address)
		if m.Tenant() == a.Directory.Consumers {
			return nil, nil, &ConsumerError{usable}
		}
	}
	return m, usable, nil
}

func (a *Access) mailbox(b Bearer, address string) (*directory.Mailbox, error) {
	m := a.Directory.Mailbox(address)
	switch {
	case m == nil:
		return nil, fmt.Errorf("there is no mailbox %q", address)
	case m.Tenant() != b.tenant:
		return nil, fmt.Errorf("the mailbox %q is in another tenant than the token's", address)
	}
	return m, nil
}

// A DisabledError says that SMTP AUTH is switched off, and for whom.
type DisabledError struct{ Level string } // "Mailbox" or "Tenant"

func (e *DisabledError) Error() string {
	return "SmtpClientAuthentication is disabled for the " + e.Level
}

// OpenSubmission returns the mailbox that b submits for. SMTP takes the user's
// own address for user=, and never that of a shared mailbox.
func (a *Access) OpenSubmission(b Bearer, user string) (*directory.Mailbox, error) {
	m, err := a.mailbox(b, user)
	if err != nil {
		return nil, err
	}
	disabled := m.CAS().SMTPDisabled
	switch {
	case disabled != nil && *disabled:
		return nil, &DisabledError{"Mailbox"}
	case disabled == nil && m.Tenant().State().SMTPDisabled:
		return nil, &DisabledError{"Tenant"}
	case b.user != nil && b.user.Mailbox != m:
		return nil, fmt.Errorf("the token is of the user %s; SMTP wants that name, with the shared address as the sender alone", b.user.UPN)
	case b.byRole && !b.hasFullAccess(m):
		return nil, fmt.Errorf("the mailbox %s is in no scope of the application's roles (New-ManagementRoleAssignment)", m.Address)
	}
	return m, nil
}

// OpenHVE is OpenSubmission for High Volume Email.
func (a *Access) OpenHVE(b Bearer, user string) (*directory.Mailbox, error) {
	m, err := a.mailbox(b, user)
	switch {
	case err != nil:
		return nil, err
	case b.user != nil && b.user.Mailbox != m:
		return nil, fmt.Errorf("the token is of the user %s", b.user.UPN)
	case b.user == nil && !m.AdmitsHVE(b.app.ObjectID):
		return nil, fmt.Errorf("the application may not send for %s by High Volume Email (Add-HVEAppAccess)", m.Address)
	}
	return m, nil
}

// MayOpen returns an error if b has no access to the mailbox.
func (a *Access) MayOpen(b Bearer, m *directory.Mailbox) error {
	if !b.hasFullAccess(m) {
		return fmt.Errorf("no FullAccess to the mailbox %s (Add-MailboxPermission)", m.Address)
	}
	return nil
}

func (b Bearer) hasFullAccess(m *directory.Mailbox) bool {
	if b.byRole {
		return b.tenant.HasRoleFor(b.app, m)
	}
	return b.user != nil && b.user.Mailbox == m || m.Has(directory.FullAccess, b.principal())
}

// principal returns the name under which Exchange keeps permissions of b.
func (b Bearer) principal() string {
	if b.user != nil {
		return strings.ToLower(b.user.UPN)
	}
	return b.app.ObjectID
}

// MaySendAs reports whether a session for the mailbox may send as the sender:
// the mailbox itself, or one that grants SendAs to it or to b.
func (a *Access) MaySendAs(b Bearer, m *directory.Mailbox, sender string) bool {
	if strings.EqualFold(sender, m.Address) {
		return true
	}
	as := a.Directory.Mailbox(sender)
	return as != nil && (as.Has(directory.SendAs, b.principal()) || as.Has(directory.SendAs, strings.ToLower(m.Address)))
}

// Deliver puts a message into the mailboxes of its recipients, as far as they
// are on this server, and into the sent items of the mailbox, if it keeps a copy.
func (a *Access) Deliver(from *directory.Mailbox, m record.Message, keep bool) {
	defer a.Records.Changed.Notify()
	inboxes := a.Directory.Mailboxes(m.To, func() { a.Records.AddMessage(m) })
	// A test may have deleted the folder.
	if keep {
		if _, _, err := from.Box.Append(directory.SentItems, mailstore.Message{Data: m.Data, Date: m.Time, Flags: mailstore.Seen}); err != nil {
			a.Logger.Warn("no copy in sent items", "mailbox", from.Address, "error", err)
		}
	}
	for _, box := range inboxes {
		if _, _, err := box.Box.Append("INBOX", mailstore.Message{Data: m.Data, Date: m.Time}); err != nil {
			a.Logger.Warn("not delivered", "mailbox", box.Address, "error", err)
		}
	}
}
