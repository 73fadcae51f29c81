package diagnose

const (
	docIMAPClient = "https://pkg.go.dev/github.com/exoauth/exoauth/imapdial"
	docSMTPClient = "https://pkg.go.dev/github.com/exoauth/exoauth/smtpdial"
	docSASLClient = "https://pkg.go.dev/github.com/exoauth/exoauth/xoauth2"
	docRefresh    = "https://learn.microsoft.com/entra/identity-platform/scopes-oidc#the-offline_access-scope"
	docIdentity   = "https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token"
)

// clientRules are about what client libraries say in a server's place.
var clientRules = []rule{
	{
		name: "reason-unreadable", seen: bracketedReason, confidence: Likely,
		cause:  `Exchange has refused, with its reason in brackets ([Error="…"]), which go-imap cannot read. The connection is of no use after it.`,
		remedy: "Dial with imapdial, whose error has the reason. Or set Options.DebugWriter of imapclient for a moment: it shows the reason, and the token.",
		who:    Developer,
		source: docIMAPClient,
	},
	{
		name: "starttls-port", seen: plainPort, when: []condition{byOthers, not(overHTTP)}, confidence: Likely,
		cause:  "TLS was begun on a port where the connection begins without it.",
		remedy: "On port 587 (SMTP) and 143 (IMAP), connect without TLS and call StartTLS. On 993 (IMAP) TLS comes first; for SMTP, Exchange has no such port. A proxy may be between, too.",
		who:    Developer, commands: defaultSMTP,
		source: docSMTPClient,
	},
	{
		name: "no-auth", seen: noAuthOffered, confidence: Likely,
		cause:  "The server offers no AUTH. Exchange offers it after STARTTLS only, and never on port 25 of a domain's own host (….mail.protection.outlook.com).",
		remedy: "Connect to smtp.office365.com:587 and call StartTLS before Auth, as smtpdial does.",
		who:    Developer, commands: defaultSMTP,
		source: docSMTPClient,
	},
	{
		name: "tls-name", seen: noServerName, confidence: Certain,
		cause:  "The TLS configuration does not say which host it is for.",
		remedy: "Set its ServerName to the host that is dialled: outlook.office365.com for IMAP, smtp.office365.com for SMTP. Do not skip the verification.",
		who:    Developer,
		source: "https://pkg.go.dev/crypto/tls#Client",
	},
	{
		name: "challenge", seen: oddChallenge, confidence: Likely,
		cause:  "The server has answered the token with a challenge, which is its reason for a refusal, and the mechanism in use does not read it.",
		remedy: "Use xoauth2.NewClient, or xoauth2.SMTPAuth for net/smtp, whose error has the reason.",
		who:    Developer,
		source: docSASLClient,
	},
	{
		name: "no-refresh-token", seen: noRefreshToken, confidence: Likely,
		cause:  "The access token has expired, and there is no refresh token: it was not kept, or the user signed in without the scope offline_access.",
		remedy: "Add offline_access to the scopes and have the user sign in again. Without a user, take the client credentials flow. tokensource does either by itself.",
		who:    Developer,
		source: docRefresh,
	},
	{
		name: "nobody-signed-in", seen: nobodySignedIn, confidence: Certain,
		cause:  "Nobody has signed in yet, or somebody has signed out; or the sign-in was made with other settings, so that its tokens are not found.",
		remedy: "Have the user sign in, by Exchange, DeviceCode, or AuthCode without a LoginHint. Cache, CacheKey, Cloud, Tenant, ClientID and Scopes must be the same there as in Resume, and a Credential must be set in both or in neither.",
		who:    Developer,
		source: "https://pkg.go.dev/github.com/exoauth/exoauth/tokensource#Config.Resume",
	},
	{
		name: "no-identity", seen: noIdentity, confidence: Likely,
		cause:  "This machine has no managed identity, or not the one that is asked for.",
		remedy: "Switch the identity on, or assign it, under \"Identity\" of the virtual machine or the app. One that was assigned has to be named: set its ClientID.",
		who:    Developer,
		source: docIdentity,
	},
	{
		name: "not-in-azure", seen: noIdentityHost, confidence: Likely,
		cause:  "There is no managed identity here: nothing answers at 169.254.169.254, where a virtual machine in Azure has its metadata service.",
		remedy: "Run the program in Azure. Elsewhere, use a certificate or a federated identity. A container may be kept from that address by its network.",
		who:    Developer,
		source: docIdentity,
	},
	{
		name: "dropped", seen: dropped, when: []condition{byOthers, ofIMAP}, confidence: Possible,
		cause:  "The server has ended the connection. go-imap does not tell what it said before, which is mostly that the token has expired during the session, or that there are too many connections.",
		remedy: "Dial with imapdial: its errors have the goodbye, and Keep dials again. Get a token from the source for each connection, not one for the whole run.",
		who:    Developer,
		source: docIMAPClient,
	},
	{
		name: "token-cut-off", seen: dropped, when: []condition{signingIn, overHTTP}, confidence: Possible,
		cause:  "The connection to the sign-in host broke off before the answer was complete.",
		remedy: "Try again. Where it always breaks off, let a proxy or virus scanner pass login.microsoftonline.com unopened.",
		who:    Developer,
		source: docEndpoints,
	},
	{
		name: "cut-off", seen: dropped, when: []condition{not(byOthers), not(beforeAuth), not(signingIn)}, confidence: Possible,
		cause:  "The connection has ended without a word of the server's.",
		remedy: "Try again. Where it always ends at this step, something on the way looks into the connection: let a firewall or virus scanner pass the mail hosts unopened.",
		who:    Developer,
		source: docEndpoints,
	},
}
