// Package xoauth2 implements XOAUTH2, the SASL mechanism with which Exchange
// Online, outlook.com and Gmail accept an OAuth 2.0 access token for IMAP, POP
// and SMTP, and OAUTHBEARER (RFC 7628), its standardized successor.
//
// The package implements the mechanisms and nothing else. To dial a mailbox use
// imapdial or smtpdial, which also take care of timeouts, TLS and refused
// tokens. Use this package with a client that takes a [sasl.Client], such as
// go-imap and go-smtp, or, by way of [SMTPAuth], with net/smtp and the mail
// libraries built on it. [NewServer] and [NewOAuthBearerServer] are the other
// side, for servers and for tests.
//
// The mail library wneessen/go-mail has its own Auth interface. A few lines
// adapt an SMTPAuth to it:
// https://github.com/exoauth/exoauth/tree/main/examples/smtplibraries
//
// XOAUTH2 has no RFC. Microsoft describes it at
// https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth
// and Google at https://developers.google.com/workspace/gmail/imap/xoauth2-protocol.
// Exchange Online does not offer OAUTHBEARER; Gmail and Dovecot offer both.
//
// # Which user name
//
// With an app-only token the user name is the address of the mailbox, in every
// protocol. With the token of a signed-in user, the user name for a shared
// mailbox depends on the protocol. On IMAP and POP it is the address of the
// shared mailbox. On SMTP it is the address of the user, and the shared address
// is only the sender of the message.
package xoauth2
