package smtpd

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/access"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/mailserver"
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

func (c *conn) auth(args string) {
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
func (c *conn) authLogin(response string, inline bool) {
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
	b, err := c.Access.VerifyPassword(string(name), string(password), resource.SMTP)
	c.answer(c.admit(string(name), b, err), c.refusePassword)
}

func (c *conn) authXOAUTH2(response string, inline bool) {
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
	admit := func(user string, b access.Bearer, err error) error {
		if err == nil {
			err = c.checkHVE(b)
		}
		return c.admit(user, b, err)
	}
	want := resource.SMTP
	if c.hve {
		want = resource.HVE
	}
	sasl := mailserver.SASL{Session: c.Session, Want: want, Admit: admit}
	c.answer(sasl.XOAUTH2(decoded), c.refuseXOAUTH2)
}

// cancelled answers a client that gives up, with RFC 4954's asterisk or by
// something that is not base64.
func (c *conn) cancelled(name string) {
	c.Attempt(name, access.Bearer{}, mailserver.ErrNotBase64)
	c.refuse(authFailed)
}

// answer tells the client what came of AUTH.
func (c *conn) answer(err error, refuse func(error)) {
	if err != nil {
		refuse(err)
		return
	}
	c.Reply("235 2.7.0 Authentication successful")
}

// replyOf returns the reply that belongs to an error, or else that to most.
func replyOf(err error, most string) string {
	if off, ok := errors.AsType[*access.DisabledError](err); ok {
		return fmt.Sprintf(authDisabled, off.Level)
	}
	return most
}

// refusePassword is refuse for a name and a password.
func (c *conn) refusePassword(err error) { c.refuse(replyOf(err, passwordReply(err))) }

func passwordReply(err error) string {
	if _, off := errors.AsType[*access.BasicAuthError](err); off {
		return authBasic
	}
	wrong, ok := errors.AsType[*access.PasswordError](err)
	if !ok {
		return authFailed
	}
	switch wrong.Code {
	case aadsts.UnknownUser, aadsts.NoPassword, aadsts.WrongPassword, aadsts.PasswordExpired, aadsts.OnPremExpired, aadsts.AgentTimeout:
		return authFailed
	case aadsts.UserDisabled, aadsts.UserLocked:
		return authLocked
	case aadsts.SecurityDefaults:
		return authDefaults
	}
	return authCriteria
}

// admit opens the mailbox for who has proven to be b, unless err says that
// nothing was proven.
func (c *conn) admit(user string, b access.Bearer, err error) error {
	var m *directory.Mailbox
	open := c.Access.OpenSubmission
	if c.hve {
		open = c.Access.OpenHVE
	}
	if err == nil {
		m, err = open(b, user)
	}
	if err != nil {
		c.Attempt(user, b, err)
		return err
	}
	c.user, c.bearer, c.mailbox = user, b, m
	// Exchange finds out only when there is a message to submit.
	c.Attempt(user, b, c.mayOpen())
	c.Accept(b.Expires)
	return nil
}
