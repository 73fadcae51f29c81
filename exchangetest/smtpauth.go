package exchangetest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/resource"
	"github.com/exoauth/exoauth/xoauth2"
)

const (
	authFailed       = "535 5.7.3 Authentication unsuccessful"
	authBasic        = "535 5.7.139 Authentication unsuccessful, basic authentication is disabled."
	authDisabled     = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the %s. Visit https://aka.ms/smtp_auth_disabled for more information."
	authLocked       = "535 5.7.139 Authentication unsuccessful, account locked. Contact your administrator."
	authDefaults     = "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator."
	authCriteria     = "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator."
	authUnrecognized = "504 5.7.4 Unrecognized authentication type"
)

// A wireError is a refusal that the client is told more of than authFailed.
type wireError struct{ reply string }

func (e *wireError) Error() string { return strings.TrimPrefix(e.reply, "535 5.7.139 ") }

func (c *smtpConn) auth(args string) {
	mech, response, inline := strings.Cut(args, " ")
	mech = strings.ToUpper(mech)
	switch {
	case !c.tls, mech != "LOGIN" && mech != xoauth2.Mechanism:
		c.refuse(authUnrecognized)
	case !c.hello:
		c.Reply("503 5.5.2 Send hello first")
	case c.user != "":
		c.Reply("503 5.5.2 Already authenticated")
	case mech == "LOGIN":
		c.authLogin(response, inline)
	default:
		c.authXOAUTH2(response, inline)
	}
}

// authLogin asks for a name and a password.
func (c *smtpConn) authLogin(response string, inline bool) {
	name, err := base64.StdEncoding.DecodeString(response)
	ok := err == nil
	if !inline {
		name, ok = c.prompt("Username:")
	}
	var password []byte
	if ok {
		password, ok = c.prompt("Password:")
	}
	if c.Over {
		return
	}
	if !ok {
		c.cancelled(string(name))
		return
	}
	b, err := c.srv.verifyPassword(string(name), string(password), resource.SMTP)
	c.answer(c.admit(string(name), b, err), c.refusePassword)
}

func (c *smtpConn) authXOAUTH2(response string, inline bool) {
	decoded, err := base64.StdEncoding.DecodeString(response)
	ok := err == nil
	if !inline {
		decoded, ok = c.prompt("")
	}
	if c.Over {
		return
	}
	if !ok {
		c.cancelled("")
		return
	}
	admit := func(user string, b bearer, err error) error {
		if err == nil {
			err = c.checkHVE(b)
		}
		return c.admit(user, b, err)
	}
	sasl := saslServer{c.srv, c.sess, resource.SMTP, admit}
	c.answer(sasl.xoauth2(decoded), c.refuseXOAUTH2)
}

// cancelled answers a client that gives up, with RFC 4954's asterisk or by
// something that is not base64.
func (c *smtpConn) cancelled(name string) {
	c.sess.attempt(name, bearer{}, errNotBase64)
	c.refuse(authFailed)
}

// answer tells the client what came of AUTH.
func (c *smtpConn) answer(err error, refuse func(error)) {
	if err != nil {
		refuse(err)
		return
	}
	c.Reply("235 2.7.0 Authentication successful")
}

// replyOf returns the reply that belongs to an error, or else that to most.
func replyOf(err error, most string) string {
	if own, ok := errors.AsType[*wireError](err); ok {
		return own.reply
	}
	return most
}

// admit opens the mailbox for who has proven to be b, unless err says that
// nothing was proven.
func (c *smtpConn) admit(user string, b bearer, err error) error {
	var m *Mailbox
	if err == nil {
		m, err = c.srv.dir.openSMTP(b, user)
	}
	if err != nil {
		c.sess.attempt(user, b, err)
		return err
	}
	c.user, c.bearer, c.mailbox = user, b, m
	// Exchange finds out only when there is a message to submit.
	c.sess.attempt(user, b, c.srv.dir.mayOpen(b, m))
	c.sess.accept(time.Time{}) // no report says that Exchange ends SMTP sessions
	return nil
}

// openSMTP returns the mailbox that b submits for. SMTP takes the address of
// who signed in for user=, and never that of a mailbox shared with him.
func (d *directory) openSMTP(b bearer, user string) (*Mailbox, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.mailboxLocked(user)
	switch {
	case m == nil:
		return nil, fmt.Errorf("there is no mailbox %q", user)
	case m.tenant != b.tenant:
		return nil, fmt.Errorf("the mailbox %q is in another tenant than the token's", user)
	case b.user != nil && b.user.Mailbox != m:
		return nil, fmt.Errorf("the token is of the user %s; SMTP wants that name, with the shared address as the sender alone", b.user.UPN)
	case b.byRole && !b.hasFullAccess(m):
		return nil, fmt.Errorf("the mailbox %s is in no scope of the application's roles (New-ManagementRoleAssignment)", m.Address)
	case m.cas.SmtpClientAuthenticationDisabled != nil:
		if *m.cas.SmtpClientAuthenticationDisabled {
			return nil, &wireError{fmt.Sprintf(authDisabled, "Mailbox")}
		}
	case m.tenant.transport.SmtpClientAuthenticationDisabled:
		return nil, &wireError{fmt.Sprintf(authDisabled, "Tenant")}
	}
	return m, nil
}

// mayOpen returns an error if b has no access to the mailbox.
func (d *directory) mayOpen(b bearer, m *Mailbox) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !b.hasFullAccess(m) {
		return fmt.Errorf("no FullAccess to the mailbox %s (Add-MailboxPermission)", m.Address)
	}
	return nil
}
