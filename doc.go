// Package exoauth is the root of a library that takes a Go program from a
// credential of Microsoft Entra ID (Azure AD) to an authenticated IMAP, POP3 or
// SMTP connection with Exchange Online (Office 365). Exchange Online takes no
// passwords for IMAP and POP3 any more, is retiring them for SMTP, and wants OAuth
// 2.0 with SASL XOAUTH2 instead.
//
// # Which package
//
//   - To read mail: imapdial. Dial returns a go-imap client that is
//     authenticated and whose mailbox is known to be open.
//   - To send mail: smtpdial. Dial returns a go-smtp client that is
//     authenticated.
//   - To read mail by POP3, or to use another client library: popdial, and
//     the method DialConn of each dialer. It returns a connection that is
//     authenticated already.
//   - To get the token that these ask for: tokensource, one oauth2.TokenSource
//     for each flow of Entra ID. You may also bring a source of your own, or
//     make one of MSAL or azidentity with tokensource.Func.
//   - To get it from the settings of a program, whatever credential they have:
//     settings.
//   - To send with net/smtp or a mail library built on it, or to give a SASL
//     client to something else: xoauth2.
//   - To learn what an error means and which command mends it: diagnose. The
//     program examples/doctor is the same for a whole set-up.
//   - To count what tokens and connections do: trace, hooks for metrics.
//   - To test without an account: exchangetest, an Exchange Online and an
//     Entra ID in the process of the test.
//
// This package itself holds what they share: the hosts and the scopes of
// Microsoft's clouds, as a [Cloud].
//
// # Which flow
//
// A service that opens mailboxes without a user uses client credentials
// ("app-only"). It needs the application permissions IMAP.AccessAsApp and
// SMTP.SendAsApp with admin consent, and in Exchange New-ServicePrincipal and
// Add-MailboxPermission; the README has the commands. A program in which
// somebody signs in, once for many runs, uses a delegated flow. It needs the
// delegated permissions IMAP.AccessAsUser.All and SMTP.Send, to which the user
// consents, and no New-ServicePrincipal. Package tokensource has a list of flows.
//
// # What goes wrong
//
// Exchange gives one answer, "NO AUTHENTICATE failed." or "535 5.7.3", where
//
//   - the token is for another resource, such as Microsoft Graph;
//   - the permission or the admin's consent is missing;
//   - the token has expired;
//   - the application was not made known to Exchange with New-ServicePrincipal,
//     or with the object id of its app registration, where that of its
//     enterprise application is wanted;
//   - the mailbox does not exist, or is in another tenant.
//
// Where the mailbox may not be opened, it can even answer "OK AUTHENTICATE
// completed." first, and then "BAD User is authenticated but not connected." The
// errors of the dialers keep the step and the server's words, and
// diagnose.Explain ranks what they can mean.
//
// # Compatibility
//
// Before version 1 exported names may change between minor versions. The
// library supports the two latest releases of Go from 1.26 on.
package exoauth
