package exchangetest

import (
	"cmp"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/resource"
	"github.com/exoauth/exoauth/xoauth2"
)

func (c *popConn) login(verb, args string) {
	switch verb {
	case "USER":
		c.user = args
		if isName(args) {
			c.sess.update(func(r *Session) { r.User = args })
		}
		c.Reply("+OK")
		return
	case "PASS":
		c.pass(args)
		return
	}
	mech, response, inline := strings.Cut(args, " ")
	sasl := saslServer{c.srv, c.sess, resource.POP, c.admit}
	switch {
	case inline && response != "":
		c.sess.attempt("", bearer{}, errors.New("the response stands in the line of AUTH; Exchange wants it in the next"))
		c.Reply(popOneLine)
		c.Over = true
	case strings.EqualFold(mech, xoauth2.Mechanism):
		c.auth(sasl.xoauth2)
	case strings.EqualFold(mech, "PLAIN"):
		c.auth(sasl.plain)
	default:
		c.Reply(popUnknown)
	}
}

func (c *popConn) pass(password string) {
	b, err := c.srv.verifyPassword(c.user, password, resource.POP)
	if c.admit(c.user, b, err) != nil {
		c.Reply(popLogonFailed)
		return
	}
	c.Reply("+OK User successfully logged on.")
}

// auth reads the response of a mechanism and lets judge judge it.
func (c *popConn) auth(judge func(response []byte) error) {
	c.Reply("+ ")
	line, err := c.ReadLine()
	if err != nil {
		return
	}
	response, err := base64.StdEncoding.DecodeString(line)
	if err != nil {
		c.sess.attempt("", bearer{}, errNotBase64)
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
func (c *popConn) admit(user string, b bearer, err error) error {
	var m *Mailbox
	if err == nil {
		var unusable error
		m, unusable, err = c.srv.dir.open(b, user, resource.POP)
		err = cmp.Or(err, unusable)
	}
	if err == nil {
		c.drop, err = m.inbox()
	}
	c.sess.attempt(user, b, err)
	if err != nil {
		return err
	}
	c.mailbox = m
	c.sess.update(func(r *Session) { r.Authenticated = true })
	return nil
}
