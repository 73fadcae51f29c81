package exchangetest

import (
	"strconv"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
)

// A GrantControl is what a conditional access policy demands before it grants
// access. (https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-grant)
type GrantControl int

// The grant controls that keep a mail client out, whatever the user does in
// the browser.
const (
	_                           GrantControl = iota
	RequireCompliantDevice                   // AADSTS53000
	RequireHybridJoinedDevice                // AADSTS53001
	RequireApprovedClientApp                 // AADSTS53002
	RequireManagedDevice                     // AADSTS530003
	RequireDeviceAuthentication              // AADSTS50097
)

var controls = map[GrantControl]int{
	RequireCompliantDevice:      aadsts.DeviceNotCompliant,
	RequireHybridJoinedDevice:   aadsts.DeviceNotJoined,
	RequireApprovedClientApp:    aadsts.AppNotApproved,
	RequireManagedDevice:        aadsts.DeviceNotManaged,
	RequireDeviceAuthentication: aadsts.DeviceAuthentication,
}

// SetSecurityDefaults switches the security defaults on or off, in which a
// password alone is no way to sign in (AADSTS530035 for grant_type=password).
// They are off at first.
// (https://learn.microsoft.com/entra/fundamentals/security-defaults)
func (t *Tenant) SetSecurityDefaults(on bool) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	t.securityDefaults = on
}

func (t *Tenant) allowsPassword() bool {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	return !t.securityDefaults
}

// checkFrequency refuses a refresh token whose sign-in is too long ago for the
// policy.
func (st UserState) checkFrequency(signIn, now time.Time) *aadsts.Refusal {
	if st.SignInFrequency == 0 || now.Sub(signIn) < st.SignInFrequency {
		return nil
	}
	seconds := int(st.SignInFrequency / time.Second)
	return aadsts.Refuse(aadsts.SignInFrequency, "issued", aadsts.Time(signIn), "seconds", strconv.Itoa(seconds))
}
