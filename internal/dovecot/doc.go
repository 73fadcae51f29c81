// Package dovecot runs a real IMAP server for tests: Dovecot, from the
// operating system's packages, on loopback ports and with all its state in a
// folder of its own. It validates JSON Web Tokens by itself.
package dovecot
