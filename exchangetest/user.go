package exchangetest

import (
	"fmt"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/directory"
)

// A User can sign in, and has a mailbox with the same address.
type User struct {
	UPN      string // user principal name
	ObjectID string
	Password string // the first password
	Mailbox  *Mailbox

	in *directory.User
}

// UserState describes what prevents a user from signing in, and what the user
// may do. The zero value prevents nothing.
type UserState struct {
	// Disabled is "Block sign-in" (AADSTS50057).
	Disabled bool

	// Locked is smart lockout (AADSTS50053).
	Locked bool

	// PasswordExpired makes Entra ID refuse the right password (AADSTS50055).
	PasswordExpired bool

	// RequireMFA requires a second factor. The sign-in page asks for it; the
	// password grant fails without it (AADSTS50076). An on-behalf-of request
	// for a user who signed in without it is refused, with the claims that the
	// client has to request; see "amr" in the user's token.
	RequireMFA bool

	// NoMFA means that the user needs a second factor and has registered none
	// (AADSTS50079).
	NoMFA bool

	// Blocked is a conditional access policy that no sign-in can satisfy
	// (AADSTS53003).
	Blocked bool

	// AADSTS is the number with which a conditional access policy refuses every
	// sign-in, because of the device or the application: the device is not
	// compliant (53000), not joined (53001), not managed (530003) or does not
	// authenticate itself (50097), or the application is not approved (53002).
	// Zero means no such policy.
	// (https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-grant)
	AADSTS int

	// SignInFrequency is how long a sign-in is valid by policy. After that,
	// neither refresh tokens (AADSTS70043) nor a browser's cookies are
	// accepted. Zero means forever.
	SignInFrequency time.Duration

	// NoPassword means that the user has no password and signs in with a
	// passkey, which the sign-in page here assumes (AADSTS50056 for
	// grant_type=password).
	NoPassword bool

	// OnPremises means that an agent in the organization's network checks the
	// password. For an expired password the error is then AADSTS50144.
	OnPremises bool

	// AgentDown means that this agent does not answer, a temporary failure
	// (AADSTS80002). It has no effect without OnPremises.
	AgentDown bool

	// Federated means that another server checks the password, which Entra ID
	// does not know (AADSTS50126 for grant_type=password). The sign-in page
	// here assumes that it is right.
	Federated bool

	// Administrator may consent for the whole tenant (AADSTS90094 for others).
	Administrator bool
}

// SetState replaces the state of the user, which is zero at first.
func (u *User) SetState(to UserState) {
	st := directory.UserState(to)
	check("SetState", st.CheckState())
	u.in.Change(func(old *directory.UserState) { *old = st })
}

// Format implements [fmt.Formatter] to leave out the password, for every verb.
func (u *User) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "User{%s %s}", u.UPN, u.ObjectID)
}
