// Package smtpdial connects to the submission service of Exchange Online and
// returns a go-smtp client that is authenticated and ready for MAIL.
//
//	c, err := smtpdial.Dial(ctx, "invoices@contoso.com", source)
//
// # Which user name
//
// With an app-only token, username is the mailbox that sends. With the token
// of a signed-in user it is that user's own address, also for mail from a
// shared mailbox: the shared address is then given to the client's Mail
// method and to the From header, and the user needs Send As on it. IMAP is
// different there.
//
// # High Volume Email
//
// Its host is smtp.hve.mx.microsoft:587, for Addr. It refuses a token that
// expires within ten minutes; Dial asks for one that is valid for longer, see
// MinValidity. The user name is the address of an account made for it.
//
// # What comes after AUTH
//
// Exchange looks into the mailbox only when it has the whole message. Then it
// may answer "430 4.2.0 STOREDRV; mailbox logon failure": the application has no
// full access, and although a reply of class 4 says so, waiting does not help.
// Or it answers "554 5.2.252 SendAsDenied": the sender is not the user name, who
// has no Send As.
//
// # What Dial does that go-smtp does not
//
//   - It lives by its context: every step ends with it, at once.
//   - It fetches the token while it connects, and after a refusal fetches
//     another one, once, on the same connection.
//   - It never sends a token, nor anything but EHLO and STARTTLS, in the clear.
//   - It keeps both the challenge and the reply of a refusal.
//   - It leaves the initial response out of the AUTH command where the line
//     would be longer than the 512 octets that RFC 4954 allows, except on
//     Exchange Online, which takes it.
//   - It uses OAUTHBEARER where a server has that and not XOAUTH2.
//
// For that it runs the conversation up to AUTH itself and hands go-smtp a
// connection that replays the greeting and the answer to EHLO. Because of
// that the client's TLSConnectionState method reports no TLS.
//
// # Many messages
//
// A [Sender] keeps connections ready for the next message, within the limits that
// Exchange Online has for a mailbox. It tries again if a refusal may pass. It
// speaks SMTP itself, as Dial does up to AUTH, and bounds each step in time.
package smtpdial
