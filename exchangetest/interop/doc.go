// Package interop has no code, only tests: clients that nobody here wrote, such
// as MSAL, azidentity, go-mail, smtppool, Jakarta Mail, ImapFlow, Nodemailer,
// curl and Python's standard library, log in to exchangetest unchanged, mbsync and
// offlineimap keep copies of its mailboxes, and Chromium walks through its pages.
// It is a module of its own so that they are no dependencies of the library.
package interop
