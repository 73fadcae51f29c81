// Package exoauth is the root of a library that turns a Microsoft Entra ID
// (Azure AD) credential into an authenticated IMAP, POP3 or SMTP connection to
// Exchange Online (Office 365). Exchange Online no longer accepts passwords for
// IMAP and POP3 and is retiring them for SMTP. It requires OAuth 2.0 with SASL
// XOAUTH2 instead.
//
// # Which package
//
//   - To read mail: imapdial. Dial returns an authenticated go-imap client,
//     after it has checked that the mailbox is open.
//   - To send mail: smtpdial. Dial returns an authenticated go-smtp client.
//   - To read mail over POP3: popdial. To use another client library: the
//     method DialConn of any of the dialers. Both return an authenticated
//     connection.
//   - To get the token that these packages need: tokensource, with an
//     oauth2.TokenSource for each Entra ID flow. You may also pass a source of
//     your own, or wrap MSAL or azidentity with tokensource.Func.
//   - To build that source from a program's settings, with any kind of
//     credential: settings.
//   - To send with net/smtp or a mail library built on it, or to pass a SASL
//     client to another library: xoauth2.
//   - To learn what an error means and which command fixes it: diagnose. The
//     program examples/doctor checks a whole set-up.
//   - To count what tokens and connections do: trace, hooks for metrics.
//   - To test without an account: exchangetest, which emulates Exchange Online
//     and Entra ID in the test's process.
//
// This package itself holds only the hosts and scopes of each Microsoft cloud,
// as a [Cloud].
//
// # Which flow
//
// A service that opens mailboxes without a user uses client credentials
// ("app-only"). It needs the application permissions IMAP.AccessAsApp and
// SMTP.SendAsApp with admin consent, and in Exchange the commands
// New-ServicePrincipal and Add-MailboxPermission; the README shows them. A
// program to which a user signs in, once for many runs, uses a delegated flow.
// It needs the delegated permissions IMAP.AccessAsUser.All and SMTP.Send with
// the user's consent, and no New-ServicePrincipal. Package tokensource has a
// list of flows.
//
// # What goes wrong
//
// Exchange gives the same answer, "NO AUTHENTICATE failed." or "535 5.7.3", if
//
//   - the token is for another resource, such as Microsoft Graph;
//   - the permission or the admin's consent is missing;
//   - the token has expired;
//   - the application was not registered in Exchange with New-ServicePrincipal,
//     or was registered with the object ID of its app registration instead of
//     that of its enterprise application;
//   - the mailbox does not exist, or is in another tenant.
//
// If the application may not open the mailbox, Exchange may even answer "OK
// AUTHENTICATE completed." first, and then "BAD User is authenticated but not
// connected." The dialers' errors name the step and quote the server, and
// diagnose.Explain ranks the possible causes.
//
// # Compatibility
//
// Before version 1 exported names may change between minor versions. The
// library supports the two latest releases of Go from 1.26 on.
package exoauth
