package exchangetest

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/guid"
)

// A User can sign in and has a mailbox of the same address.
type User struct {
	UPN      string // user principal name
	ObjectID string
	Password string // the first password
	Mailbox  *Mailbox

	tenant *Tenant

	// Guarded by the directory's mutex.
	password string
	state    UserState
	changed  time.Time // the password
	revoked  time.Time // all sessions
}

// UserState says what keeps a user from signing in, and what the user may do.
// The zero value is that of a user whom nothing keeps from it.
type UserState struct {
	// Disabled is "Block sign-in" (AADSTS50057).
	Disabled bool

	// Locked is smart lockout (AADSTS50053).
	Locked bool

	// PasswordExpired makes the right password of no use (AADSTS50055).
	PasswordExpired bool

	// RequireMFA demands a second factor, which the sign-in page asks for
	// and a password alone does not have (AADSTS50076). An application that
	// acts on behalf of a user who signed in without one is refused with the
	// claims that its client has to ask for; see "amr" in the user's token.
	RequireMFA bool

	// NoMFA says that the user who needs a second factor has registered none
	// (AADSTS50079).
	NoMFA bool

	// Blocked is a conditional access policy that no sign-in can satisfy
	// (AADSTS53003).
	Blocked bool

	// Control is what a conditional access policy demands of the device or of
	// the application, which have it not. Zero means nothing.
	Control GrantControl

	// SignInFrequency is how long a policy lets a sign-in stand, after which
	// no refresh token is good any more (AADSTS70043), nor a browser's cookie.
	// Zero means for ever.
	SignInFrequency time.Duration

	// NoPassword says that there is none: the user signs in with a passkey,
	// which the sign-in page here takes for granted (AADSTS50056 for
	// grant_type=password).
	NoPassword bool

	// OnPremises has the password checked by an agent in the organization's
	// own network. An expired one is AADSTS50144 then.
	OnPremises bool

	// AgentDown says that this agent does not answer, which passes by itself
	// (AADSTS80002). It has no effect without OnPremises.
	AgentDown bool

	// Federated has passwords checked by a server elsewhere, so that Entra ID
	// knows none (AADSTS50126 for grant_type=password). The sign-in page here
	// takes for granted that they are right.
	Federated bool

	// Administrator may consent for the whole tenant (AADSTS90094 for others).
	Administrator bool
}

// AddUser adds a user with a mailbox and a random password. The domain of upn
// must be one of the tenant's, and the address must be free.
func (t *Tenant) AddUser(upn string) *User {
	u := &User{
		UPN: upn, ObjectID: guid.New(), Password: rand.Text(),
		Mailbox: t.addMailbox("AddUser", upn), tenant: t,
	}
	u.password = u.Password
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	u.Mailbox.owner = u
	t.users[strings.ToLower(upn)] = u
	return u
}

// SetState sets what keeps the user from signing in and what the user may do.
func (u *User) SetState(to UserState) {
	if _, ok := controls[to.Control]; !ok && to.Control != 0 {
		panic(fmt.Sprintf("exchangetest: SetState: there is no GrantControl(%d)", to.Control))
	}
	if to.SignInFrequency < 0 {
		panic(fmt.Sprintf("exchangetest: SetState: a negative SignInFrequency, %v", to.SignInFrequency))
	}
	u.tenant.dir.mu.Lock()
	defer u.tenant.dir.mu.Unlock()
	u.state = to
}

// SetPassword changes the password, by which the refresh tokens end that were
// issued to public clients for the old one (AADSTS50173), and the user signs in
// anew in the browser.
func (u *User) SetPassword(password string) {
	u.tenant.dir.mu.Lock()
	defer u.tenant.dir.mu.Unlock()
	u.password, u.changed = password, u.tenant.srv.Now()
}

// RevokeSessions ends all refresh tokens of the user, as the portal's "Revoke
// sessions" does (AADSTS50173), and has the user sign in anew in the browser.
// Access tokens last until they expire.
func (u *User) RevokeSessions() {
	u.tenant.dir.mu.Lock()
	defer u.tenant.dir.mu.Unlock()
	u.revoked = u.tenant.srv.Now()
}

// Format implements [fmt.Formatter] in order to leave out the password,
// whatever the verb.
func (u *User) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "User{%s %s}", u.UPN, u.ObjectID)
}
