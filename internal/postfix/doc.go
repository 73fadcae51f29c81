// Package postfix runs a real submission server for tests: Postfix, from the
// operating system's packages, on a loopback port and with all its state in a
// folder of its own. It leaves authentication to Dovecot.
package postfix
