package diagnose

const docEndpoints = "https://learn.microsoft.com/microsoft-365/enterprise/urls-and-ip-address-ranges"

var (
	defaultIMAP = []Command{{Settings, "Cloud.IMAP=outlook.office365.com:993"}}
	defaultSMTP = []Command{{Settings, "Cloud.SMTP=smtp.office365.com:587"}}
)

// networkRules are about what goes wrong before a mail server is asked.
var networkRules = []rule{
	{
		name: "address", seen: badAddress, when: []condition{reads}, confidence: Certain,
		cause:  "The address of the server is not host:port.",
		remedy: "Write it with its port, which is 993 for IMAP.",
		who:    Developer, commands: defaultIMAP,
		source: docOAuth,
	},
	{
		name: "address", seen: badAddress, when: []condition{on(SMTP)}, confidence: Certain,
		cause:  "The address of the server is not host:port.",
		remedy: "Write it with its port, which is 587 for submission.",
		who:    Developer, commands: defaultSMTP,
		source: docOAuth,
	},
	{
		name: "no-such-host", seen: dnsFailed, confidence: Likely,
		cause:  "The name of the server has no address.",
		remedy: "Check how it is written. Where it is right, this machine's name resolution (DNS) does not work, or does not know names outside.",
		who:    Developer,
		source: docEndpoints,
	},
	{
		name: "port", seen: notTLS, when: []condition{beforeAuth, reads}, confidence: Likely,
		cause:  "What answers is not an IMAP server with TLS from the first byte.",
		remedy: "The address of Exchange is outlook.office365.com:993. Port 143 wants STARTTLS, 995 is POP, 587 is SMTP. A virus scanner or a proxy may be between, too.",
		who:    Developer, commands: defaultIMAP,
		source: docOAuth,
	},
	{
		name: "port", seen: notTLS, when: []condition{beforeAuth, on(SMTP)}, confidence: Likely,
		cause:  "What answers is not a submission server.",
		remedy: "The address of Exchange is smtp.office365.com:587, with STARTTLS; it has no port 465. A virus scanner or a proxy may be between, too.",
		who:    Developer, commands: defaultSMTP,
		source: docOAuth,
	},
	{
		name: "port-closed", seen: timedOut, when: []condition{beforeAuth, on(SMTP)}, confidence: Likely,
		cause:  "The submission server does not answer: a firewall drops the connection, or the port is wrong.",
		remedy: "Use smtp.office365.com:587; Exchange has no port 465, and many networks close port 25. Let a firewall pass it.",
		who:    Developer, commands: defaultSMTP,
		source: docEndpoints,
	},
	{
		name: "port-closed", seen: timedOut, when: []condition{beforeAuth, reads}, confidence: Likely,
		cause:  "The server does not answer: a firewall drops the connection, or the port is wrong.",
		remedy: "Use outlook.office365.com:993, and let a firewall pass it. Where the way out is a proxy, set DialContext.",
		who:    Developer, commands: defaultIMAP,
		source: docEndpoints,
	},
	{
		name: "connection-refused", seen: connectFailed, when: []condition{reads}, confidence: Likely,
		cause:  "There is no connection to the server: a firewall refuses it, or the port is wrong.",
		remedy: "Use outlook.office365.com:993, and let a firewall pass it. Where the way out is a proxy, set DialContext.",
		who:    Developer, commands: defaultIMAP,
		source: docEndpoints,
	},
	{
		name: "connection-refused", seen: connectFailed, when: []condition{on(SMTP)}, confidence: Likely,
		cause:  "There is no connection to the submission server: a firewall refuses it, or the port is wrong.",
		remedy: "Use smtp.office365.com:587, and let a firewall pass it; Exchange has no port 465.",
		who:    Developer, commands: defaultSMTP,
		source: docEndpoints,
	},
	{
		name: "too-slow", seen: timedOut, when: []condition{not(beforeAuth)}, confidence: Possible,
		cause:  "It took longer than the time that was given.",
		remedy: "Exchange can take ten seconds to refuse a login: give it a minute. Where it is always slow, too many connections to the mailbox are a reason.",
		who:    Developer,
		source: docEndpoints,
	},
	{
		name: "intercepted", seen: certUnknown, confidence: Likely,
		cause:  "The certificate is not from an authority that this machine knows: a proxy or virus scanner opens the connection, or the certificates of the machine are missing.",
		remedy: "Let the proxy pass the mail hosts unopened, or add its authority to TLSConfig.RootCAs. In a container install ca-certificates.",
		who:    Developer,
		source: docEndpoints,
	},
	{
		name: "intercepted", seen: interceptor, confidence: Likely,
		cause:  "A proxy or virus scanner opens the connection and writes the certificate itself.",
		remedy: "It sees the mail and the token. Let it pass the mail hosts unopened.",
		who:    Developer,
		source: docEndpoints,
	},
	{
		name: "clock", seen: clockWrong, confidence: Certain,
		cause:  "The clock of this machine is wrong, so that tokens seem expired or not valid yet, and signed assertions are refused.",
		remedy: "Set it, and let it be kept by NTP.",
		who:    Developer,
		source: docAADSTS,
	},
	{
		name: "sign-in-host", seen: signInOdd, confidence: Possible,
		cause:  "The sign-in host does not answer as Entra ID does: a proxy or the login page of a network is between, or Entra ID is in trouble.",
		remedy: "Try again, and open its address with a browser on this machine. Let a proxy pass it unopened.",
		who:    Developer,
		source: docEndpoints,
	},
	{
		name: "wrong-host", seen: certName, confidence: Likely,
		cause:  "The certificate is for another name than the one that was dialled.",
		remedy: "Dial the name that the certificate has: outlook.office365.com for IMAP, smtp.office365.com for SMTP; no IP address and no name of one's own for it.",
		who:    Developer,
		source: docOAuth,
	},
	{
		name: "clock", seen: certTime, confidence: Likely,
		cause:  "The clock of this machine is wrong, or the server's certificate has expired, which is rare.",
		remedy: "Set the clock, and let it be kept by NTP.",
		who:    Developer,
		source: docEndpoints,
	},
	{
		name: "no-starttls", seen: noSTARTTLS, confidence: Likely,
		cause:  "The server offers no STARTTLS: it is not Exchange's submission service, or a firewall takes the offer out.",
		remedy: "Use smtp.office365.com:587, and switch off the inspection of SMTP on the firewall.",
		who:    Developer, commands: defaultSMTP,
		source: docEndpoints,
	},
	{
		name: "no-xoauth2", seen: noMechanism, confidence: Likely,
		cause:  "The server does not offer XOAUTH2: it is not Exchange Online.",
		remedy: "Check the address. An Exchange server of one's own takes no token for IMAP and SMTP.",
		who:    Developer,
		source: docOAuth,
	},
	{
		name: "user-name", seen: badUsername, when: []condition{says("the user name is empty")}, confidence: Certain,
		cause:  "The user name is empty.",
		remedy: "Set it to the address of the mailbox. A variable of the environment that is not set is empty.",
		who:    Developer,
		source: "https://developers.google.com/workspace/gmail/imap/xoauth2-protocol",
	},
	{
		name: "empty-token", seen: badUsername, when: []condition{says("the access token is empty")}, confidence: Certain,
		cause:  "The access token is empty.",
		remedy: "Find out why the token source gives none; what does so has to return an error.",
		who:    Developer,
		source: "https://developers.google.com/workspace/gmail/imap/xoauth2-protocol",
	},
	{
		name: "user-name", seen: badUsername, when: []condition{not(says("is empty"))}, confidence: Certain,
		cause:  "The user name or the token cannot be sent as it is.",
		remedy: "Take line ends and other control characters out; they often come with a file or a variable.",
		who:    Developer,
		source: "https://developers.google.com/workspace/gmail/imap/xoauth2-protocol",
	},
}
