package exchangetest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What keeps a user from a token, by the flow of the password and by a refresh
// token from before.
func TestUserStates(t *testing.T) {
	for _, row := range []struct {
		name              string
		state             UserState
		password, refresh string
	}{
		{"nothing", UserState{}, "", ""},
		{"compliant device", UserState{AADSTS: 53000}, "interaction_required [53000]", "interaction_required [53000]"},
		{"joined device", UserState{AADSTS: 53001}, "interaction_required [53001]", "interaction_required [53001]"},
		{"approved application", UserState{AADSTS: 53002}, "interaction_required [53002]", "interaction_required [53002]"},
		{"managed device", UserState{AADSTS: 530003}, "interaction_required [530003]", "interaction_required [530003]"},
		{"known device", UserState{AADSTS: 50097}, "interaction_required [50097]", "interaction_required [50097]"},
		{"blocked before a control", UserState{Blocked: true, AADSTS: 53000}, "invalid_grant [53003] message_only", "invalid_grant [53003] message_only"},
		{"no password", UserState{NoPassword: true}, "invalid_grant [50056]", ""},
		{"password on premises", UserState{OnPremises: true}, "", ""},
		{"password on premises, expired", UserState{OnPremises: true, PasswordExpired: true}, "invalid_grant [50144]", ""},
		{"agent on premises down", UserState{OnPremises: true, AgentDown: true}, "invalid_request [80002]", ""},
		{"agent without premises", UserState{AgentDown: true}, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := newPeople(t)
			p.app.Consent(nil, IMAPAccessAsUser, SMTPSend)
			first, problem := p.redeem(t, "contoso.com", p.passwordForm()...)
			if problem != "" {
				t.Fatal(problem)
			}
			p.user.SetState(row.state)
			if _, got := p.redeem(t, "contoso.com", p.passwordForm()...); got != row.password {
				t.Errorf("password: %q, want %q", got, row.password)
			}
			if _, got := p.redeem(t, "contoso.com", "grant_type", "refresh_token", "refresh_token", first.RefreshToken); got != row.refresh {
				t.Errorf("refresh token: %q, want %q", got, row.refresh)
			}
		})
	}
}

// What the sign-in page makes of the same: who has no password here signs in
// without, and what a policy forbids stays forbidden.
func TestUserStatesOnThePage(t *testing.T) {
	for _, row := range []struct {
		name  string
		state UserState
		want  string
	}{
		{"wrong password", UserState{}, "AADSTS50126"},
		{"no password", UserState{NoPassword: true}, "code="},
		{"federated", UserState{Federated: true}, "code="},
		{"federated and disabled", UserState{Federated: true, Disabled: true}, "AADSTS50057"},
		{"federated, on a device that is not compliant", UserState{Federated: true, AADSTS: 53000}, "AADSTS53000"},
		{"on premises", UserState{OnPremises: true}, "AADSTS50126"},
		{"agent on premises down", UserState{OnPremises: true, AgentDown: true}, "AADSTS80002"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := newPeople(t)
			p.user.SetState(row.state)
			b := p.Browser(p.user)
			b.Password = "not it"
			values, err := b.Authorize(t.Context(), p.authorizeURL("contoso.com"))
			if got := values.Encode() + fmt.Sprint(err); !strings.Contains(got, row.want) {
				t.Errorf("%s, want %s", got, row.want)
			}
		})
	}
}

// A policy counts from the sign-in, which refresh tokens carry on.
func TestSignInFrequency(t *testing.T) {
	p := newPeople(t)
	p.app.Consent(nil, IMAPAccessAsUser, SMTPSend)
	p.user.SetState(UserState{SignInFrequency: 12 * time.Hour})
	got, problem := p.redeem(t, "contoso.com", p.passwordForm()...)
	for _, row := range []struct {
		name    string
		advance time.Duration
		want    string
	}{
		{"a second before", 12*time.Hour - time.Second, ""},
		{"the descendant of the token, at the time", time.Second, "invalid_grant [70043]"},
	} {
		if problem != "" {
			t.Fatal(problem)
		}
		p.Advance(row.advance)
		got, problem = p.redeem(t, "contoso.com", "grant_type", "refresh_token", "refresh_token", got.RefreshToken)
		if problem != row.want {
			t.Errorf("%s: %q", row.name, problem)
		}
	}
	if _, problem := p.redeem(t, "contoso.com", p.passwordForm()...); problem != "" {
		t.Error("a new sign-in:", problem)
	}
}

func TestSecurityDefaults(t *testing.T) {
	p := newPeople(t)
	p.app.Consent(nil, IMAPAccessAsUser, SMTPSend)
	p.do("Update-MgPolicyIdentitySecurityDefaultEnforcementPolicy -IsEnabled")
	if _, got := p.redeem(t, "contoso.com", p.passwordForm()...); got != "invalid_grant [530035] message_only" {
		t.Error(got)
	}
	if values, err := p.Browser(p.user).Authorize(t.Context(), p.authorizeURL("contoso.com")); values.Get("code") == "" {
		t.Error("a browser:", err)
	}
	p.do("Update-MgPolicyIdentitySecurityDefaultEnforcementPolicy -IsEnabled:$false")
	if _, got := p.redeem(t, "contoso.com", p.passwordForm()...); got != "" {
		t.Error("off again:", got)
	}
}
