package tokensource_test

import (
	"context"
	"testing"
	"time"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokensource"
)

// The ways of users to a token, as rows name them.
type userFlow func(*entra, *testing.T) *tokensource.Source

func byPassword(e *entra, _ *testing.T) *tokensource.Source { return e.password() }
func byBrowser(e *entra, _ *testing.T) *tokensource.Source  { return e.authCode() }
func onBehalf(e *entra, _ *testing.T) *tokensource.Source   { return e.onBehalfOf() }
func nothing(*entra)                                        {}

func state(s exchangetest.UserState) func(*entra) { return func(e *entra) { e.user.SetState(s) } }

// The states of a user, of the policies and of the application that Entra ID
// refuses a user's token for.
func TestStatesOfUsers(t *testing.T) {
	for _, row := range []struct {
		name   string
		code   int
		flow   userFlow
		change func(*entra) // once the flow is made
	}{
		{"wrong password", 50126, byPassword, func(e *entra) {
			do(e.Tenant(), "Update-MgUser -UserId "+e.user.UPN+" -PasswordProfile @{ Password = 'another' }")
		}},
		{"federated", 50126, byPassword, state(exchangetest.UserState{Federated: true})},
		{"no password", 50056, byPassword, state(exchangetest.UserState{NoPassword: true})},
		{"password expired", 50055, byPassword, state(exchangetest.UserState{PasswordExpired: true})},
		{"password on premises, expired", 50144, byPassword, state(exchangetest.UserState{PasswordExpired: true, OnPremises: true})},
		{"locked", 50053, byPassword, state(exchangetest.UserState{Locked: true})},
		{"disabled", 50057, byPassword, state(exchangetest.UserState{Disabled: true})},
		{"disabled since", 50057, (*entra).refreshed, state(exchangetest.UserState{Disabled: true})},
		{"unknown user", 50034, func(e *entra, _ *testing.T) *tokensource.Source { return e.config.Password("bert@contoso.com", "x") }, nothing},
		{"user of another tenant", 50020, func(e *entra, _ *testing.T) *tokensource.Source { return e.config.Password("example@outlook.com", "x") }, nothing},

		{"MFA", 50076, byPassword, state(exchangetest.UserState{RequireMFA: true})},
		{"MFA, none registered", 50079, byPassword, state(exchangetest.UserState{NoMFA: true})},
		{"security defaults", 530035, byPassword, func(e *entra) { do(e.Tenant(), "Update-MgPolicyIdentitySecurityDefaultEnforcementPolicy -IsEnabled") }},
		{"Conditional Access", 53003, byPassword, state(exchangetest.UserState{Blocked: true})},
		{"on behalf of, Conditional Access", 53003, onBehalf, state(exchangetest.UserState{Blocked: true})},
		{"compliant device", 53000, (*entra).refreshed, state(exchangetest.UserState{AADSTS: 53000})},
		{"joined device", 53001, (*entra).refreshed, state(exchangetest.UserState{AADSTS: 53001})},
		{"approved application", 53002, (*entra).refreshed, state(exchangetest.UserState{AADSTS: 53002})},
		{"managed device", 530003, (*entra).refreshed, state(exchangetest.UserState{AADSTS: 530003})},
		{"known device", 50097, (*entra).refreshed, state(exchangetest.UserState{AADSTS: 50097})},
		{"sign-in frequency", 70043, (*entra).refreshed, func(e *entra) {
			e.user.SetState(exchangetest.UserState{SignInFrequency: time.Hour})
			e.Advance(time.Hour)
		}},

		{"sessions revoked", 50173, (*entra).refreshed, func(e *entra) { do(e.Tenant(), "Revoke-MgUserSignInSession -UserId "+e.user.UPN) }},
		{"password changed", 50173, (*entra).refreshed, func(e *entra) {
			do(e.Tenant(), "Update-MgUser -UserId "+e.user.UPN+" -PasswordProfile @{ Password = 'another' }")
		}},
		{"90 days without use", 700082, (*entra).refreshed, func(e *entra) { e.Advance(90 * 24 * time.Hour) }},
		{"refresh token that is none", 70000, func(e *entra, _ *testing.T) *tokensource.Source { return e.config.RefreshToken("0.AXXX") }, nothing},

		{"no consent", 65001, byPassword, func(e *entra) { e.app.RevokeConsent() }},
		{"on behalf of, no consent", 65001, onBehalf, func(e *entra) { e.app.RevokeConsent() }},
		{"not assigned", 50105, (*entra).refreshed, func(e *entra) {
			do(e.Tenant(), "Update-MgServicePrincipal -ServicePrincipalId "+e.app.ServicePrincipalID+" -AppRoleAssignmentRequired")
		}},
		{"application switched off", 7000112, byPassword, func(e *entra) {
			do(e.Tenant(), "Update-MgServicePrincipal -ServicePrincipalId "+e.app.ServicePrincipalID+" -AccountEnabled:$false")
		}},
		{"no public flows", 7000218, byPassword, func(e *entra) { e.app.SetPublicFlows(false) }},
		{"web platform without a credential", 7000218, byBrowser, func(e *entra) { e.app.AddRedirectURI(exchangetest.Web, "http://localhost") }},
		{"single-page platform", 9002327, byBrowser, func(e *entra) { e.app.AddRedirectURI(exchangetest.SPA, "http://localhost") }},
		{"public client with a secret", 700025, func(e *entra, t *testing.T) *tokensource.Source {
			token := e.refreshToken(t)
			e.config.Credential = tokensource.Secret(e.app.Secret)
			return e.config.RefreshToken(token)
		}, nothing},
		{"application of one tenant", 50194, func(e *entra, t *testing.T) *tokensource.Source {
			e.config.Tenant = "organizations"
			return e.refreshed(t)
		}, func(e *entra) {
			do(e.Tenant(), "Update-MgApplication -ApplicationId "+e.app.ObjectID+" -SignInAudience AzureADMyOrg")
		}},
		{"application of one tenant, device code", 50059, func(e *entra, t *testing.T) *tokensource.Source {
			e.config.Tenant = "organizations"
			return e.config.DeviceCode(func(context.Context, tokensource.DeviceCode) error { return nil })
		}, func(e *entra) {
			do(e.Tenant(), "Update-MgApplication -ApplicationId "+e.app.ObjectID+" -SignInAudience AzureADMyOrg")
		}},
		{"personal accounts", 9002332, func(e *entra, _ *testing.T) *tokensource.Source {
			e.config.Tenant = "consumers"
			return e.config.RefreshToken("M.C500")
		}, nothing},
		{"tenant in China", 90038, (*entra).refreshed, func(e *entra) { e.Tenant().SetCloud(exoauth.China) }},
		{"blocked tenant", 5000224, (*entra).refreshed, func(e *entra) { e.Tenant().SetBlocked(true) }},

		{"on behalf of, expired by the clock of Entra ID", 500133, func(e *entra, _ *testing.T) *tokensource.Source {
			return e.onBehalfOfToken(exchangetest.TokenOptions{User: e.user, Audience: "api://" + e.app.ClientID})
		}, func(e *entra) { e.Advance(2 * time.Hour) }},
		{"on behalf of, a token for Exchange", 500131, func(e *entra, _ *testing.T) *tokensource.Source {
			return e.onBehalfOfToken(exchangetest.TokenOptions{User: e.user})
		}, nothing},
		{"on behalf of nobody", 7000114, func(e *entra, _ *testing.T) *tokensource.Source {
			return e.onBehalfOfToken(exchangetest.TokenOptions{Audience: "api://" + e.app.ClientID})
		}, nothing},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := newEntra(t)
			source := row.flow(e, t)
			row.change(e)
			checkCause(t, e.Server, source, row.code, e.user.Password, e.app.Secret)
		})
	}
}

func (e *entra) onBehalfOfToken(o exchangetest.TokenOptions) *tokensource.Source {
	config := e.config
	config.Credential = tokensource.Secret(e.app.Secret)
	return config.OnBehalfOf(e.app.Token(&o))
}

// do has an administrator of the tenant run a script.
func do(tenant *exchangetest.Tenant, script string) {
	if _, err := tenant.Admin(script); err != nil {
		panic(err)
	}
}
