// Package diagnose explains what is wrong when Exchange Online says only "NO
// AUTHENTICATE failed.", and names the command that fixes it.
//
//	c, err := imapdial.Dial(ctx, "invoices@contoso.com", source)
//	if err != nil {
//		for _, f := range diagnose.Explain(err, diagnose.Subject{Tenant: tenant, ClientID: clientID}) {
//			log.Print(f) // a line, without f.Commands; a Printer writes those too
//		}
//	}
//
// There are four ways to ask:
//
//   - [Explain] takes an error of this library or of another one, such as
//     go-imap, go-smtp, net/smtp, x/oauth2, MSAL or azidentity.
//   - [ExplainLine] takes a line that a server or another program has printed,
//     or a whole log.
//   - [Token] checks an access token before it is used.
//   - [Run] checks a whole set-up step by step, from the name of the server to
//     the open mailbox, and explains what fails.
//
// The more a [Subject] tells about the failed login, the fewer findings there
// are. With the token there is often only one; an error of imapdial or smtpdial
// already has the token's claims. Without the token there are several, the most
// likely first, since Exchange gives the same answer to twenty mistakes. Each
// [Finding] has a [Confidence].
//
// # What it does not do
//
// Package diagnose changes nothing: a person reads and runs the commands. It
// does not verify signatures. No finding, report or formatted [Subject]
// contains a token. Only Run uses the network.
package diagnose
