// Package imapdial connects to a mailbox of Exchange Online over IMAP and
// returns a go-imap client that is authenticated and whose mailbox is known
// to be open, or a connection for any other client.
//
//	c, err := imapdial.Dial(ctx, "invoices@contoso.com", source)
//
// Any [oauth2.TokenSource] will do: one of package tokensource, whose Func
// adapts MSAL or azidentity, or that of a plain oauth2.Config for Gmail. With an
// app-only token, username is the mailbox. With the token of a signed-in user,
// username is the user's own address, or the address of a shared mailbox to
// which the user has full access.
//
// # What Dial does that imapclient does not
//
//   - It obeys its context: when ctx ends, every step ends at once.
//   - It fetches the token while it connects, and after a refusal fetches
//     another one, once.
//   - It proves the mailbox. Exchange answers "OK AUTHENTICATE completed."
//     and then "BAD User is authenticated but not connected." to an
//     application without permission, or if IMAP is switched off; see
//     [NotConnected].
//   - It keeps the server's words: a "* BYE", a JSON challenge and Exchange's
//     NO [Error="AuthFailed:… are in the [Error]. The client that it returns
//     keeps the words of a later BYE too, which imapclient alone drops; see
//     [Expired].
//   - It sends the token only over TLS, and masks it in the debug output.
//   - It bounds the memory and the time that a response can cost the client,
//     before and after the authentication; see [Limits].
//   - It uses OAUTHBEARER if a server offers that and not XOAUTH2.
//
// For that it runs the greeting and AUTHENTICATE itself and hands imapclient
// a connection that opens with a PREAUTH greeting (RFC 9051 §7.1.4), which
// [Dialer.DialConn] returns.
//
// # Afterwards
//
// Exchange ends a session when its token expires, an hour or so after Dial,
// with "* BYE Session invalidated - AccessTokenExpired", and for many other
// reasons. [Dialer.Keep] opens the next one until its context ends; with
// [KeepOptions], one Dialer keeps any number of mailboxes. Without Keep,
// [Retryable], [Throttled], [Refused] and [NotConnected] classify an error.
//
// The client's commands take no context. To let one end them:
//
//	defer context.AfterFunc(ctx, func() { c.Close() })()
//
// Never call the client from its UnilateralDataHandler, which runs on the
// goroutine that reads (go-imap #668).
package imapdial
