package diagnose

const (
	submissionDoc = "https://learn.microsoft.com/exchange/troubleshoot/send-emails/smtp-submission-improvements"
	printersDoc   = "https://learn.microsoft.com/exchange/troubleshoot/email-delivery/fix-issues-with-printers-scanners-and-lob-applications-that-send-email-using-off"
)

var smtpOn = []Command{{ExchangePowerShell, "Set-CASMailbox -Identity {user} -SmtpClientAuthenticationDisabled $false"}}

// smtpRules are about what the submission service says.
var smtpRules = []rule{
	{
		name: "smtp-off-tenant", seen: smtpTenantOff, confidence: Certain,
		cause:  "SMTP AUTH is switched off in the tenant, and that counts for OAuth, too.",
		remedy: "Switch it on for this mailbox, which is enough and overrides the tenant. For all mailboxes: Set-TransportConfig -SmtpClientAuthenticationDisabled $false.",
		who:    ExchangeAdmin, commands: smtpOn,
		source: "https://github.com/simonrob/email-oauth2-proxy/issues/193",
	},
	{
		name: "smtp-off-mailbox", seen: smtpMailboxOff, confidence: Certain,
		cause:  "SMTP AUTH is switched off for the mailbox, and that counts for OAuth, too.",
		remedy: "Switch it on.",
		who:    ExchangeAdmin, commands: smtpOn,
		source: docSMTPAuth,
	},
	{
		name: "security-defaults", seen: smtpDefaults, confidence: Certain,
		cause:  "The security defaults of the tenant allow no login with a password.",
		remedy: "Log in with XOAUTH2 and a token. Switching the security defaults off would weaken the whole tenant.",
		who:    Developer,
		source: printersDoc,
	},
	{
		name: "policy", seen: smtpPolicy, confidence: Likely,
		cause:  "A policy refuses the login: Conditional Access, an authentication policy or per-user MFA, and mostly because a password was sent.",
		remedy: "Log in with XOAUTH2 and a token. Where that was done, the sign-in log of Entra ID names the policy; exempt the account there.",
		who:    EntraAdmin,
		source: "https://docs.bookyourpto.com/features/smtp-troubleshoot",
	},
	{
		name: "locked", seen: smtpLocked, confidence: Certain,
		cause:  "The account is locked: its sign-in is blocked, or there were too many wrong passwords.",
		remedy: "Stop what sends the wrong password, such as a device or a program that tries again and again, and log in with XOAUTH2 and a token. Then wait, or let an administrator unblock the sign-in.",
		who:    EntraAdmin,
		source: "https://learn.microsoft.com/entra/identity/authentication/howto-password-smart-lockout",
	},
	{
		name: "federation", seen: smtpFederation, confidence: Certain,
		cause:  "A password was sent, and the organization's own sign-in server, which has to check it, does not answer properly.",
		remedy: "Log in with XOAUTH2 and a token, or let the sign-in server be mended.",
		who:    EntraAdmin,
		source: printersDoc,
	},
	{
		name: "mechanism", seen: smtpMechanism, confidence: Certain,
		cause:  "The client used AUTH before STARTTLS, or a mechanism that Exchange does not know, such as PLAIN.",
		remedy: "Use STARTTLS on port 587, then AUTH XOAUTH2.",
		who:    Developer,
		source: "https://github.com/QuantumNous/new-api/issues/1989",
	},
	{
		name: "not-authenticated", seen: smtpNoAuth, confidence: Certain,
		cause:  "The client sent MAIL FROM without having logged in, or went on after its login was refused.",
		remedy: "Log in with AUTH XOAUTH2 and look at the answer: it has to be 235.",
		who:    Developer,
		source: "https://github.com/simonrob/email-oauth2-proxy/issues/295",
	},
	{
		name: "smtp-temporary", seen: smtpTemporary, confidence: Likely,
		cause:  "The front end does not reach the mailbox server for the moment.",
		remedy: "Try again, with growing pauses. Where it stays, check that the mailbox exists and has a licence.",
		who:    Nobody,
		source: "https://github.com/jstedfast/MailKit/issues/566",
	},
	{
		name: "unavailable", seen: smtpInactive, confidence: Likely,
		cause:  "The submission service is not active for the moment on the host that answered.",
		remedy: "Connect again, with growing pauses: another host may answer.",
		who:    Nobody,
		source: "https://github.com/jstedfast/MailKit/issues/1106",
	},
	{
		name: "mailbox-full", seen: smtpFull, confidence: Certain,
		cause:  "The sender's mailbox is full, and Exchange keeps a copy of each message in its Sent Items.",
		remedy: "Empty Sent Items, or let a retention policy do it. Then send again.",
		who:    User,
		source: submissionDoc,
	},
	{
		name: "too-many-recipients", seen: smtpQuota, confidence: Certain,
		cause:  "The mailbox has sent to as many recipients as it may in a day, which are 10,000.",
		remedy: "Wait until a day has passed since those messages. Send to fewer recipients, or with a service that is made for many.",
		who:    Developer,
		source: submissionDoc,
	},
	{
		name: "no-mailbox-access", seen: smtpLogon, when: []condition{not(delegated)}, confidence: Certain,
		cause:  "The login was accepted, but the application has no access to the mailbox. The code 430 says temporary, and it is not.",
		remedy: "Give the application Full Access to the mailbox. Allow for half an hour until Exchange acts on it.",
		who:    ExchangeAdmin, commands: fullAccess,
		source: "https://github.com/simonrob/email-oauth2-proxy/issues/271",
	},
	{
		name: "no-mailbox-access", seen: smtpLogon, when: []condition{delegated}, confidence: Likely,
		cause:  "The login was accepted, but the mailbox does not open.",
		remedy: "Check that the mailbox exists and has a licence.",
		who:    ExchangeAdmin, commands: []Command{{ExchangePowerShell, "Get-EXOMailbox -Identity {user}"}},
		source: "https://github.com/simonrob/email-oauth2-proxy/issues/271",
	},
	{
		name: "no-send-as", seen: smtpSendAs, confidence: Certain,
		cause:  "{user} may not send as {from}.",
		remedy: "Give Send As on {from}, or send from {user}. MAIL FROM and the From header both count.",
		who:    ExchangeAdmin, commands: []Command{{ExchangePowerShell, "Add-RecipientPermission -Identity {from} -Trustee {principal} -AccessRights SendAs"}},
		source: "https://github.com/gophish/gophish/issues/2900",
	},
	{
		name: "too-many-submissions", seen: smtpThreads, confidence: Certain,
		cause:  "More than three connections submit from the mailbox at once.",
		remedy: "Send over one connection, one message after the other, and try this one again.",
		who:    Developer,
		source: "https://github.com/timeoff-management/timeoff-management-application/issues/308",
	},
	{
		name: "old-tls", seen: smtpOldTLS, confidence: Certain,
		cause:  "The client speaks TLS 1.0 or 1.1, which Exchange refuses.",
		remedy: "Use TLS 1.2 or later: a newer runtime or operating system, or drop the setting that forbids it.",
		who:    Developer,
		source: "https://github.com/DSpace/DSpace/issues/8123",
	},
	{
		name: "token-nearly-expired", seen: smtpShortToken, confidence: Certain,
		cause:  "High Volume Email wants a token that is valid for ten more minutes.",
		remedy: "Fetch a new token at least ten minutes before the old one expires.",
		who:    Developer,
		source: "https://github.com/tarickb/sasl-xoauth2",
	},
	{
		name: "auth-data", seen: smtpAuthData, when: []condition{not(says("expire"))}, confidence: Likely,
		cause:  "The answer to AUTH XOAUTH2 is not in the form of the mechanism, or the token in it is not valid for this server.",
		remedy: "It is base64 of user=ADDRESS^Aauth=Bearer TOKEN^A^A, where ^A is the byte 1; package xoauth2 writes it. For High Volume Email use an account made for it.",
		who:    Developer,
		source: "https://github.com/tarickb/sasl-xoauth2/issues/110",
	},
}

// popRules are about what only POP says.
var popRules = []rule{
	{
		name: "pop-two-steps", seen: popProtocol, when: []condition{not(longToken), says("is closed. 10")}, confidence: Certain,
		cause:  "The client sent AUTH XOAUTH2 and the token in one line, which POP does not take.",
		remedy: "Send AUTH XOAUTH2 alone, wait for +, then send the base64.",
		who:    Developer,
		source: "https://github.com/getmail6/getmail6/issues/256",
	},
	{
		name: "pop-token-long", seen: popProtocol, when: []condition{either(longToken, not(says("is closed. 10")))}, confidence: Likely,
		cause:    "The token has more than 4096 characters, which POP has refused since July 2025.",
		evidence: "a protocol error after AUTH in two steps",
		remedy:   "Use IMAP, or make the token smaller: one scope, fewer optional claims and groups.",
		who:      Developer,
		source:   "https://github.com/jstedfast/MailKit/issues/1948",
	},
	{
		name: "pop-port", seen: popWrongPort, confidence: Certain,
		cause:  "An IMAP client is connected to the port of POP.",
		remedy: "IMAP is on port 993, POP on 995.",
		who:    Developer, commands: []Command{{Settings, "Cloud.IMAP=outlook.office365.com:993"}},
		source: "https://github.com/freescout-help-desk/freescout/issues/2810",
	},
	{
		name: "pop-stls", seen: popSTLS, confidence: Certain,
		cause:  "The client sent STLS on a connection that is encrypted already.",
		remedy: "Port 995 is TLS from the first byte: switch STLS off, or use port 110 with it.",
		who:    Developer,
		source: "https://github.com/simonrob/email-oauth2-proxy/issues/162",
	},
	{
		name: "unavailable", seen: popUnavailable, confidence: Certain,
		cause:  "The mailbox server behind the front end is not available for the moment.",
		remedy: "Try again, with growing pauses.",
		who:    Nobody,
		source: "https://github.com/simonrob/email-oauth2-proxy/issues/379",
	},
}
