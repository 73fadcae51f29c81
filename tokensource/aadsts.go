package tokensource

import (
	"errors"
	"slices"
)

// The numbers of Entra ID's errors that decide something here. Microsoft asks
// to decide by "error" and "suberror", and where those tell enough, they do.
// (https://learn.microsoft.com/entra/identity-platform/reference-error-codes)

// passing are those of failures that pass by themselves.
var passing = []int{50033, 50087, 50196, 70012, 80002, 90006, 90012, 90024, 90033, 90055, 90090}

const (
	loopDetected     = 50196
	assertionOutside = 700024 // of its time range, by Entra ID's clock
)

// badCredential are those of errors about the secret, certificate or assertion
// itself: another one may be accepted. 1000502, a certificate
// that has expired, 7000214 and 7000277, one that was revoked, and 7000274, a
// wrong signature, are not in Microsoft's list, but in its own
// https://github.com/AzureAD/microsoft-identity-web, which loads the certificate
// anew.
var badCredential = []int{
	50012, 50013, 50027, 50048, 70002, 70021, 700021, 700023, 700024, 700027, 700030,
	700211, 700212, 700213, 1000502, 7000214, 7000215, 7000222, 7000274, 7000277, 7002137, 7002138,
}

// The error code does not tell whether the user can mend it by signing in:
// invalid_grant is said of a password to be changed and of a code redeemed
// twice.
var (
	mendedByUser = []int{
		16000, 50020, 50034, 50053, 50055, 50056, 50058, 50072, 50074, 50076, 50078, 50079, 50085, 50089, 50097,
		50126, 50132, 50133, 50140, 50144, 50158, 50173, 50199, 53000, 53001, 53004, 53010, 53011, 530003,
		65001, 65004, 70000, 70008, 70018, 70019, 70020, 70043, 700082, 700084,
	}
	mendedByOthers = []int{
		50013, 500131, 500133, 50057, 50105, 50147, 50148, 50149, 501481, 501491, 53002, 53003, 530032, 530034, 530035,
		50196, 54005, 650052, 650056, 650057, 650059, 700005, 7000114, 9002325, 9002326, 9002327, 90072, 90094, 90095, 135011,
	}
)

// interactive reports whether the user has to act. A suberror that says
// otherwise is believed first, then the numbers, then the code.
func (e *Error) interactive() bool {
	if slices.Contains([]string{"message_only", "client_mismatch", "protection_policy_required"}, e.Suberror) {
		return false
	}
	for _, code := range e.AADSTS {
		switch {
		case slices.Contains(mendedByUser, code):
			return true
		case slices.Contains(mendedByOthers, code):
			return false
		}
	}
	return slices.Contains([]string{"interaction_required", "login_required", "consent_required", "invalid_grant"}, e.Code)
}

// ended are those of refusals of a refresh token itself, which no later request
// takes back. A user who has to consent or to pass MFA still has a good one.
var ended = []int{50089, 50132, 50133, 50173, 70000, 70008, 70043, 700082, 700084}

// grantEnded reports whether a refresh token is of no use to anybody any more.
func (e *Error) grantEnded() bool {
	switch {
	case !e.interactive():
		return false
	case e.Suberror == "bad_token", e.Suberror == "token_expired":
		return true
	case len(e.AADSTS) == 0:
		return e.Code == "invalid_grant"
	}
	return slices.ContainsFunc(e.AADSTS, func(code int) bool { return slices.Contains(ended, code) })
}

// credentialBad reports whether another credential may succeed.
func (e *Error) credentialBad() bool {
	if _, ok := errors.AsType[*credentialError](e.Err); ok {
		return true
	}
	switch {
	case len(e.AADSTS) == 0:
		return e.Code == "invalid_client"
	case e.Code == "invalid_scope", e.Code == "invalid_grant":
		// 700023 is said of a scope, too, and 50013 of an assertion about a user.
		return false
	}
	return slices.ContainsFunc(e.AADSTS, func(code int) bool { return slices.Contains(badCredential, code) })
}

// remedies are what to do. Microsoft's own descriptions explain the rest well
// enough.
var remedies = map[int]string{
	50012:   "check the certificate against those of the app registration, and this machine's clock",
	50034:   "check the user name, and that the user is of this Tenant",
	50053:   "the account is locked: do not try again, which prolongs it, but wait or have it unlocked",
	50057:   "the user is disabled: an administrator has to enable the account",
	50059:   "set Tenant to the directory (tenant) id",
	50076:   "MFA is demanded: let the user sign in in a browser, or exempt the application in Conditional Access",
	50079:   "the user has to set up MFA: sign in in a browser",
	50105:   "an administrator has to assign the user to the application",
	50126:   "check user name and password; each wrong one brings the account closer to being locked",
	50173:   "the grant was revoked, as by a new password: the user has to sign in again",
	50196:   "the same request is made again and again: keep one Source and share it; the block lifts after some minutes",
	500011:  "check the resource in Scopes, and that the tenant has Exchange Online in this Cloud",
	53003:   "Conditional Access forbids it: an administrator has to exempt the application, its address or this way to sign in",
	530035:  "security defaults forbid it: use another flow than the password",
	54005:   "the code was redeemed before: start the sign-in anew",
	65001:   "consent is missing: the user or an administrator has to grant the permissions",
	70000:   "check that Scopes are those of Exchange, not of Graph, and sign in again",
	700016:  "check that ClientID is the application (client) id and that the application exists in this Tenant and Cloud",
	70011:   "leave Scopes nil, or use those of exoauth.Cloud",
	700024:  "check this machine's clock, and that the assertion is renewed",
	700025:  "the application is registered as a public client: leave Credential nil",
	700027:  "upload the certificate to the app registration, and check that it is this application's",
	70021:   remedyFederated,
	700082:  "the refresh token was not used for 90 days: the user has to sign in again",
	700084:  "register the redirect URI for mobile and desktop applications, not for a single-page application",
	700211:  remedyFederated,
	700213:  remedyFederated,
	7002137: remedyFederated,
	7002138: remedyFederated,
	7000215: "use the secret's Value, not its Secret ID, and check that it belongs to this application",
	7000218: "set Credential, or allow public client flows in the app registration",
	7000222: "the secret has expired: make a new one under Certificates & secrets",
	90002:   "check Tenant, and Cloud where the tenant is in a national cloud",
	900439:  "the tenant is in the US Government cloud: set Cloud",
	90094:   "an administrator has to consent to the permissions",
	9001023: "set Tenant to the directory (tenant) id or to organizations",
	1000502: "the certificate has expired or is not valid yet: make a new one and upload it to the app registration",
	1002012: "leave Scopes nil, or use one scope that ends in /.default",
}

const remedyFederated = "compare issuer, subject and audience of the federated credential with the assertion's, to the letter; a new one takes some minutes to be known"
