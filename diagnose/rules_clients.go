package diagnose

const (
	docIMAPClient = "https://pkg.go.dev/github.com/exoauth/exoauth/imapdial"
	docSMTPClient = "https://pkg.go.dev/github.com/exoauth/exoauth/smtpdial"
	docSASLClient = "https://pkg.go.dev/github.com/exoauth/exoauth/xoauth2"
	docRefresh    = "https://learn.microsoft.com/entra/identity-platform/scopes-oidc#the-offline_access-scope"
	docIdentity   = "https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token"
)

// mechanismless is what clients say that cannot do XOAUTH2.
var mechanismless = []string{
	"no supported authentication mechanisms available", "no known authentication mechanisms", "unknown auth type", "support auth or the specified sasl",
	"no mechanism available", "no worthy mechs found", "supported by both server and client", "no compatible authentication mechanism", "no authentication mechanism", "unable to find a callback",
	"authentication mechanism*not supported", "unknown authentication method", "unsupported authentication mechanism", "xoauth2 is not supported", "no suitable authentication method", "compatible auth", "oauth*is not configured for this provider", "oauth*not supported for this provider",
}

// clientRules are about what client libraries say in a server's place.
var clientRules = []rule{
	{
		name: "client-without-xoauth2", says: mechanismless, confidence: Likely,
		cause:  "The client sent no login, because it has no mechanism in common with the server: it cannot do XOAUTH2, or is not told to.",
		remedy: "Take a version that can, switch XOAUTH2 on in its settings, or install the SASL plugin for it. A program in Go takes imapdial or smtpdial. Over POP the token has to go in a line of its own.",
		who:    Developer,
		source: docSASLClient,
		try:    "No supported authentication mechanisms available", miss: "No supported image formats available",
	},
	{
		name: "reason-unreadable", says: []string{"imapwire: expected ']', got \"\\\"\"", "imapwire: expected ']', got \"\"\""}, confidence: Likely,
		cause:  `Exchange has refused, with its reason in brackets ([Error="…"]), which go-imap cannot read. The connection is of no use after it.`,
		remedy: "Dial with imapdial, whose error has the reason. Or set Options.DebugWriter of imapclient for a moment: it shows the reason, and the token.",
		who:    Developer,
		source: docIMAPClient,
		try:    `in response: imapwire: expected ']', got "\""`, miss: `in response: imapwire: expected ')', got "x"`,
	},
	{
		name: "starttls-port", seen: notTLS, when: []condition{byOthers, not(overHTTP), not(says("unexpected eof"))}, confidence: Likely,
		cause:  "TLS was begun on a port where the connection begins without it.",
		remedy: "On port 587 (SMTP) and 143 (IMAP), connect without TLS and call StartTLS: secure: false in nodemailer, SecureSocketOptions.StartTls in MailKit. On 993 (IMAP) TLS comes first; for SMTP, Exchange has no such port. A proxy may be between, too.",
		who:    Developer, commands: defaultSMTP,
		source: docSMTPClient,
		try:    "tls: first record does not look like a TLS handshake", miss: "tls: handshake failure",
	},
	{
		name: "no-auth", says: []string{"smtp: server doesn't support auth", "auth extension not supported", "server does not support authentication", "server does not support smtp-auth"}, when: []condition{not(says("authoritative"))}, confidence: Likely,
		cause:  "The server offers no AUTH. Exchange offers it after STARTTLS only, and never on port 25 of a domain's own host (….mail.protection.outlook.com).",
		remedy: "Connect to {smtp} and call StartTLS before Auth, as smtpdial does.",
		who:    Developer, commands: defaultSMTP,
		source: docSMTPClient,
		try:    "smtp: server doesn't support AUTH", miss: "server doesn't support AUTHORITATIVE answers",
	},
	{
		name: "tls-name", says: []string{"either servername or insecureskipverify must be specified"},
		cause:  "The TLS configuration does not say which host it is for.",
		remedy: "Set its ServerName to the host that is dialled: {imaphost} for IMAP, {smtphost} for SMTP. Do not skip the verification.",
		who:    Developer,
		source: "https://pkg.go.dev/crypto/tls#Client",
		try:    "tls: either ServerName or InsecureSkipVerify must be specified in the tls.Config", miss: "tls: no certificates configured",
	},
	{
		name: "challenge", says: []string{"unexpected server challenge"}, confidence: Likely,
		cause:  "The server has answered the token with a challenge, which is its reason for a refusal, and the mechanism in use does not read it.",
		remedy: "Use xoauth2.NewClient, or xoauth2.SMTPAuth for net/smtp, whose error has the reason.",
		who:    Developer,
		source: docSASLClient,
		try:    "unexpected server challenge", miss: "unexpected server response",
	},
	{
		name: "no-refresh-token", says: []string{"token expired and refresh token is not set", "no refresh token found"}, confidence: Likely,
		cause:  "The access token has expired, and there is no refresh token: it was not kept, or the user signed in without the scope offline_access.",
		remedy: "Add offline_access to the scopes and have the user sign in again. Without a user, take the client credentials flow. tokensource does either by itself.",
		who:    Developer,
		source: docRefresh,
		try:    "oauth2: token expired and refresh token is not set", miss: "config: refresh token is not set in settings.json",
	},
	{
		name: "nobody-signed-in", says: []string{"there is no refresh token, and nobody is asked to sign in", "no account or login hint was passed to the acquiretokensilent"},
		cause:  "Nobody has signed in yet, or somebody has signed out; or the sign-in was made with other settings, so that its tokens are not found.",
		remedy: "Have the user sign in, by Exchange, DeviceCode, or AuthCode without a LoginHint. Cache, CacheKey, Cloud, Tenant, ClientID and Scopes must be the same there as in Resume, and a Credential must be set in both or in neither.",
		who:    Developer,
		source: "https://pkg.go.dev/github.com/exoauth/exoauth/tokensource#Config.Resume",
		try:    "tokensource: there is no refresh token, and nobody is asked to sign in", miss: "oauth2: token expired and refresh token is not set",
	},
	{
		name: "cache", says: []string{"tokencache: "}, when: []condition{not(says("no such entry"))},
		cause:  "The tokens that were kept cannot be read or written: {cacheproblem}.",
		remedy: "{cacheremedy}. A sign-in is lost only if its entry cannot be mended; then the user signs in again.",
		who:    Developer,
		source: "https://pkg.go.dev/github.com/exoauth/exoauth/tokencache#Error",
		try:    "tokencache: entry adele is damaged; it is replaced", miss: "tokencache: no such entry",
	},
	{
		name: "scope-reserved", says: []string{"scope value that is reserved", "reserved scope"},
		cause:  "MSAL asks for openid, profile and offline_access by itself and takes none of them in the list of scopes.",
		remedy: "Take them out of the list.",
		who:    Developer,
		source: "https://learn.microsoft.com/entra/msal/python/",
		try:    "ValueError: You cannot use any scope value that is reserved.", miss: "ValueError: You cannot use any value that is empty.",
	},
	{
		name: "tenant-not-allowed", says: []string{"not configured to acquire tokens for tenant", "additionallyallowedtenants"},
		cause:  "The credential was made for another tenant than the one that is asked for a token.",
		remedy: "Set its tenant to the one that has the mailbox, or add that to AdditionallyAllowedTenants.",
		who:    Developer,
		source: "https://aka.ms/azsdk/net/identity/multitenant/troubleshoot",
		try:    "The current credential is not configured to acquire tokens for tenant x.", miss: "The current credential is not configured.",
	},
	{
		name: "no-identity", says: []string{"invalid_request*identity not found", "requested identity isn't assigned", "failed to authenticate a system assigned identity"}, confidence: Likely,
		cause:  "This machine has no managed identity, or not the one that is asked for.",
		remedy: "Switch the identity on, or assign it, under \"Identity\" of the virtual machine or the app. One that was assigned has to be named: set its ClientID.",
		who:    Developer,
		source: docIdentity,
		try:    "The requested identity isn't assigned to this resource.", miss: "ssh-agent: identity not found",
	},
	{
		name: "not-in-azure", says: []string{
			"managed identity*dial tcp 169.254.169.254", "169.254.169.254/metadata/identity*dial tcp", "169.254.169.254/metadata/identity*deadline exceeded", "managed identity timed out",
			"managedidentitycredential authentication unavailable",
		}, confidence: Likely,
		cause:  "There is no managed identity here: nothing answers at 169.254.169.254, where a virtual machine in Azure has its metadata service.",
		remedy: "Run the program in Azure. Elsewhere, use a certificate or a federated identity. A container may be kept from that address by its network.",
		who:    Developer,
		source: docIdentity,
		try:    `managed identity: Get "http://169.254.169.254/metadata/identity/oauth2/token": dial tcp 169.254.169.254:80: i/o timeout`,
		miss:   `Get "http://169.254.169.254/latest/meta-data/iam/": dial tcp 169.254.169.254:80: i/o timeout`,
	},
	{
		name: "dropped", seen: dropped, when: []condition{byOthers, ofIMAP}, confidence: Possible,
		cause:  "The server has ended the connection. The client does not tell what it said before, which is mostly that the token has expired during the session, or that there are too many connections.",
		remedy: "Dial with imapdial: its errors have the goodbye, and Keep dials again. Get a token from the source for each connection, not one for the whole run.",
		who:    Developer,
		source: docIMAPClient,
		try:    "unexpected EOF", about: Subject{Protocol: IMAP}, miss: "json: unexpected end of JSON input",
	},
	{
		name: "closed-here", says: []string{"use of closed network connection", "connection not available", "socket is closed", "objectdisposedexception"}, when: []condition{byOthers, not(overHTTP)}, confidence: Possible,
		cause:  "The program has closed the connection itself, and goes on using it: another part of it called Close, or its context ended.",
		remedy: "Look for what closes the connection before this. If it is nothing of the program, the server has ended it, and the client library closed it then.",
		who:    Developer,
		source: "https://pkg.go.dev/net#ErrClosed",
		try:    "write tcp 10.0.0.1:4711->52.98.1.1:587: use of closed network connection", miss: "write |1: broken pipe",
	},
	{
		name: "token-cut-off", seen: dropped, when: []condition{signingIn, overHTTP}, confidence: Possible,
		cause:  "The connection to the sign-in host broke off before the answer was complete.",
		remedy: "Try again. If it always breaks off, let a proxy or virus scanner pass {authorityhost} unopened.",
		who:    Developer,
		source: docEndpoints,
		try:    `Post "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token": unexpected EOF`, miss: `Post "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token": EOF`,
	},
	{
		name: "cut-off", seen: dropped, when: []condition{not(byOthers), not(beforeAuth), not(signingIn)}, confidence: Possible,
		cause:  "The connection has ended without a word of the server's.",
		remedy: "Try again. If it always ends at this step, something on the way looks into the connection: let a firewall or virus scanner pass the mail hosts unopened.",
		who:    Developer,
		source: docEndpoints,
		try:    "authenticate: unexpected EOF", miss: "authenticate: EOF",
	},
}
