package exchangetest

import "github.com/exoauth/exoauth/exchangetest/internal/aadsts"

// checkUser says what keeps a user from a token, whatever the proof.
func (u *User) checkUser(mfa bool) *aadsts.Refusal {
	u.tenant.dir.mu.Lock()
	defer u.tenant.dir.mu.Unlock()
	switch st := u.state; {
	case st.Disabled:
		return aadsts.Refuse(aadsts.UserDisabled)
	case st.Locked:
		return aadsts.Refuse(aadsts.UserLocked)
	case u.tenant.blocked:
		return aadsts.Refuse(aadsts.BlockedTenant)
	case st.Blocked:
		return aadsts.Refuse(aadsts.Blocked)
	case st.Control != 0:
		return aadsts.Refuse(controls[st.Control])
	case st.NoMFA && !mfa:
		return aadsts.Refuse(aadsts.MFAEnrolment)
	case st.RequireMFA && !mfa:
		return aadsts.Refuse(aadsts.MFA)
	}
	return nil
}

// checkPassword checks a password, and then what else keeps the user from
// signing in with it.
func (u *User) checkPassword(password string, mfa bool) *aadsts.Refusal {
	u.tenant.dir.mu.Lock()
	st, right := u.state, u.password
	u.tenant.dir.mu.Unlock()
	if st.Disabled || st.Locked {
		return u.checkUser(mfa)
	}
	if refusal := st.checkPassword(password, right); refusal != nil {
		return refusal
	}
	return u.checkUser(mfa)
}

// checkSignIn is checkPassword for the sign-in page, from which who signs in
// elsewhere, or without a password, goes on and comes back.
func (u *User) checkSignIn(password string) *aadsts.Refusal {
	u.tenant.dir.mu.Lock()
	elsewhere := u.state.Federated || u.state.NoPassword
	u.tenant.dir.mu.Unlock()
	if elsewhere {
		return u.checkUser(true)
	}
	return u.checkPassword(password, true)
}

func (st UserState) checkPassword(password, right string) *aadsts.Refusal {
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
	return nil
}

// password is the flow that hands the password over.
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth-ropc)
func (s *Server) password(r *tokenRequest) (*grant, *aadsts.Refusal) {
	for _, name := range []string{"username", "password", "scope"} {
		if r.PostForm.Get(name) == "" {
			return nil, aadsts.Refuse(aadsts.MissingParameter, "name", name)
		}
	}
	w, refusal := parseScope(r.PostForm.Get("scope"))
	if refusal != nil {
		return nil, refusal
	}
	public, refusal := r.publicOrCredential()
	if refusal != nil {
		return nil, refusal
	}
	u, refusal := s.dir.findUser(r.tenant, r.PostForm.Get("username"))
	if refusal != nil {
		return nil, refusal
	}
	if !u.tenant.allowsPassword() {
		return nil, aadsts.Refuse(aadsts.SecurityDefaults)
	}
	if refusal = u.checkPassword(r.PostForm.Get("password"), false); refusal != nil {
		return nil, refusal
	}
	app, refusal := s.dir.findApp(u.tenant, r.app.ClientID)
	if refusal != nil {
		return nil, refusal
	}
	g, refusal := app.permit(u, w)
	if g != nil {
		g.session = signInFacts{password: true, public: public, scope: r.PostForm.Get("scope")}
	}
	return g, refusal
}
