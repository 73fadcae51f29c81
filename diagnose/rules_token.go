package diagnose

// Where the facts come from.
const (
	docOAuth     = "https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth"
	docClaims    = "https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference"
	docAppRBAC   = "https://learn.microsoft.com/exchange/client-developer/legacy-protocols/smtp-app-rbac-onboarding"
	docClouds    = "https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud"
	docAADSTS    = "https://learn.microsoft.com/entra/identity-platform/reference-error-codes"
	docSMTPAuth  = "https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/authenticated-client-smtp-submission"
	docAppScopes = "https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow"
)

// grantRole gives the application a permission of Exchange Online together
// with the administrator's consent.
var grantRole = []Command{
	{GraphPowerShell, "Connect-MgGraph -Scopes Application.Read.All,AppRoleAssignment.ReadWrite.All"},
	{GraphPowerShell, "$sp = Get-MgServicePrincipal -Filter \"AppId eq '{client}'\""},
	{GraphPowerShell, "$exo = Get-MgServicePrincipal -Filter \"AppId eq '" + exchangeID + "'\""},
	{GraphPowerShell, "$role = $exo.AppRoles | Where-Object Value -eq {role}"},
	{GraphPowerShell, "New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $sp.Id -PrincipalId $sp.Id -ResourceId $exo.Id -AppRoleId $role.Id"},
}

const (
	newTokenRemedy = "Then fetch a new token: permissions are in it from the moment that it is issued."
	scopeSetting   = "Scopes={scope}"
)

// ownNameOnSMTP is for a user who sends from a shared mailbox.
var ownNameOnSMTP = []Command{
	{Settings, "SMTPUsername={signedin}"},
	{ExchangePowerShell, "Add-RecipientPermission -Identity {mailbox} -Trustee {signedin} -AccessRights SendAs"},
}

// tokenRules judge an access token.
var tokenRules = []rule{
	{
		name: "token-for-graph", seen: judged, when: []condition{forGraph}, confidence: Certain,
		cause:    "The token is for Microsoft Graph, and Exchange refuses it.",
		evidence: "aud of the token is {audience}",
		remedy:   "Ask for a token with the scope {scope}. A permission without its resource, such as IMAP.AccessAsUser.All alone, means Graph. One token is for one resource: take another one for Graph.",
		who:      Developer, commands: []Command{{Settings, scopeSetting}},
		source: "https://github.com/MicrosoftDocs/office-developer-exchange-docs/issues/87",
	},
	{
		name: "token-for-ps-outlook", seen: judged, when: []condition{forPSOutlook}, confidence: Certain,
		cause:    "The token is for https://ps.outlook.com, which is a name for consent and not for tokens.",
		evidence: "aud of the token is {audience}",
		remedy:   "Ask for a token with the scope {scope}.",
		who:      Developer, commands: []Command{{Settings, scopeSetting}},
		source: "https://github.com/jstedfast/MailKit/issues/1811",
	},
	{
		name: "id-token", seen: judged, when: []condition{forItself}, confidence: Certain,
		cause:    "This is an ID token, which says who signed in. It opens nothing.",
		evidence: "aud of the token is the application itself, {audience}",
		remedy:   "Use access_token of the answer, not id_token.",
		who:      Developer,
		source:   docClaims,
	},
	{
		name: "token-for-another-cloud", seen: judged, when: []condition{forExchange, mixedClouds}, confidence: Certain,
		cause:    "The settings and the token belong to different Microsoft clouds.",
		evidence: "{these} and {those}",
		remedy:   "Use the login host, the scope and the mail hosts of the one cloud that the tenant is in: exoauth.Clouds lists them.",
		who:      Developer, commands: []Command{{Settings, scopeSetting}},
		source: docClouds,
	},
	{
		name: "token-for-something-else", seen: judged, when: []condition{readable, not(forGraph), not(forPSOutlook), not(forExchange), not(forItself), not(noAudience)}, confidence: Certain,
		cause:    "The token is not for Exchange Online.",
		evidence: "aud of the token is {audience}",
		remedy:   "Ask for a token with the scope {scope}.",
		who:      Developer, commands: []Command{{Settings, scopeSetting}},
		source: docOAuth,
	},
	{
		name: "token-expired", seen: judged, when: []condition{expired}, confidence: Certain,
		cause:    "The token has expired.",
		evidence: "exp of the token was {expired} ago",
		remedy:   "Fetch a new token for each connection. Where it was fetched just now, the clock of this machine is fast.",
		who:      Developer,
		source:   "https://github.com/imapsync/imapsync/issues/250",
	},
	{
		name: "token-not-yet-valid", seen: judged, when: []condition{tooEarly}, confidence: Certain,
		cause:    "The token is not valid yet: the clock of this machine is slow.",
		evidence: "nbf of the token is in {early}",
		remedy:   "Set the clock, and let it be kept by NTP.",
		who:      Developer,
		source:   docClaims,
	},
	{
		name: "app-role-missing", seen: judged, when: []condition{appOnly, forExchange, lacksPermission, reads}, confidence: Certain,
		cause:    "The application has no permission for {protocol}: {role} is not in its token.",
		evidence: "roles of the token: {roles}",
		remedy:   "Give it the application permission {role} of Office 365 Exchange Online, with admin consent. The one of the same kind under Microsoft Graph does not work. " + newTokenRemedy,
		who:      EntraAdmin, commands: grantRole,
		source: docOAuth,
	},
	{
		name: "smtp-role-missing", seen: judged, when: []condition{appOnly, forExchange, lacksPermission, on(SMTP)}, confidence: Possible,
		cause:    "The application has no permission to send: SMTP.SendAsApp is not in its token.",
		evidence: "roles of the token: {roles}",
		remedy:   "Give it the application permission SMTP.SendAsApp of Office 365 Exchange Online, with admin consent. It needs none where Exchange lets it send by a role assignment (RBAC for Applications). " + newTokenRemedy,
		who:      EntraAdmin, commands: grantRole,
		source: docAppRBAC,
	},
	{
		name: "scope-missing", seen: judged, when: []condition{delegated, forExchange, lacksPermission}, confidence: Certain,
		cause:    "The token lacks the permission for {protocol}, {permission}.",
		evidence: "scp of the token: {scp}",
		remedy:   "Ask for the scope {scope}, and let the user, or an administrator, consent to it.",
		who:      Developer, commands: []Command{{Settings, scopeSetting}},
		source: docOAuth,
	},
	{
		name: "token-of-another-tenant", seen: judged, when: []condition{otherTenant}, confidence: Certain,
		cause:    "The token is of another tenant than the one that was meant.",
		evidence: "tid of the token is {tid}, the setting is {tenant}",
		remedy:   "Ask the token endpoint of the tenant that has the mailbox, not common or organizations, and sign in with an account of that tenant.",
		who:      Developer,
		source:   "https://github.com/simonrob/email-oauth2-proxy/issues/275",
	},
	{
		name: "token-of-another-application", seen: judged, when: []condition{otherApp}, confidence: Likely,
		cause:    "The token is of another application than the one that was meant.",
		evidence: "appid of the token is {appid}, the setting is {client}",
		remedy:   "Use the token that was asked for with this client id.",
		who:      Developer,
		source:   docClaims,
	},
	{
		name: "token-version", seen: judged, when: []condition{readable, version2}, confidence: Likely,
		cause:    "The token is of version 2.0, and those that Exchange takes are of version 1.0.",
		evidence: "ver of the token is {version}, iss is {issuer}",
		remedy:   "Ask for Exchange's own resource with the scope {scope}; the version follows from the resource, not from the endpoint.",
		who:      Developer, commands: []Command{{Settings, scopeSetting}},
		source: docClaims,
	},
	{
		name: "token-issuer", seen: judged, when: []condition{readable, foreignIssuer}, confidence: Certain,
		cause:    "The token was not issued by Entra ID.",
		evidence: "iss of the token is {issuer}",
		remedy:   "Get the token from Entra ID, with a tokensource of this library, for example.",
		who:      Developer,
		source:   docClaims,
	},
	{
		name: "smtp-user", seen: judged, when: []condition{on(SMTP), otherUser, not(shared)}, confidence: Certain,
		cause:    "SMTP wants the name of the user who signed in, not an alias and not a shared mailbox.",
		evidence: "the user name is {user}, the token is of {signedin}",
		remedy:   "Give {signedin} as the user name. A shared mailbox goes into MAIL FROM and From alone, and the user needs Send As on it. IMAP is different there.",
		who:      Developer, commands: []Command{{Settings, "SMTPUsername={signedin}"}},
		source: "https://github.com/nextcloud/mail/pull/13668",
	},
	{
		name: "smtp-shared-user", seen: judged, when: []condition{on(SMTP), otherUser, shared}, confidence: Certain,
		cause:    "SMTP was given the shared mailbox as the user name, and wants the user who signed in.",
		evidence: "the user name is {user}, the token is of {signedin}",
		remedy:   "Give {signedin} as the user name, and the shared mailbox as the sender alone. The user needs Send As on it. IMAP is different there.",
		who:      Developer, commands: ownNameOnSMTP,
		source: "https://github.com/nextcloud/mail/pull/13668",
	},
	{
		name: "pop-token-long", seen: judged, when: []condition{on(POP), longToken}, confidence: Possible,
		cause:    "The token has more than 4096 characters, which POP has refused since July 2025.",
		evidence: "length of the token",
		remedy:   "Use IMAP, or make the token smaller: one scope, fewer optional claims and groups.",
		who:      Developer,
		source:   "https://github.com/jstedfast/MailKit/issues/1948",
	},
}

// settingRules are about what was asked for, where there is no token to look
// into, and about settings that tokensource refuses.
var settingRules = []rule{
	{
		name: "setting", seen: settingWrong, when: []condition{badSecret}, confidence: Certain,
		cause:  "The setting {setting} is wrong: {problem}.",
		remedy: "Use the Value of a client secret, without a line end. Make a new one where it is lost.",
		who:    Developer, commands: newSecret,
		source: docAppScopes,
	},
	{
		name: "setting", seen: settingWrong, when: []condition{not(badSecret), fixKnown}, confidence: Certain,
		cause:  "The setting {setting} is wrong: {problem}.",
		remedy: "Set {setting} to {fix}.",
		who:    Developer, commands: []Command{{Settings, "{setting}={fix}"}},
		source: docOAuth,
	},
	{
		name: "setting", seen: settingWrong, when: []condition{not(badSecret), not(fixKnown)}, confidence: Certain,
		cause:  "The setting {setting} is wrong: {problem}.",
		remedy: "{remedy}.",
		who:    Developer,
		source: docOAuth,
	},
	{
		name: "authority", seen: anything, when: []condition{signingIn, badAuthority}, confidence: Certain,
		cause:    "The sign-in host is not https:// and a host alone.",
		evidence: "the setting Cloud.Authority, and: {words}",
		remedy:   "Set it to {authority}; the tenant is a setting of its own.",
		who:      Developer, commands: []Command{{Settings, "Cloud.Authority={authority}"}},
		source: docClouds,
	},
	{
		name: "tenant-missing", seen: notFound, when: []condition{signingIn, noTenant}, confidence: Likely,
		cause:  "The address that was asked for a token does not exist, as no tenant is set.",
		remedy: "Set the tenant to its id or to a domain of it.",
		who:    Developer, commands: ownTenant,
		source: docOAuth,
	},
	{
		name: "asked-for-graph", seen: refused, when: []condition{not(readable), scopesAre(graphScope)}, confidence: Certain,
		cause:    "The token was asked for Microsoft Graph, and Exchange refuses it.",
		evidence: "the scopes {scopes}",
		remedy:   "Ask for {scope}. A permission without its resource means Graph.",
		who:      Developer, commands: []Command{{Settings, scopeSetting}},
		source: "https://github.com/MicrosoftDocs/office-developer-exchange-docs/issues/87",
	},
	{
		name: "consumer-scope", seen: anything, when: []condition{consumer, scopesAre(defaultScope)}, confidence: Certain,
		cause:    "Consumer accounts (outlook.com) take no token for outlook.office365.com/.default.",
		evidence: "the scopes {scopes} for {mailbox}",
		remedy:   "Let the user sign in at the tenant consumers, with the scope {scope}.",
		who:      Developer, commands: []Command{{Settings, "Tenant=consumers"}, {Settings, scopeSetting}},
		source: "https://github.com/mustang-im/mustang/issues/137",
	},
	{
		name: "consumer-app-only", seen: refused, when: []condition{consumer, appOnly}, confidence: Certain,
		cause:    "An application cannot open a consumer's mailbox (outlook.com) by itself.",
		evidence: "an app-only token for {mailbox}",
		remedy:   "Let the user sign in: device code or authorization code, tenant consumers.",
		who:      Developer,
		source:   docOAuth,
	},
	{
		name: "wrong-cloud", seen: refused, when: []condition{mixedClouds}, confidence: Certain,
		cause:    "The settings belong to different Microsoft clouds.",
		evidence: "{these} and {those}",
		remedy:   "Use the hosts of the cloud that the tenant is in. In China: login.partner.microsoftonline.cn, partner.outlook.cn, smtp.partner.outlook.cn, and a scope of https://partner.outlook.cn.",
		who:      Developer, commands: []Command{{Settings, scopeSetting}},
		source: "https://github.com/simonrob/email-oauth2-proxy/issues/237",
	},
	{
		name: "shared-needs-its-name", seen: anything, when: []condition{reads, delegated, either(sameUser, not(readable)), func(s *situation) bool { return differ(s.Username, s.Mailbox) }}, confidence: Certain,
		cause:    "The user name is that of the signed-in user, so that the user's own mailbox is opened and not the shared one.",
		evidence: "the user name is {user}, the mailbox meant is {mailbox}",
		remedy:   "For IMAP and POP give the address of the shared mailbox as the user name, with the user's token. The user needs Full Access to it.",
		who:      Developer, commands: []Command{{Settings, "Username={mailbox}"}},
		source: "https://github.com/simonrob/email-oauth2-proxy/issues/426",
	},
	{
		name: "shared-needs-its-name", seen: judged, when: []condition{reads, delegated, either(sameUser, not(readable)), func(s *situation) bool { return differ(s.Username, s.Mailbox) }}, confidence: Certain,
		cause:    "The user name is that of the signed-in user, so that the user's own mailbox is opened and not the shared one.",
		evidence: "the user name is {user}, the mailbox meant is {mailbox}",
		remedy:   "For IMAP and POP give the address of the shared mailbox as the user name, with the user's token. The user needs Full Access to it.",
		who:      Developer, commands: []Command{{Settings, "Username={mailbox}"}},
		source: "https://github.com/simonrob/email-oauth2-proxy/issues/426",
	},
}
