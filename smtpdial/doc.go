// Package smtpdial connects to the submission service of Exchange Online and
// returns a go-smtp client that is authenticated and ready for MAIL, or a
// connection for any other client.
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
// # Other services
//
// High Volume Email: set Addr to the SMTP of [exoauth.HighVolumeEmail]. It refuses
// a token that expires within ten minutes, so Dial asks for one that is valid for
// longer; see Dialer.MinValidity. The user name is the address of an account made
// for it, which is also the only sender. Recipients are those of the
// organization, 50 of them a message.
//
// Azure Communication Services: set Addr to the SMTP of
// [exoauth.CommunicationServices], and the Cloud of the tokensource.Config to
// that. The user name is an SMTP Username of the resource in Azure.
//
// # What comes after AUTH
//
// Exchange opens the mailbox only when it has the whole message. Then it may
// answer "430 4.2.0 STOREDRV; mailbox logon failure": the application does not
// have full access. Waiting does not help, although the reply is of class 4. Or
// it answers "554 5.2.252 SendAsDenied": the sender is not the user name, and the
// user does not have Send As.
//
// # What Dial does that go-smtp does not
//
//   - It obeys its context: when ctx ends, every step ends at once.
//   - It fetches the token while it connects, and after a refusal fetches
//     another one, once, on the same connection.
//   - It sends nothing in the clear but EHLO and STARTTLS.
//   - It keeps both the challenge and the reply of a refusal.
//   - It leaves the initial response out of the AUTH command if the line would
//     be longer than the 512 octets that RFC 4954 allows, except on Exchange
//     Online, which takes it.
//   - It uses OAUTHBEARER if a server offers that and not XOAUTH2.
//
// For that it runs the conversation up to AUTH itself and hands go-smtp a
// connection that replays the greeting and the answer to EHLO. Because of
// that the client's TLSConnectionState method reports no TLS.
// [Dialer.DialConn] returns that connection for net/smtp and the libraries on
// top of it.
//
// # Many messages
//
// A [Sender] keeps connections ready for the next message, within the limits
// that Exchange Online has for a mailbox. It tries again after a temporary
// failure, and each of its steps has a time limit.
package smtpdial
