// Package popdial connects to a mailbox of Exchange Online over POP3 and returns
// a connection that is authenticated, for any POP3 client library.
//
//	conn, err := popdial.DialConn(ctx, "invoices@contoso.com", source)
//
// The connection opens with the greeting "+OK" and is in the TRANSACTION state of
// RFC 1939: the client must not log in, and may begin with STAT, LIST or CAPA.
// This package has no client of its own.
//
// Any [oauth2.TokenSource] will do: one of package tokensource, or that of a
// plain oauth2.Config for Gmail. With an app-only token, which needs the
// permission POP.AccessAsApp, username is the mailbox. With the token of a
// signed-in user, which needs POP.AccessAsUser.All, username is the user's own
// address, or the address of a shared mailbox to which the user has full access.
//
// # What DialConn does
//
//   - It obeys its context: when ctx ends, every step ends at once.
//   - It fetches the token while it connects, and after a refusal fetches
//     another one, once.
//   - It authenticates in two steps, "AUTH XOAUTH2" and the token after the
//     server's "+", as Exchange demands. Exchange answers a token in the line of
//     AUTH with "-ERR Protocol error. Connection is closed. 10".
//   - It tells if a token is too long for Exchange; see [ErrTokenTooLong].
//   - It keeps the server's words and a JSON challenge in the [Error].
//   - It sends the token only over TLS, and masks it in the debug output.
//   - It uses OAUTHBEARER if a server takes that and not XOAUTH2.
//
// # Afterwards
//
// The client owns the connection. It says QUIT, without which a server deletes
// nothing (RFC 1939 §6), and closes it. Unlike IMAP, POP3 has no sessions that
// last: dial again for the next look into the mailbox.
package popdial
