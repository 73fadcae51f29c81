// Package exchangetest runs Exchange Online and Entra ID in one process, for
// tests and demonstrations: Entra ID, the IMAP, POP3 and SMTP submission servers
// and managed identities on loopback, with a certificate authority of their own.
//
// [Run] starts a server for a test, with one tenant, contoso.onmicrosoft.com, and
// what a test needs is made in a few calls:
//
//	srv := exchangetest.Run(t)
//	contoso := srv.Tenant()
//	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp, exchangetest.SMTPSendAsApp)
//	mailbox := contoso.AddMailbox("invoices@contoso.com")
//	contoso.Grant(app, mailbox.Address)
//
// A client keeps the addresses of production. Three settings lead Microsoft's
// host names to the server, and have the client trust its certificate:
//
//	source := (&tokensource.Config{
//		Tenant: contoso.ID, ClientID: app.ClientID, Credential: tokensource.Secret(app.Secret),
//		HTTPClient: srv.HTTPClient(),
//	}).ClientCredentials()
//	dialer := &imapdial.Dialer{TokenSource: source, DialContext: srv.DialContext, TLSConfig: srv.TLSConfig()}
//
// For clients that have no DialContext, [Server.Cloud] has the server's own
// addresses. When a test fails, Run logs why logins were refused, which no
// Exchange would say; the Reason is in [Server.Sessions] too. What was asked of
// Entra ID is in [Server.Requests], and what was sent in [Server.Sent].
//
// # Entra ID
//
// The server has the endpoints that clients ask of Entra ID: discovery of
// instances, OpenID Connect and keys, authorize with pages to sign in and to
// consent on, token, device code, admin consent and user realm. The token
// endpoint knows client credentials (a secret, a certificate's assertion, the
// token of an [Issuer]), authorization code with PKCE, refresh token, device
// code, password and on-behalf-of. Tenants are named by id or domain, common,
// organizations or consumers. A [Browser] fills in the pages, and a [Host] has
// tokens of managed identities.
//
// What keeps a user from a token is set with [User.SetState], what keeps
// everybody from it with [Tenant.SetBlocked] and [Tenant.SetCloud], and the rest
// with the cmdlets that an administrator types. It is refused with the number,
// the status and in the words of Entra ID.
//
// # What is imitated
//
// Up to and including authentication the mail servers speak the bytes that
// Exchange Online was seen to speak, and they say no more than it does: a
// refusal is "NO AUTHENTICATE failed." whatever the reason. A test that wants
// the reason finds it in [Server.Sessions]. So does IMAP after that: folders are
// a tree with the attributes of Exchange's own, there are no keywords, and SEARCH
// knows no charset but US-ASCII. A second SMTP server is that of High Volume
// Email as it is since 2026: it wants the permission Mail.Send and, of an
// application, Add-HVEAppAccess, sends within the organization alone, and keeps no
// copy; see [Server.Addrs].
//
// Microsoft documents few of the symptoms, and reports of them contradict each
// other. This is what the server does for a token that is otherwise good:
//
//   - The application is not registered with New-ServicePrincipal, or with the
//     object id of the app registration in place of the enterprise
//     application's: "NO AUTHENTICATE failed." and "535 5.7.3".
//   - There is no such mailbox, or it is in another tenant than the token:
//     the same.
//   - The application or the signed-in user has no FullAccess to the mailbox,
//     or IMAP is switched off: IMAP accepts the token and then answers "BAD
//     User is authenticated but not connected." to what needs a mailbox. To a
//     personal account with IMAP switched off it says that with NO, at once.
//   - The application has no FullAccess, SMTP: the token is accepted and the
//     message refused with "430 4.2.0 STOREDRV; mailbox logon failure".
//   - The sender of a message is another mailbox, without SendAs: the message
//     is refused with "554 5.2.252 SendAsDenied".
//   - SMTP names another user than the one who signed in: "535 5.7.3", even if
//     that user has FullAccess.
//
// The mail servers refuse every password until an authentication policy allows
// it (New-AuthenticationPolicy).
//
// # What is not imitated
//
//   - In IMAP no message is \Recent. What refuses to delete or rename one of
//     Exchange's own folders, and to copy to one that is not there, has words of
//     its own.
//   - Accounts of High Volume Email, and its billing: any mailbox is one.
//   - Message Trace, throttling (a Fault imitates it), quarantine, transport
//     rules, groups, aliases and public folders.
//   - The delay with which a change of permissions takes effect: here at once. A
//     session that is open goes on after its permission was taken.
//   - Continuous access evaluation, certificates of the client in TLS, EWS, and
//     Graph apart from its cmdlets.
//
// # The administrator
//
// [Tenant.Admin] takes what an administrator would type: the cmdlets of Exchange
// Online and of Microsoft Graph, and az. The steps that nearly every test needs
// have methods, too: [Tenant.Grant], [Tenant.NewServicePrincipal],
// [Tenant.AddMailboxPermission] and [Tenant.AddRecipientPermission].
//
// # Time
//
// Every lifetime is measured on the server's own clock, which [Server.Advance]
// moves; a test of an expired token needs no waiting. A tokensource.Source
// does not see that clock: after Advance make a new one, or it hands out the
// token that has expired here, and login fails. Where the program under test
// keeps its source, as with Dialer.Keep of imapdial, give it one that asks each
// time:
//
//	type uncached struct{ *tokensource.Config }
//
//	func (u uncached) Token() (*oauth2.Token, error) { return u.ClientCredentials().Token() }
//
// or let tokens expire while the test waits, with a Server.TokenLifetime of a
// second or two. The pauses of a client do not see that clock either: a
// smtpdial.Sender waits for a second or so before it tries again, and a Source
// for the Retry-After that it was told.
//
// # Faults
//
// [Server.Inject] makes things go wrong: answers that come late, slowly, in
// part, replaced by others, after a challenge or not at all, at any command and
// any number of times. To throttle a client, for example:
//
//	Fault{At: AtEntra, Command: "token", Status: 429, Header: http.Header{"Retry-After": {"1"}}}
//	Fault{At: AtSMTP, Command: EndOfMessage, Reply: "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded"}
//	Fault{At: AtIMAP, Command: "SELECT", Reply: "{tag} NO Request is throttled. Suggested Backoff Time: 92415 milliseconds"}
//
// Other servers can be imitated too, such as Gmail or an old Exchange Server.
// [Fault.AADSTS] has Entra ID refuse with any of its [Refusals]. If the directory
// can be put into the state that they are about, such as with [App.ExpireSecret]
// or [User.SetState], that is the better test.
// [Server.SetSkew] makes the clocks of Entra ID and of Exchange disagree.
//
// # Wrong use
//
// As in net/http/httptest, a call that cannot be meant panics with the reason.
// The methods named after Exchange's cmdlets return an error if Exchange would
// refuse the cmdlet.
//
// All methods may be called from several goroutines at once.
package exchangetest
