package diagnose

const docGraph = "https://learn.microsoft.com/graph/resolve-auth-errors"

// graphRules are about what Microsoft Graph and EWS answer, which some programs
// send and read mail with in place of SMTP and IMAP.
var graphRules = []rule{
	{
		name: "graph-me", says: []string{"/me request is only valid with delegated"},
		cause:  "The address /me of Microsoft Graph means the user who signed in, and the token is that of an application.",
		remedy: "Name the mailbox: /users/ADDRESS/sendMail in place of /me/sendMail.",
		who:    Developer, source: docGraph,
		try:  "Graph API send failed: /me request is only valid with delegated authentication flow.",
		miss: "Graph API send failed: the request is only valid with a body.",
	},
	{
		name: "graph-token", says: []string{"invalidauthenticationtoken", "access token validation failure", "compacttoken parsing failed", "access token has expired or is not yet valid"}, confidence: Likely,
		cause:  "Microsoft Graph does not take the token: it is for another resource, such as Exchange, or has expired.",
		remedy: "Ask for a token with a scope of Graph, such as https://graph.microsoft.com/.default, and look at aud and exp of it. One token is for one resource: IMAP, POP and SMTP need another one, with the scope {scope}.",
		who:    Developer, source: docGraph,
		try:  `{"error":{"code":"InvalidAuthenticationToken","message":"Access token validation failure. Invalid audience."}}`,
		miss: `{"error":{"code":"InvalidRequest","message":"The request is malformed."}}`,
	},
	{
		name: "graph-mailbox", says: []string{
			"mailboxnotenabledforrestapi", "mailboxnotsupportedforrestapi", "rest api is not yet supported for this mailbox", "inactive, soft-deleted, or is hosted on-premise",
			"account that does not have a mailbox", "smtp address has no mailbox associated", "errornonexistentmailbox", "failed to get license information for the user",
		}, confidence: Likely,
		cause:  "The account has no mailbox in Exchange Online: it has no licence, or the mailbox is on an Exchange server of your own.",
		remedy: "Look at the licence of the user, and where the mailbox is. IMAP and SMTP of Exchange Online do not open it either.",
		who:    ExchangeAdmin, source: "https://learn.microsoft.com/graph/hybrid-rest-support",
		try:  `{"code":"MailboxNotEnabledForRESTAPI","message":"REST API is not yet supported for this mailbox."}`,
		miss: `{"code":"ErrorItemNotFound","message":"The specified object was not found in the store."}`,
	},
	{
		name: "ews-impersonation", says: []string{"exchangeimpersonation soap header", "errorimpersonateuserdenied", "permission to impersonate the requested user"}, confidence: Likely,
		cause:  "Exchange Web Services want to be told for which mailbox the application acts, and let it act for that one.",
		remedy: "Move to IMAP and SMTP, or to Microsoft Graph: Exchange Online blocks EWS from October 2026 on, unless the tenant allows it, and ends it in April 2027. Until then name the mailbox in ExchangeImpersonation, and give the application full_access_as_app.",
		who:    Developer, source: "https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/deprecation-of-ews-exchange-online",
		try:  "ExchangeImpersonation SOAP header must be present for this type of OAuth token.",
		miss: "The SOAP header must be present.",
	},
	{
		name: "graph-permission", says: []string{"erroraccessdenied", "access is denied. check credentials and try again", "authorization_requestdenied", "insufficient privileges to complete the operation", "graph.microsoft*403", "-graph*(403)", "graph api*403", "forbidden for url: https://graph.microsoft"}, confidence: Likely,
		cause:  "The token has no permission of Microsoft Graph for this, such as Mail.Send or Mail.ReadWrite, or the application is kept from this mailbox.",
		remedy: "Add the permission of Microsoft Graph under API permissions, of the kind Application if no user signs in, then consent and fetch a new token. If it is there, a policy in Exchange limits the application to other mailboxes. IMAP, POP and SMTP need other permissions.",
		who:    EntraAdmin, commands: adminConsent, source: docGraph,
		try:  `{"error":{"code":"ErrorAccessDenied","message":"Access is denied. Check credentials and try again."}}`,
		miss: `{"error":{"code":"AccessDenied","message":"The user is not authorized to perform ses:SendRawEmail"}}`,
	},
}
