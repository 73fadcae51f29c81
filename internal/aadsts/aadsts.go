// Package aadsts knows the numbers of Entra ID's errors that decide something.
package aadsts

// A Kind says what follows from a number of Entra ID's errors. Microsoft asks
// programs to decide by "error" and "suberror", and the numbers count only
// where those do not tell.
// (https://learn.microsoft.com/entra/identity-platform/reference-error-codes)
type Kind int

const (
	Passes     Kind = 1 << iota // by itself
	Credential                  // the secret, certificate or assertion is bad: another one may be accepted
	ByUser                      // the user can mend it by signing in
	ByOthers                    // somebody else has to mend it
	Ends                        // the refresh token is of no use to anybody any more
)

const (
	LoopDetected     = 50196
	AssertionOutside = 700024 // of its time range, by Entra ID's clock
)

// A Cause is what a number stands for. Its remedy is empty if Microsoft's own
// description says what to do.
type Cause struct {
	Kind   Kind
	Remedy string
}

// Causes are the numbers that decide something here. 1000502, a certificate that
// has expired, 7000214 and 7000277, one that was revoked, and 7000274, a wrong
// signature, are not in Microsoft's list, but in its own
// https://github.com/AzureAD/microsoft-identity-web, which loads the certificate
// anew. Nor is 700081, "The refresh token has expired due to maximum lifetime", of
// https://github.com/Foundry376/Mailspring/issues/1118, nor 7000229, "The client
// application … is missing service principal in the tenant …", of
// https://learn.microsoft.com/entra/identity-platform/retire-service-principal-less-authentication
var Causes = map[int]Cause{
	16000:   {ByUser, ""},
	50012:   {Credential, "check the certificate against those of the app registration, and this machine's clock"},
	50013:   {Credential | ByOthers, ""},
	50020:   {ByUser, ""},
	50027:   {Credential, ""},
	50033:   {Passes, ""},
	50034:   {ByUser, "check the user name, and that the user is of this Tenant"},
	50048:   {Credential, ""},
	50053:   {ByUser, "the account is locked: do not try again, which prolongs it, but wait or have it unlocked"},
	50055:   {ByUser, ""},
	50056:   {ByUser, ""},
	50057:   {ByOthers, "the user is disabled: an administrator has to enable the account"},
	50058:   {ByUser, ""},
	50059:   {0, "set Tenant to the directory (tenant) id"},
	50072:   {ByUser, ""},
	50074:   {ByUser, ""},
	50076:   {ByUser, "MFA is demanded: let the user sign in in a browser, or exempt the application in Conditional Access"},
	50078:   {ByUser, ""},
	50079:   {ByUser, "the user has to set up MFA: sign in in a browser"},
	50085:   {ByUser, ""},
	50087:   {Passes, ""},
	50089:   {ByUser | Ends, ""},
	50097:   {ByUser, ""},
	50105:   {ByOthers, "an administrator has to assign the user to the application"},
	50126:   {ByUser, "check user name and password; each wrong one brings the account closer to being locked"},
	50132:   {ByUser | Ends, ""},
	50133:   {ByUser | Ends, ""},
	50140:   {ByUser, ""},
	50144:   {ByUser, ""},
	50147:   {ByOthers, ""},
	50148:   {ByOthers, ""},
	50149:   {ByOthers, ""},
	50158:   {ByUser, ""},
	50173:   {ByUser | Ends, "the grant was revoked, as by a new password: the user has to sign in again"},
	50196:   {Passes | ByOthers, "the same request is made again and again: keep one Source and share it; the block lifts after some minutes"},
	50199:   {ByUser, ""},
	53000:   {ByUser, ""},
	53001:   {ByUser, ""},
	53002:   {ByOthers, ""},
	53003:   {ByOthers, "Conditional Access forbids it: an administrator has to exempt the application, its address or this way to sign in"},
	53004:   {ByUser, ""},
	53010:   {ByUser, ""},
	53011:   {ByUser, ""},
	54005:   {ByOthers, "the code was redeemed before: start the sign-in anew"},
	65001:   {ByUser, "consent is missing: the user or an administrator has to grant the permissions"},
	65004:   {ByUser, ""},
	70000:   {ByUser | Ends, "check that Scopes are those of Exchange, not of Graph, and sign in again"},
	70002:   {Credential, ""},
	70008:   {ByUser | Ends, ""},
	70011:   {0, "leave Scopes nil, or use those of exoauth.Cloud"},
	70012:   {Passes, ""},
	70018:   {ByUser, ""},
	70019:   {ByUser, ""},
	70020:   {ByUser, ""},
	70021:   {Credential, remedyFederated},
	70043:   {ByUser | Ends, ""},
	80002:   {Passes, ""},
	90002:   {0, "check Tenant, and Cloud where the tenant is in a national cloud"},
	90006:   {Passes, ""},
	90012:   {Passes, ""},
	90024:   {Passes, ""},
	90033:   {Passes, ""},
	90055:   {Passes, ""},
	90072:   {ByOthers, ""},
	90090:   {Passes, ""},
	90094:   {ByOthers, "an administrator has to consent to the permissions"},
	90095:   {ByOthers, ""},
	135011:  {ByOthers, ""},
	500011:  {0, "check the resource in Scopes, and that the tenant has Exchange Online in this Cloud"},
	500131:  {ByOthers, ""},
	500133:  {ByOthers, ""},
	501481:  {ByOthers, ""},
	501491:  {ByOthers, ""},
	530003:  {ByUser, ""},
	530032:  {ByOthers, ""},
	530034:  {ByOthers, ""},
	530035:  {ByOthers, "security defaults forbid it: use another flow than the password"},
	650052:  {ByOthers, ""},
	650056:  {ByOthers, ""},
	650057:  {ByOthers, ""},
	650059:  {ByOthers, ""},
	700005:  {ByOthers, ""},
	700016:  {0, "check that ClientID is the application (client) id and that the application exists in this Tenant and Cloud"},
	700021:  {Credential, ""},
	700023:  {Credential, ""},
	700024:  {Credential, "check this machine's clock, and that the assertion is renewed"},
	700025:  {0, "the application is registered as a public client: leave Credential nil"},
	700027:  {Credential, "upload the certificate to the app registration, and check that it is this application's"},
	700030:  {Credential, ""},
	700081:  {ByUser | Ends, "the refresh token has reached its maximum lifetime: the user has to sign in again; for a single-page application it is a day, so register the redirect URI for mobile and desktop applications"},
	700082:  {ByUser | Ends, "the refresh token was not used for 90 days: the user has to sign in again"},
	700084:  {ByUser | Ends, "register the redirect URI for mobile and desktop applications, not for a single-page application"},
	700211:  {Credential, remedyFederated},
	700212:  {Credential, ""},
	700213:  {Credential, remedyFederated},
	900439:  {0, "the tenant is in the US Government cloud: set Cloud"},
	1000502: {Credential, "the certificate has expired or is not valid yet: make a new one and upload it to the app registration"},
	1002012: {0, "leave Scopes nil, or use one scope that ends in /.default"},
	7000114: {ByOthers, ""},
	7000214: {Credential, ""},
	7000215: {Credential, "use the secret's Value, not its Secret ID, and check that it belongs to this application"},
	7000218: {0, "set Credential, or allow public client flows in the app registration"},
	7000222: {Credential, "the secret has expired: make a new one under Certificates & secrets"},
	7000229: {ByOthers, "an administrator of Tenant has to consent to the application, which makes its service principal there"},
	7000274: {Credential, ""},
	7000277: {Credential, ""},
	7002137: {Credential, remedyFederated},
	7002138: {Credential, remedyFederated},
	9001023: {0, "set Tenant to the directory (tenant) id or to organizations"},
	9002325: {ByOthers, ""},
	9002326: {ByOthers, ""},
	9002327: {ByOthers, ""},
}

const remedyFederated = "compare issuer, subject and audience of the federated credential with the assertion's, to the letter; a new one takes some minutes to be known"
