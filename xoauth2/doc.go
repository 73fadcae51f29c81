// Package xoauth2 implements XOAUTH2, the SASL mechanism by which Exchange
// Online, outlook.com and Gmail take an OAuth 2.0 access token on IMAP, POP
// and SMTP.
//
// The package is the mechanism and nothing else. To dial a mailbox use
// imapdial or smtpdial, which also take care of timeouts, TLS and refused
// tokens. Use this package with a client that takes a [sasl.Client] (go-imap,
// go-smtp) or, through [SMTPAuth], with net/smtp and the mail libraries built
// on it. [NewServer] is the other side, for servers and for tests.
//
// The mail library wneessen/go-mail has an Auth interface of its own, for which
// a few lines make one of an SMTPAuth:
// https://github.com/exoauth/exoauth/tree/main/examples/smtplibraries
//
// The mechanism has no RFC. It is described by Microsoft at
// https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth
// and by Google at https://developers.google.com/workspace/gmail/imap/xoauth2-protocol.
//
// # Which user name
//
// With an app-only token the user name is the address of the mailbox, in
// every protocol. With the token of a signed-in user, a shared mailbox is
// opened by its own address on IMAP and POP, but SMTP wants the address of
// the user whom the token belongs to; the shared address is then only the
// sender of the message.
package xoauth2
