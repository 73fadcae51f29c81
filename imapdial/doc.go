// Package imapdial connects to a mailbox of Exchange Online over IMAP. It
// returns an authenticated go-imap client, or a connection for any other
// client, after it has checked that the mailbox is open.
//
//	c, err := imapdial.Dial(ctx, "invoices@contoso.com", source)
//
// Any [oauth2.TokenSource] will do, such as one of package tokensource, whose
// Func adapts MSAL or azidentity, or one of a plain oauth2.Config for Gmail.
// With an app-only token, username is the mailbox. With the token of a
// signed-in user, username is the user's own address, or the address of a
// shared mailbox to which the user has full access.
//
// # What Dial does that imapclient does not
//
//   - It obeys its context: when ctx ends, every step ends at once.
//   - It fetches the token while it connects, and another one, once, if the
//     server refuses the first.
//   - It checks that the mailbox is open. If the application has no permission,
//     or IMAP is switched off, Exchange answers "OK AUTHENTICATE completed."
//     and then "BAD User is authenticated but not connected."; see
//     [NotConnected].
//   - It quotes the server: a "* BYE", a JSON challenge and Exchange's NO
//     [Error="AuthFailed:… are in the [Error]. The client that it returns also
//     keeps the text of a later BYE, which a plain imapclient drops; see
//     [Expired].
//   - It sends the token only over TLS, and masks it in the debug output.
//   - It bounds the memory and the time that a response can cost the client,
//     before and after the authentication; see [Limits].
//   - It uses OAUTHBEARER if the server offers that but not XOAUTH2.
//
// To do this, Dial reads the greeting and runs AUTHENTICATE itself, and gives
// imapclient a connection that opens with a PREAUTH greeting (RFC 9051 §7.1.4).
// [Dialer.DialConn] returns that connection.
//
// # Afterwards
//
// Exchange ends a session when its token expires, an hour or so after Dial,
// with "* BYE Session invalidated - AccessTokenExpired", and for many other
// reasons. [Dialer.Keep] opens session after session until its context ends;
// with [KeepOptions], one Dialer serves any number of mailboxes. Without Keep,
// [Retryable], [Throttled], [Refused] and [NotConnected] classify an error.
//
// The client's commands take no context. To end them with a context:
//
//	defer context.AfterFunc(ctx, func() { c.Close() })()
//
// Never call the client from its UnilateralDataHandler, which runs on the
// goroutine that reads from the server (go-imap #668).
package imapdial
