// Package exoauth is the root of a library that takes a Go program from a
// credential of Microsoft Entra ID to an authenticated IMAP or SMTP
// connection with Exchange Online (Office 365).
package exoauth
