package diagnose

// elsewhereRules are about servers that are not Exchange Online. They print no
// command, since none that is known here would be right.
var elsewhereRules = []rule{
	{
		name: "on-premises", seen: anything, when: []condition{foreign, onOwnServer}, confidence: Likely,
		cause:  "What answers is an Exchange server of your own and not Exchange Online. It takes no token for IMAP, POP and SMTP.",
		remedy: "Log in there with NTLM, Kerberos or a password, or connect to Exchange Online: {imap} and {smtp}. A mailbox has moved there if Get-Recipient calls it a RemoteUserMailbox.",
		who:    Developer,
		source: "https://learn.microsoft.com/exchange/plan-and-deploy/post-installation-tasks/security-best-practices/auth-policies",
		try:    "250-X-ANONYMOUSTLS\n250-AUTH NTLM\n535 5.7.3 Authentication unsuccessful",
		miss:   "250-AUTH LOGIN XOAUTH2\n535 5.7.3 Authentication unsuccessful",
	},
	{
		name: "other-server", seen: anything, when: []condition{foreign, not(onOwnServer), not(networkTrouble)}, confidence: Likely,
		cause:  "This was said by {server}, and not by Exchange Online or Entra ID. What is to be done there is not known here.",
		remedy: "Look into the documentation of that server for OAuth or app passwords. If the mailbox is in Exchange Online, correct the host: {imap} and {smtp}.",
		who:    Developer,
		source: "https://developers.google.com/workspace/gmail/imap/xoauth2-protocol",
		try:    "NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)",
		miss:   "A1 NO AUTHENTICATE failed.",
	},
}
