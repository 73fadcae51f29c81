// Package exchangetest emulates Exchange Online and Entra ID in the current
// process, for tests and demonstrations. Entra ID, the IMAP, POP3 and SMTP
// servers and hosts with managed identities listen on loopback, with a
// certificate authority of their own.
//
// [Run] starts a server for a test, with one tenant, contoso.onmicrosoft.com. A
// few calls add what the test needs:
//
//	srv := exchangetest.Run(t)
//	contoso := srv.Tenant()
//	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp, exchangetest.SMTPSendAsApp)
//	mailbox := contoso.AddMailbox("invoices@contoso.com")
//	contoso.Grant(app, mailbox.Address)
//
// A client keeps its production addresses. Three settings connect it to the
// server instead of Microsoft's hosts, and make it trust the server's
// certificate:
//
//	source := (&tokensource.Config{
//		Tenant: contoso.ID, ClientID: app.ClientID, Credential: tokensource.Secret(app.Secret),
//		HTTPClient: srv.HTTPClient(),
//	}).ClientCredentials()
//	dialer := &imapdial.Dialer{TokenSource: source, DialContext: srv.DialContext, TLSConfig: srv.TLSConfig()}
//
// For a client without a DialContext, [Server.Cloud] returns the server's own
// addresses. If a test fails, Run logs why logins were refused, which Exchange
// does not say; [Server.Sessions] returns the reasons, too. [Server.Requests]
// returns the token requests, and [Server.Sent] the messages.
//
// # Entra ID
//
// The server has the endpoints of Entra ID that clients use: discovery of
// instances, of OpenID Connect and of keys, authorize with pages to sign in and
// consent, token, device code, admin consent and user realm. The token endpoint
// accepts client credentials (a secret, an assertion signed with a certificate,
// or a token of an [Issuer]), authorization codes with PKCE, refresh tokens,
// device codes, passwords and on-behalf-of. The tenant in a URL is an ID, a
// domain, common, organizations or consumers. A [Browser] fills in the pages,
// and a [Host] has tokens of managed identities.
//
// Use [User.SetState] to keep one user from a token, and [Tenant.SetBlocked] or
// [Tenant.SetCloud] to keep everybody from it. For the rest, use an
// administrator's cmdlets. A refusal has the number, the status and the text
// that Entra ID sends.
//
// # What is imitated
//
// Until the end of authentication, the mail servers send exactly the bytes that
// Exchange Online has been seen to send, and they say no more than it does: a
// refusal is "NO AUTHENTICATE failed." whatever the reason. [Server.Sessions]
// returns the reason. After authentication, IMAP is Exchange's, too: folders are
// a tree with the attributes of Exchange's own, there are no keywords, and
// SEARCH knows no charset but US-ASCII. There is a second SMTP server for High
// Volume Email as it is since 2026: it requires the permission Mail.Send and, of
// an application, Add-HVEAppAccess, sends within the organization alone, and
// keeps no copy; see [Server.Addrs].
//
// Microsoft documents few of the symptoms, and reports contradict each other.
// If the token is otherwise good, the server does this:
//
//   - The application is not registered with New-ServicePrincipal, or is
//     registered with the object ID of the app registration instead of the
//     enterprise application's: "NO AUTHENTICATE failed." and "535 5.7.3".
//   - There is no such mailbox, or it is in another tenant than the token's:
//     the same.
//   - The application or the signed-in user has no FullAccess to the mailbox,
//     or IMAP is switched off: IMAP accepts the token and then answers "BAD
//     User is authenticated but not connected." to commands that need a
//     mailbox. To a personal account with IMAP off it says that with NO, at
//     once.
//   - The application has no FullAccess: SMTP accepts the token and refuses the
//     message with "430 4.2.0 STOREDRV; mailbox logon failure".
//   - The sender of a message is another mailbox, and there is no SendAs: SMTP
//     refuses the message with "554 5.2.252 SendAsDenied".
//   - The SMTP user name is not that of the user who signed in: "535 5.7.3",
//     even if the signed-in user has FullAccess.
//
// The mail servers refuse every password until an authentication policy allows
// it (New-AuthenticationPolicy).
//
// # What is not imitated
//
//   - In IMAP no message is \Recent. The refusals to delete or rename one of
//     Exchange's own folders, and to copy to a missing one, have texts of their
//     own.
//   - The accounts of High Volume Email, and its billing: any mailbox is one.
//   - Message Trace, throttling (a Fault imitates it), quarantine, transport
//     rules, groups, aliases and public folders.
//   - The delay before a change of permissions takes effect: here it does at
//     once. An open session goes on after its permission was removed.
//   - Continuous access evaluation, TLS client certificates, EWS, and Graph
//     apart from its cmdlets.
//
// # The administrator
//
// [Tenant.Admin] runs what an administrator would type: cmdlets of Exchange
// Online and of Microsoft Graph, and az. The steps that nearly every test needs
// also have methods: [Tenant.Grant], [Tenant.NewServicePrincipal],
// [Tenant.AddMailboxPermission] and [Tenant.AddRecipientPermission].
//
// # Time
//
// The server measures every lifetime on a clock of its own, which
// [Server.Advance] moves, so a test of an expired token need not wait. A
// tokensource.Source does not see that clock. After Advance make a new one: the
// old one would return a token that has expired on the server, and login would
// fail. If the program under test keeps its source, as with Dialer.Keep of
// imapdial, give it one that asks each time:
//
//	type uncached struct{ *tokensource.Config }
//
//	func (u uncached) Token() (*oauth2.Token, error) { return u.ClientCredentials().Token() }
//
// or set Server.TokenLifetime to a second or two and let the test wait. The
// pauses of clients do not depend on that clock either: a smtpdial.Sender waits
// for a second or so before it tries again, and a Source waits as long as
// Retry-After says.
//
// # Faults
//
// [Server.Inject] makes things go wrong, at any command and any number of
// times: an answer is late, slow, cut short, replaced, preceded by a challenge,
// or missing. To throttle a client, for example:
//
//	Fault{At: AtEntra, Command: "token", Status: 429, Header: http.Header{"Retry-After": {"1"}}}
//	Fault{At: AtSMTP, Command: EndOfMessage, Reply: "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded"}
//	Fault{At: AtIMAP, Command: "SELECT", Reply: "{tag} NO Request is throttled. Suggested Backoff Time: 92415 milliseconds"}
//
// Faults can also imitate other servers, such as Gmail or an old Exchange
// Server. [Fault.AADSTS] makes Entra ID refuse with any of its [Refusals]. If
// you can put the directory into the state that causes the refusal, such as
// with [App.ExpireSecret] or [User.SetState], that is a better test.
// [Server.SetSkew] makes the clocks of Entra ID and Exchange differ.
//
// # Wrong use
//
// As in net/http/httptest, a call that must be a mistake panics with the
// reason. The methods named after Exchange's cmdlets return an error if
// Exchange would refuse the cmdlet.
//
// All methods are safe for concurrent use, except those of a Browser.
package exchangetest
