package exchangetest

import (
	"fmt"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/directory"
)

// A User can sign in and has a mailbox of the same address.
type User struct {
	UPN      string // user principal name
	ObjectID string
	Password string // the first password
	Mailbox  *Mailbox

	in *directory.User
}

// UserState says what keeps a user from signing in, and what the user may do.
// Nothing keeps a user from it who has the zero value.
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

	// NoMFA says that the user needs a second factor and has registered none
	// (AADSTS50079).
	NoMFA bool

	// Blocked is a conditional access policy that no sign-in can satisfy
	// (AADSTS53003).
	Blocked bool

	// AADSTS is what a conditional access policy refuses every sign-in with that
	// lacks something of the device or the application: a compliant device
	// (53000), one that is joined (53001), an approved application (53002), a
	// managed device (530003), or one that authenticates itself (50097). Zero
	// means nothing.
	// (https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-grant)
	AADSTS int

	// SignInFrequency is how long a policy lets a sign-in stand. After it
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

// SetState sets what keeps the user from signing in and what the user may do.
func (u *User) SetState(to UserState) {
	st := directory.UserState(to)
	check("SetState", st.CheckState())
	u.in.Change(func(old *directory.UserState) { *old = st })
}

// Format implements [fmt.Formatter] in order to leave out the password,
// whatever the verb.
func (u *User) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "User{%s %s}", u.UPN, u.ObjectID)
}
