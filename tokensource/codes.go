package tokensource

import (
	"errors"
	"slices"
)

// A kind says what follows from a number of Entra ID's errors. Microsoft asks
// programs to decide by "error" and "suberror", and the numbers count only
// where those do not tell.
// (https://learn.microsoft.com/entra/identity-platform/reference-error-codes)
type kind int

const (
	passes     kind = 1 << iota // by itself
	credential                  // the secret, certificate or assertion is bad: another one may be accepted
	byUser                      // the user can mend it by signing in
	byOthers                    // somebody else has to mend it
	ends                        // the refresh token is of no use to anybody any more
)

const (
	loopDetected     = 50196
	assertionOutside = 700024 // of its time range, by Entra ID's clock
)

// A cause is what a number stands for. Its remedy is empty if Microsoft's own
// description says what to do.
type cause struct {
	kind   kind
	remedy string
}

// causes are the numbers that decide something here. 1000502, a certificate that
// has expired, 7000214 and 7000277, one that was revoked, and 7000274, a wrong
// signature, are not in Microsoft's list, but in its own
// https://github.com/AzureAD/microsoft-identity-web, which loads the certificate
// anew.
var causes = map[int]cause{
	16000:   {byUser, ""},
	50012:   {credential, "check the certificate against those of the app registration, and this machine's clock"},
	50013:   {credential | byOthers, ""},
	50020:   {byUser, ""},
	50027:   {credential, ""},
	50033:   {passes, ""},
	50034:   {byUser, "check the user name, and that the user is of this Tenant"},
	50048:   {credential, ""},
	50053:   {byUser, "the account is locked: do not try again, which prolongs it, but wait or have it unlocked"},
	50055:   {byUser, ""},
	50056:   {byUser, ""},
	50057:   {byOthers, "the user is disabled: an administrator has to enable the account"},
	50058:   {byUser, ""},
	50059:   {0, "set Tenant to the directory (tenant) id"},
	50072:   {byUser, ""},
	50074:   {byUser, ""},
	50076:   {byUser, "MFA is demanded: let the user sign in in a browser, or exempt the application in Conditional Access"},
	50078:   {byUser, ""},
	50079:   {byUser, "the user has to set up MFA: sign in in a browser"},
	50085:   {byUser, ""},
	50087:   {passes, ""},
	50089:   {byUser | ends, ""},
	50097:   {byUser, ""},
	50105:   {byOthers, "an administrator has to assign the user to the application"},
	50126:   {byUser, "check user name and password; each wrong one brings the account closer to being locked"},
	50132:   {byUser | ends, ""},
	50133:   {byUser | ends, ""},
	50140:   {byUser, ""},
	50144:   {byUser, ""},
	50147:   {byOthers, ""},
	50148:   {byOthers, ""},
	50149:   {byOthers, ""},
	50158:   {byUser, ""},
	50173:   {byUser | ends, "the grant was revoked, as by a new password: the user has to sign in again"},
	50196:   {passes | byOthers, "the same request is made again and again: keep one Source and share it; the block lifts after some minutes"},
	50199:   {byUser, ""},
	53000:   {byUser, ""},
	53001:   {byUser, ""},
	53002:   {byOthers, ""},
	53003:   {byOthers, "Conditional Access forbids it: an administrator has to exempt the application, its address or this way to sign in"},
	53004:   {byUser, ""},
	53010:   {byUser, ""},
	53011:   {byUser, ""},
	54005:   {byOthers, "the code was redeemed before: start the sign-in anew"},
	65001:   {byUser, "consent is missing: the user or an administrator has to grant the permissions"},
	65004:   {byUser, ""},
	70000:   {byUser | ends, "check that Scopes are those of Exchange, not of Graph, and sign in again"},
	70002:   {credential, ""},
	70008:   {byUser | ends, ""},
	70011:   {0, "leave Scopes nil, or use those of exoauth.Cloud"},
	70012:   {passes, ""},
	70018:   {byUser, ""},
	70019:   {byUser, ""},
	70020:   {byUser, ""},
	70021:   {credential, remedyFederated},
	70043:   {byUser | ends, ""},
	80002:   {passes, ""},
	90002:   {0, "check Tenant, and Cloud where the tenant is in a national cloud"},
	90006:   {passes, ""},
	90012:   {passes, ""},
	90024:   {passes, ""},
	90033:   {passes, ""},
	90055:   {passes, ""},
	90072:   {byOthers, ""},
	90090:   {passes, ""},
	90094:   {byOthers, "an administrator has to consent to the permissions"},
	90095:   {byOthers, ""},
	135011:  {byOthers, ""},
	500011:  {0, "check the resource in Scopes, and that the tenant has Exchange Online in this Cloud"},
	500131:  {byOthers, ""},
	500133:  {byOthers, ""},
	501481:  {byOthers, ""},
	501491:  {byOthers, ""},
	530003:  {byUser, ""},
	530032:  {byOthers, ""},
	530034:  {byOthers, ""},
	530035:  {byOthers, "security defaults forbid it: use another flow than the password"},
	650052:  {byOthers, ""},
	650056:  {byOthers, ""},
	650057:  {byOthers, ""},
	650059:  {byOthers, ""},
	700005:  {byOthers, ""},
	700016:  {0, "check that ClientID is the application (client) id and that the application exists in this Tenant and Cloud"},
	700021:  {credential, ""},
	700023:  {credential, ""},
	700024:  {credential, "check this machine's clock, and that the assertion is renewed"},
	700025:  {0, "the application is registered as a public client: leave Credential nil"},
	700027:  {credential, "upload the certificate to the app registration, and check that it is this application's"},
	700030:  {credential, ""},
	700082:  {byUser | ends, "the refresh token was not used for 90 days: the user has to sign in again"},
	700084:  {byUser | ends, "register the redirect URI for mobile and desktop applications, not for a single-page application"},
	700211:  {credential, remedyFederated},
	700212:  {credential, ""},
	700213:  {credential, remedyFederated},
	900439:  {0, "the tenant is in the US Government cloud: set Cloud"},
	1000502: {credential, "the certificate has expired or is not valid yet: make a new one and upload it to the app registration"},
	1002012: {0, "leave Scopes nil, or use one scope that ends in /.default"},
	7000114: {byOthers, ""},
	7000214: {credential, ""},
	7000215: {credential, "use the secret's Value, not its Secret ID, and check that it belongs to this application"},
	7000218: {0, "set Credential, or allow public client flows in the app registration"},
	7000222: {credential, "the secret has expired: make a new one under Certificates & secrets"},
	7000274: {credential, ""},
	7000277: {credential, ""},
	7002137: {credential, remedyFederated},
	7002138: {credential, remedyFederated},
	9001023: {0, "set Tenant to the directory (tenant) id or to organizations"},
	9002325: {byOthers, ""},
	9002326: {byOthers, ""},
	9002327: {byOthers, ""},
}

const remedyFederated = "compare issuer, subject and audience of the federated credential with the assertion's, to the letter; a new one takes some minutes to be known"

// has reports whether one of the numbers is of this kind.
func (e *Error) has(k kind) bool {
	return slices.ContainsFunc(e.AADSTS, func(n int) bool { return causes[n].kind&k != 0 })
}

// interactive reports whether the byUser has to act. A suberror that says
// otherwise is believed first, then the numbers, then the code: invalid_grant is
// said of a password to be changed and of a code redeemed twice.
func (e *Error) interactive() bool {
	switch e.Suberror {
	case "message_only", "client_mismatch", "protection_policy_required":
		return false
	}
	for _, n := range e.AADSTS {
		if k := causes[n].kind & (byUser | byOthers); k != 0 {
			return k&byUser != 0
		}
	}
	switch e.Code {
	case "interaction_required", "login_required", "consent_required", "invalid_grant":
		return true
	}
	return false
}

// grantEnded reports whether a refresh token is of no use to anybody any more. A
// byUser who has to consent or to pass MFA still has a good one.
func (e *Error) grantEnded() bool {
	switch {
	case !e.interactive():
		return false
	case e.Suberror == "bad_token", e.Suberror == "token_expired":
		return true
	case len(e.AADSTS) == 0:
		return e.Code == "invalid_grant"
	}
	return e.has(ends)
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
	return e.has(credential)
}
