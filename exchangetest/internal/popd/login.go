package popd

import (
	"cmp"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/access"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/mailserver"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
	"github.com/exoauth/exoauth/xoauth2"
)

func (c *conn) login(verb, args string) {
	switch verb {
	case "USER":
		c.user = args
		c.Named(args)
		c.Reply("+OK")
		return
	case "PASS":
		c.pass(args)
		return
	}
	mech, response, inline := strings.Cut(args, " ")
	sasl := mailserver.SASL{Session: c.Session, Want: resource.POP, Admit: c.admit}
	switch {
	case inline && response != "":
		c.Attempt("", access.Bearer{}, errors.New("the response stands in the line of AUTH; Exchange wants it in the next"))
		c.Reply(popOneLine)
		c.Over = true
	case strings.EqualFold(mech, xoauth2.Mechanism):
		c.auth(sasl.XOAUTH2)
	case strings.EqualFold(mech, "PLAIN"):
		c.auth(sasl.PLAIN)
	default:
		c.Reply(popUnknown)
	}
}

func (c *conn) pass(password string) {
	b, err := c.Access.VerifyPassword(c.user, password, resource.POP)
	if c.admit(c.user, b, err) != nil {
		c.Reply(popLogonFailed)
		return
	}
	c.Reply("+OK User successfully logged on.")
}

// auth reads the response of a mechanism and lets judge judge it.
func (c *conn) auth(judge func(response []byte) error) {
	c.Reply("+ ")
	line, err := c.ReadLine()
	if err != nil {
		return
	}
	response, err := base64.StdEncoding.DecodeString(line)
	if err != nil {
		c.Attempt("", access.Bearer{}, mailserver.ErrNotBase64)
	} else {
		err = judge(response)
	}
	if err != nil {
		c.Reply(popAuthFailed)
		return
	}
	c.Reply("+OK User successfully authenticated.")
}

// admit opens the mailbox for who has proven to be b, unless err says that
// nothing was proven. No report says that POP3 lets in whom it then has no
// mailbox for, as IMAP does.
func (c *conn) admit(user string, b access.Bearer, err error) error {
	var m *directory.Mailbox
	if err == nil {
		var unusable error
		m, unusable, err = c.Access.Open(b, user, resource.POP)
		err = cmp.Or(err, unusable)
	}
	if err == nil {
		c.drop, err = inbox(m)
	}
	c.Attempt(user, b, err)
	if err != nil {
		return err
	}
	c.mailbox = m
	c.Accept(b.Expires)
	return nil
}
