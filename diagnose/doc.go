// Package diagnose says what is wrong where Exchange Online says only "NO
// AUTHENTICATE failed.", and which command mends it.
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
//   - [Explain] takes an error of this library, of go-imap, go-smtp, net/smtp,
//     x/oauth2, MSAL or azidentity.
//   - [ExplainLine] takes a line that a server, or the program of somebody else,
//     has printed, or a whole log.
//   - [Token] judges an access token before it is used.
//   - [Run] is the doctor: it goes the whole way, from the name of the server to
//     the open mailbox, step by step, and explains what fails.
//
// The more a [Subject] tells of what was tried, the fewer findings there are.
// With the token it is often one; an error of imapdial or smtpdial brings what
// is to be known of it along. Without it there are several, most likely first,
// for Exchange gives the same answer to twenty mistakes. Each [Finding] says how
// sure it is.
//
// # What it does not do
//
// It changes nothing: commands are for a person to read and to run. It does not
// verify signatures, and no finding, report or formatted [Subject] holds a
// token. Nothing but Run connects to anything.
package diagnose
