// Package smtpdial connects to the submission service of Exchange Online. It
// returns an authenticated go-smtp client that is ready for MAIL, or a
// connection for any other client.
//
//	c, err := smtpdial.Dial(ctx, "invoices@contoso.com", source)
//
// # Which user name
//
// With an app-only token, username is the mailbox that sends. With the token of
// a signed-in user, username is the user's own address, even for mail from a
// shared mailbox: the shared address goes into the client's Mail method and the
// From header, and the user needs the permission Send As. This differs from
// IMAP, where username is the shared address.
//
// # Other services
//
// High Volume Email: set Addr to the SMTP of [exoauth.HighVolumeEmail]. It
// refuses a token that expires within ten minutes, so Dial asks for one that is
// valid for longer; see Dialer.MinValidity. The user name is the address of a
// High Volume Email account, which is also the only sender. Recipients are in
// the organization, 50 of them for each message.
//
// Azure Communication Services: set Addr to the SMTP of
// [exoauth.CommunicationServices], and the Cloud of the tokensource.Config to
// exoauth.CommunicationServices. The user name is an SMTP Username of the
// resource in Azure.
//
// # What comes after AUTH
//
// Exchange opens the mailbox only after it has received the whole message. If
// the application does not have full access, it then answers "430 4.2.0
// STOREDRV; mailbox logon failure". Waiting does not help, although replies of
// class 4 are temporary. If the sender is not the user name, and the user does
// not have Send As, it answers "554 5.2.252 SendAsDenied".
//
// # What Dial does that go-smtp does not
//
//   - It obeys its context: when ctx ends, every step ends at once.
//   - It fetches the token while it connects, and another one, once, if the
//     server refuses the first. It tries that on the same connection.
//   - It sends nothing in the clear but EHLO and STARTTLS.
//   - It returns both the challenge and the reply of a refusal in the [Error].
//   - It leaves the initial response out of the AUTH command if the line would
//     be longer than the 512 octets that RFC 4954 allows, except on Exchange
//     Online, which takes it.
//   - It uses OAUTHBEARER if the server offers that but not XOAUTH2.
//
// To do this, Dial runs the conversation up to AUTH itself and gives go-smtp a
// connection that replays the greeting and the answer to EHLO. As a result, the
// client's TLSConnectionState method reports no TLS. [Dialer.DialConn] returns
// that connection, for net/smtp and the libraries on top of it.
//
// # Many messages
//
// A [Sender] keeps connections ready for the next message, within the limits
// that Exchange Online has for a mailbox. It tries again after a temporary
// failure, and each of its steps has a time limit.
package smtpdial
