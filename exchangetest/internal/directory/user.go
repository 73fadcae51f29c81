package directory

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/guid"
)

// A User can sign in and has a mailbox of the same address.
type User struct {
	UPN      string
	ObjectID string
	Password string // the first one
	Mailbox  *Mailbox

	tenant   *Tenant
	password string
	state    UserState
	changed  time.Time // the password
	revoked  time.Time // all sessions
}

// UserState says what keeps a user from signing in, and what the user may do.
type UserState struct {
	Disabled        bool
	Locked          bool
	PasswordExpired bool
	RequireMFA      bool
	NoMFA           bool
	Blocked         bool
	AADSTS          int
	SignInFrequency time.Duration
	NoPassword      bool
	OnPremises      bool
	AgentDown       bool
	Federated       bool
	Administrator   bool
}

// AddUser adds a user with a mailbox and a random password.
func (t *Tenant) AddUser(upn string) (*User, error) {
	m, err := t.AddMailbox(upn)
	if err != nil {
		return nil, err
	}
	u := &User{UPN: upn, ObjectID: guid.New(), Password: rand.Text(), Mailbox: m, tenant: t}
	u.password = u.Password
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	m.owner = u
	t.users[strings.ToLower(upn)] = u
	return u, nil
}

// key is the user's in the consents of an app. No user is an administrator.
func (u *User) key() string {
	if u == nil {
		return ""
	}
	return u.ObjectID
}

// Tenant returns the user's tenant.
func (u *User) Tenant() *Tenant { return u.tenant }

// State returns what keeps the user from signing in.
func (u *User) State() UserState {
	u.tenant.dir.mu.Lock()
	defer u.tenant.dir.mu.Unlock()
	return u.state
}

// Change changes the state. The function must not call back.
func (u *User) Change(f func(*UserState)) {
	u.tenant.dir.mu.Lock()
	defer u.tenant.dir.mu.Unlock()
	f(&u.state)
}

// CheckState returns what is wrong with a state.
func (st UserState) CheckState() error {
	if st.AADSTS != 0 && !conditions[st.AADSTS] {
		return fmt.Errorf("no conditional access policy refuses with AADSTS%d", st.AADSTS)
	}
	if st.SignInFrequency < 0 {
		return fmt.Errorf("a negative SignInFrequency, %v", st.SignInFrequency)
	}
	return nil
}

// conditions are the refusals of conditional access policies that keep a mail
// client out, whatever the user does in the browser.
// (https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-grant)
var conditions = map[int]bool{
	aadsts.Blocked: true, aadsts.DeviceNotCompliant: true, aadsts.DeviceNotJoined: true,
	aadsts.AppNotApproved: true, aadsts.DeviceNotManaged: true, aadsts.DeviceAuthentication: true,
}

// SetPassword changes the password.
func (u *User) SetPassword(password string) {
	now := u.tenant.dir.clock.Now()
	u.tenant.dir.mu.Lock()
	defer u.tenant.dir.mu.Unlock()
	u.password, u.changed = password, now
}

// RevokeSessions ends all refresh tokens.
func (u *User) RevokeSessions() {
	now := u.tenant.dir.clock.Now()
	u.tenant.dir.mu.Lock()
	defer u.tenant.dir.mu.Unlock()
	u.revoked = now
}

// Ended reports whether a sign-in has ended: by the sessions being revoked, or
// by a new password.
func (u *User) Ended(signIn time.Time) (revoked, changed bool) {
	u.tenant.dir.mu.Lock()
	defer u.tenant.dir.mu.Unlock()
	ended := func(at time.Time) bool { return !at.IsZero() && !at.Before(signIn) }
	return ended(u.revoked), ended(u.changed)
}

// CheckFrequency refuses a sign-in that is too long ago for the policy.
func (u *User) CheckFrequency(signIn time.Time) *aadsts.Refusal {
	every := u.State().SignInFrequency
	if every == 0 || u.tenant.dir.clock.Now().Sub(signIn) < every {
		return nil
	}
	return aadsts.Refuse(aadsts.SignInFrequency, "issued", aadsts.Time(signIn), "seconds", strconv.Itoa(int(every/time.Second)))
}

// Check says what keeps a user from a token, whatever the proof.
func (u *User) Check(mfa bool) *aadsts.Refusal {
	blocked := u.tenant.State().Blocked
	switch st := u.State(); {
	case st.Disabled:
		return aadsts.Refuse(aadsts.UserDisabled)
	case st.Locked:
		return aadsts.Refuse(aadsts.UserLocked)
	case blocked:
		return aadsts.Refuse(aadsts.BlockedTenant)
	case st.Blocked:
		return aadsts.Refuse(aadsts.Blocked)
	case st.AADSTS != 0:
		return aadsts.Refuse(st.AADSTS)
	case st.NoMFA && !mfa:
		return aadsts.Refuse(aadsts.MFAEnrolment)
	case st.RequireMFA && !mfa:
		return aadsts.Refuse(aadsts.MFA)
	}
	return nil
}

// CheckPassword checks a password, and then what else keeps the user from
// signing in with it.
func (u *User) CheckPassword(password string, mfa bool) *aadsts.Refusal {
	u.tenant.dir.mu.Lock()
	st, right := u.state, u.password
	u.tenant.dir.mu.Unlock()
	if st.Disabled || st.Locked {
		return u.Check(mfa)
	}
	switch {
	case password == "" || st.NoPassword:
		return aadsts.Refuse(aadsts.NoPassword)
	case st.OnPremises && st.AgentDown:
		return aadsts.Refuse(aadsts.AgentTimeout)
	case password != right || st.Federated:
		return aadsts.Refuse(aadsts.WrongPassword)
	case st.PasswordExpired && st.OnPremises:
		return aadsts.Refuse(aadsts.OnPremExpired)
	case st.PasswordExpired:
		return aadsts.Refuse(aadsts.PasswordExpired)
	}
	return u.Check(mfa)
}

// CheckSignIn is CheckPassword for the sign-in page. A user who signs in
// elsewhere, or without a password, goes on from there and comes back.
func (u *User) CheckSignIn(password string) *aadsts.Refusal {
	if st := u.State(); st.Federated || st.NoPassword {
		return u.Check(true)
	}
	return u.CheckPassword(password, true)
}
