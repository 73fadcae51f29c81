package exchangetest

import (
	"cmp"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/exoauth/exoauth/xoauth2"
)

func (c *popConn) login(verb, args string) {
	basic := errors.New("basic authentication is disabled")
	switch verb {
	case "USER":
		c.sess.update(func(r *Session) { r.User = args })
		c.reply("+OK")
		return
	case "PASS":
		c.sess.attempt(c.sess.snapshot().User, bearer{}, basic)
		c.reply(popLogonFailed)
		return
	}
	mech, response, inline := strings.Cut(args, " ")
	switch {
	case inline && response != "":
		c.sess.attempt("", bearer{}, errors.New("the response stands in the line of AUTH; Exchange wants it in the next"))
		c.reply(popOneLine)
		c.over = true
	case strings.EqualFold(mech, xoauth2.Mechanism):
		c.authXOAUTH2()
	case strings.EqualFold(mech, "PLAIN"):
		c.reply("+ ")
		if _, err := c.readLine(); err != nil {
			return
		}
		c.sess.attempt("", bearer{}, basic)
		c.reply(popAuthFailed)
	default:
		c.reply(popUnknown)
	}
}

func (c *popConn) authXOAUTH2() {
	c.reply("+ ")
	line, err := c.readLine()
	if err != nil {
		return
	}
	decoded, err := base64.StdEncoding.DecodeString(line)
	if err == nil {
		err = judge(xoauth2.NewServer(c.authenticate), decoded)
	} else {
		c.sess.attempt("", bearer{}, errors.New("the exchange was cancelled or is not in base64"))
	}
	if errors.Is(err, xoauth2.ErrMalformedResponse) {
		c.sess.attempt("", bearer{}, err)
	}
	if err != nil {
		c.reply(popAuthFailed)
		return
	}
	c.reply("+OK User successfully authenticated.")
}

// authenticate implements [xoauth2.Authenticator]. No report says that POP3
// lets in whom it then has no mailbox for, as IMAP does.
func (c *popConn) authenticate(user, token string) error {
	b, err := c.srv.verify(token, popPermission)
	var m *Mailbox
	if err == nil {
		var unusable error
		m, unusable, err = c.srv.open(b, user, popPermission)
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
