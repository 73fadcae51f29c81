// Package popdial connects to a mailbox of Exchange Online over POP3. It
// returns an authenticated connection, for any POP3 client library.
//
//	conn, err := popdial.DialConn(ctx, "invoices@contoso.com", source)
//
// The connection opens with the greeting "+OK" and is in the TRANSACTION state
// of RFC 1939: the client must not log in, and can begin with STAT, LIST or
// CAPA. This package has no client of its own.
//
// Any [oauth2.TokenSource] will do, such as one of package tokensource, or one
// of a plain oauth2.Config for Gmail. With an app-only token, which needs the
// permission POP.AccessAsApp, username is the mailbox. With the token of a
// signed-in user, which needs POP.AccessAsUser.All, username is the user's own
// address, or the address of a shared mailbox to which the user has full
// access.
//
// # What DialConn does
//
//   - It obeys its context: when ctx ends, every step ends at once.
//   - It fetches the token while it connects, and another one, once, if the
//     server refuses the first.
//   - It authenticates in two steps, as Exchange requires: "AUTH XOAUTH2", and
//     the token after the server's "+". If the token is in the AUTH line,
//     Exchange answers "-ERR Protocol error. Connection is closed. 10".
//   - It reports a token that is too long for Exchange; see [ErrTokenTooLong].
//   - It quotes the server, and a JSON challenge, in the [Error].
//   - It sends the token only over TLS, and masks it in the debug output.
//   - It uses OAUTHBEARER if the server accepts that but not XOAUTH2.
//
// # Afterwards
//
// The client owns the connection. It must send QUIT, without which a server
// deletes nothing (RFC 1939 §6), and close the connection. POP3 sessions are
// short, unlike those of IMAP: dial again for the next look into the mailbox.
package popdial
