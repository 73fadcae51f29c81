package diagnose

import "github.com/exoauth/exoauth/internal/verdict"

var (
	registerApp = []Command{
		{ExchangePowerShell, "New-ServicePrincipal -AppId {client} -ObjectId {object}"},
		{ExchangePowerShell, "Add-MailboxPermission -Identity {mailbox} -User {object} -AccessRights FullAccess"},
	}
	registerAnew = append([]Command{
		{ExchangePowerShell, "Remove-ServicePrincipal -Identity {client}"},
	}, registerApp...)
	fullAccess = []Command{
		{ExchangePowerShell, "Add-MailboxPermission -Identity {mailbox} -User {principal} -AccessRights FullAccess"},
	}
)

const (
	whichObject = "The object id is that of the enterprise application, not the one on the page of the app registration. Allow for half an hour until Exchange acts on it."
	throttleDoc = "https://github.com/mscdex/node-imap/issues/689"
)

// imapRules are about what IMAP says, and POP and SMTP where they say the same.
var imapRules = []rule{
	{
		name: "user-name-form", seen: refused, when: []condition{noAddress}, confidence: Certain,
		cause:    "The user name is not an address, so no mailbox has it.",
		evidence: "the user name is {user}",
		remedy:   "Give the address alone, such as invoices@contoso.com, with its domain and without a name or brackets.",
		who:      Developer,
		source:   docOAuth,
	},
	{
		name: "stale-token", seen: refused, when: []condition{worked, not(readable)}, confidence: Likely,
		cause:  "The login has worked before: the token has expired since, after an hour or so.",
		remedy: "Fetch a new token before each connection, and connect again when a session ends.",
		who:    Developer,
		source: "https://github.com/imapsync/imapsync/issues/250",
	},
	{
		name: "smtp-shared-user", seen: refused, when: []condition{on(SMTP), not(appOnly), shared, not(readable)}, confidence: Certain,
		cause:    "SMTP was given the shared mailbox as the user name, and wants the user who signed in.",
		evidence: "the user name is {user}",
		remedy:   "Give {signedin} as the user name, and the shared mailbox as the sender alone. The user needs Send As on it.",
		who:      Developer, commands: ownNameOnSMTP,
		source: "https://github.com/nextcloud/mail/pull/13668",
	},
	{
		name: "app-not-registered", seen: logonDenied, when: []condition{not(delegated), not(says("basicauthblocked"))}, confidence: Certain,
		cause:  "Exchange knows the application but gives it no access: the registration in Exchange or the permission on the mailbox is missing.",
		remedy: "Register the application and give it the mailbox. " + whichObject,
		who:    ExchangeAdmin, commands: registerApp,
		source: "https://phinit.de/en/2025/12/23/ms365-fix-logondenied-error-on-imap-oauth-powershell-fix",
	},
	{
		name: "smtp-name-or-permission", seen: refused, when: []condition{opened, on(SMTP)}, confidence: Likely,
		cause:  "The token is good, since the mailbox opens with it. SMTP wants another user name, or a permission that is missing or too fresh.",
		remedy: "With the token of a user, give the user's own name (UPN), no alias and no shared mailbox. With that of an application look for SMTP.SendAsApp, and allow for half an hour after it was granted, then fetch a new token.",
		who:    Developer,
		source: "https://github.com/chatwoot/chatwoot/issues/14522",
	},
	{
		name: "smtp-role-refused", seen: refused, when: []condition{on(SMTP), appOnly, forExchange, lacksPermission}, confidence: Certain,
		cause:    "The application has no permission to send: SMTP.SendAsApp is not in its token.",
		evidence: "roles of the token: {roles}",
		remedy:   "Give it the application permission SMTP.SendAsApp of Office 365 Exchange Online, with admin consent, or a role assignment in Exchange (RBAC for Applications). " + newTokenRemedy,
		who:      EntraAdmin, commands: grantRole,
		source: docOAuth,
	},
	{
		name: "app-not-registered", seen: refused, when: []condition{appOnly, not(opened)}, confidence: Likely,
		cause:  "The application is not registered in Exchange, or has no access to the mailbox.",
		remedy: "Register it and give it the mailbox. " + whichObject,
		who:    ExchangeAdmin, commands: registerApp,
		source: docOAuth,
	},
	{
		name: "app-wrong-object", seen: refused, when: []condition{appOnly, not(opened)}, confidence: Likely,
		cause:  "The application is registered in Exchange with the wrong object id: that of its app registration.",
		remedy: "Compare with Get-ServicePrincipal, then register it anew; the permissions on mailboxes have to be given again, too. " + whichObject,
		who:    ExchangeAdmin, commands: registerAnew,
		source: "https://github.com/MicrosoftDocs/office-developer-exchange-docs/pull/332",
	},
	{
		name: "scope-of-graph", seen: refused, when: []condition{not(readable), delegated, not(consumer), not(opened), noScopes}, confidence: Possible,
		cause:  "The token is for Microsoft Graph and not for Exchange.",
		remedy: "Look at aud of the token, or at the scope that it was asked for with: it has to be {scope}.",
		who:    Developer, commands: []Command{{Settings, scopeSetting}},
		source: "https://github.com/MicrosoftDocs/office-developer-exchange-docs/issues/87",
	},
	{
		name: "scope-of-graph", seen: refused, when: []condition{not(readable), not(delegated), not(appOnly), not(consumer), not(opened), noScopes}, confidence: Possible,
		cause:  "The token is for Microsoft Graph and not for Exchange.",
		remedy: "Look at aud of the token, or at the scope that it was asked for with: it has to be {appscope} for a service without a user, and {scope} where a user signs in.",
		who:    Developer,
		source: "https://github.com/MicrosoftDocs/office-developer-exchange-docs/issues/87",
	},
	{
		name: "app-not-registered", seen: refused, when: []condition{func(s *situation) bool { return s.Flow == "" }, not(consumer), not(opened)}, confidence: Possible,
		cause:  "It is the token of an application that is not registered in Exchange, or has no access to the mailbox.",
		remedy: "Register it and give it the mailbox. " + whichObject,
		who:    ExchangeAdmin, commands: registerApp,
		source: docOAuth,
	},
	{
		name: "app-role-missing", seen: refused, when: []condition{not(readable), not(delegated), not(consumer), not(worked), not(opened)}, confidence: Possible,
		cause:  "The application has no permission {role}, or no administrator has consented to it. It gets a token all the same.",
		remedy: "Give it the application permission {role} of Office 365 Exchange Online, with admin consent. The one of the same kind under Microsoft Graph does not work. " + newTokenRemedy,
		who:    EntraAdmin, commands: grantRole,
		source: docOAuth,
	},
	{
		name: "stale-token", seen: refused, when: []condition{not(worked), not(readable), not(opened)}, confidence: Possible,
		cause:  "The token has expired.",
		remedy: "Fetch a new token before each connection.",
		who:    Developer,
		source: "https://github.com/imapsync/imapsync/issues/250",
	},
	{
		name: "imap-off-consumer", seen: refused, when: []condition{consumer, reads}, confidence: Likely,
		cause:  "IMAP is switched off for the account, as it is by default at outlook.com.",
		remedy: "At outlook.live.com open Settings, Mail, Forwarding and IMAP, and let devices and apps use IMAP. The scope has to be {scope}.",
		who:    User,
		source: "https://github.com/jstedfast/MailKit/issues/690",
	},
	{
		name: "no-such-mailbox", seen: refused, when: []condition{not(opened)}, confidence: Possible,
		cause:  "There is no mailbox {user} in the tenant of the token.",
		remedy: "Check the spelling, that it is the primary address, and that the mailbox is in Exchange Online with a licence.",
		who:    Developer, commands: []Command{{ExchangePowerShell, "Get-EXOMailbox -Identity {user}"}},
		source: docOAuth,
	},
	{
		name: "imap-off-consumer", seen: notConnected, when: []condition{consumer}, confidence: Likely,
		cause:  "IMAP is switched off for the account, as it is by default at outlook.com.",
		remedy: "At outlook.live.com open Settings, Mail, Forwarding and IMAP, and let devices and apps use IMAP. It has been seen to switch itself off again.",
		who:    User,
		source: "https://github.com/M66B/FairEmail/blob/master/FAQ.md",
	},
	{
		name: "throttled-silently", seen: notConnected, when: []condition{worked}, confidence: Likely,
		cause:  "It worked before: there are too many connections to the mailbox, or too many requests.",
		remedy: "Wait " + verdict.Pause + ". Hold fewer connections to one mailbox, and close those that are done.",
		who:    Nobody,
		source: throttleDoc,
	},
	{
		name: "wrong-account", seen: notConnected, when: []condition{otherUser, not(shared)}, confidence: Likely,
		cause:    "The token is of another account than the mailbox.",
		evidence: "the user name is {user}, the token is of {signedin}",
		remedy:   "Sign in as {user}, at the tenant's own endpoint rather than at common. Where {user} is a mailbox shared with {signedin}, Full Access is missing.",
		who:      User, commands: fullAccess,
		source: "https://github.com/simonrob/email-oauth2-proxy/issues/275",
	},
	{
		name: "no-full-access", seen: notConnected, when: []condition{not(consumer), mayLackAccess, not(opened)}, confidence: Likely,
		cause:  "The token is good, but whoever it is of has no Full Access to the mailbox.",
		remedy: "Give access to the mailbox. Allow for half an hour until Exchange acts on it.",
		who:    ExchangeAdmin, commands: fullAccess,
		source: "https://github.com/jstedfast/MailKit/issues/1486",
	},
	{
		name: "imap-off", seen: notConnected, when: []condition{not(consumer), not(delegated)}, confidence: Likely,
		cause:  "IMAP is switched off for the mailbox.",
		remedy: "Switch it on; Get-CASMailbox shows the state.",
		who:    ExchangeAdmin, commands: []Command{{ExchangePowerShell, "Set-CASMailbox -Identity {mailbox} -ImapEnabled $true"}},
		source: "https://github.com/jstedfast/MailKit/issues/1486",
	},
	{
		name: "imap-off", seen: notConnected, when: []condition{not(consumer), delegated}, confidence: Likely,
		cause:  "IMAP is switched off for the user who signed in. It is that user who counts, not the mailbox.",
		remedy: "Switch it on; Get-CASMailbox shows the state.",
		who:    ExchangeAdmin, commands: []Command{{ExchangePowerShell, "Set-CASMailbox -Identity {signedin} -ImapEnabled $true"}},
		source: "https://learn.microsoft.com/exchange/troubleshoot/user-and-shared-mailboxes/pop3-imap-owa-activesync-office-365",
	},
	{
		name: "wrong-account", seen: notConnected, when: []condition{not(appOnly), not(otherUser), not(sameUser)}, confidence: Possible,
		cause:  "The token is of another account, or of another tenant, than the mailbox.",
		remedy: "Compare upn and tid of the token with the user name. Sign in as the right user, at the tenant's own endpoint rather than at common.",
		who:    User,
		source: "https://github.com/simonrob/email-oauth2-proxy/issues/275",
	},
	{
		name: "throttled-silently", seen: notConnected, when: []condition{not(worked)}, confidence: Possible,
		cause:  "There are too many connections to the mailbox, if it worked before.",
		remedy: "Wait " + verdict.Pause + " and try again.",
		who:    Nobody,
		source: throttleDoc,
	},
	{
		name: "no-mailbox", seen: noMailbox, confidence: Certain,
		cause:  "The account has no mailbox.",
		remedy: "Log in once at outlook.com with a browser, or give the user a licence with a mailbox.",
		who:    User,
		source: "https://github.com/MailCore/mailcore2/issues/1314",
	},
	{
		name: "password", seen: password, confidence: Certain,
		cause:  "A password was sent. Exchange Online takes none for {protocol} any more.",
		remedy: "Use AUTHENTICATE XOAUTH2 (AUTH XOAUTH2 in SMTP) with a token from Entra ID: imapdial and smtpdial do it.",
		who:    Developer,
		source: "https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/deprecation-of-basic-authentication-exchange-online",
	},
	{
		name: "account-blocked", seen: blocked, confidence: Certain,
		cause:  "The account is blocked until its owner proves to be a person.",
		remedy: "Log in at outlook.com with a browser and follow what it says.",
		who:    User,
		source: "https://github.com/mscdex/node-imap/issues/799",
	},
	{
		name: "session-outlived-token", seen: expiredSession, confidence: Certain,
		cause:  "The session lasted longer than its token, and Exchange ended it.",
		remedy: "Connect again with a new token, not with the old one. This happens every hour or so and is no fault.",
		who:    Developer,
		source: "https://github.com/iroco-co/aioimaplib/issues/83",
	},
	{
		name: "throttled", seen: throttled, confidence: Certain,
		cause:  "Exchange is throttling: too many requests to the mailbox.",
		remedy: "Wait {backoff} before the next command, and hold fewer connections to one mailbox.",
		who:    Nobody,
		source: "https://github.com/simonrob/email-oauth2-proxy/issues/191",
	},
	{
		name: "too-many-connections", seen: crowded, confidence: Certain,
		cause:  "There are too many connections to the mailbox.",
		remedy: "Wait " + verdict.Pause + ". Hold fewer connections to one mailbox, and close those that are done.",
		who:    Nobody,
		source: throttleDoc,
	},
	{
		name: "closed", seen: closed, when: []condition{not(says("throttled")), not(says("not connected"))}, confidence: Certain,
		cause:  "Exchange closed the connection, after errors or because nothing happened on it.",
		remedy: "Connect again. Keep an idle connection alive with IDLE, renewed every few minutes.",
		who:    Nobody,
		source: "https://github.com/mscdex/node-imap/issues/561",
	},
	{
		name: "unavailable", seen: unavailable, when: []condition{not(says("unavailable. 21"))}, confidence: Certain,
		cause:  "The mailbox server behind the front end is not available for the moment.",
		remedy: "Try again, with growing pauses.",
		who:    Nobody,
		source: "https://github.com/OfflineIMAP/offlineimap/issues/291",
	},
	{
		name: "stale-token", seen: command10, when: []condition{not(says("protocol error"))}, confidence: Likely,
		cause:  "The token has expired or is broken.",
		remedy: "Fetch a new token and connect again.",
		who:    Developer,
		source: "https://github.com/M66B/FairEmail",
	},
	{
		name: "empty-line", seen: command12, confidence: Certain,
		cause:  "The client sent an empty line after the refusal, as Gmail wants it. Exchange takes it for a command.",
		remedy: "Send the empty line only where the server has sent a line that begins with +. The refusal before it is the real problem: explain that one.",
		who:    Developer,
		source: "https://lab.civicrm.org/dev/core/-/issues/3601",
	},
	{
		name: "invalid-state", seen: badState, when: []condition{not(says("accesstokenexpired"))}, confidence: Likely,
		cause:  "A command was sent while IDLE was still under way, or without a login.",
		remedy: "End IDLE with DONE, and wait for its answer, before the next command. After a refused login send nothing else.",
		who:    Developer,
		source: "https://github.com/Webklex/php-imap/issues/258",
	},
	{
		name: "login-disabled", seen: loginDisabled, confidence: Certain,
		cause:  "The client gives up because of LOGINDISABLED, which is about passwords, although the server offers AUTH=XOAUTH2.",
		remedy: "Look for AUTH=XOAUTH2 first and ignore LOGINDISABLED then.",
		who:    Developer,
		source: "https://github.com/mscdex/node-imap/issues/935",
	},
	{
		name: "in-the-clear", seen: inTheClear, confidence: Certain,
		cause:  "The connection is not encrypted, so that the server offers no login.",
		remedy: "Use port 993 with TLS, or STARTTLS before the login.",
		who:    Developer, commands: []Command{{Settings, "Cloud.IMAP=outlook.office365.com:993"}},
		source: "https://github.com/mscdex/node-imap/issues/685",
	},
}
