package popd

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/mailstore"
)

// A popMessage is one in INBOX, as it was when the session began.
type popMessage struct {
	mailstore.Message
	deleted bool
}

// inbox returns the messages in INBOX.
func inbox(m *directory.Mailbox) ([]popMessage, error) {
	var list []popMessage
	messages, err := m.Box.Messages("INBOX")
	for _, message := range messages {
		list = append(list, popMessage{Message: message})
	}
	return list, err
}

// remove deletes a message of INBOX, unless somebody else has.
func (c *conn) remove(uid uint32) {
	if err := c.mailbox.Box.Remove("INBOX", uid); err != nil {
		c.Logger.Warn("not deleted", "mailbox", c.mailbox.Address, "error", err)
	}
}

var popTransaction map[string]func(c *conn, args string)

func init() {
	popTransaction = map[string]func(*conn, string){
		"STAT": (*conn).stat,
		"LIST": (*conn).list,
		"UIDL": (*conn).uidl,
		"RETR": func(c *conn, args string) { c.retrieve(args, -1) },
		"TOP": func(c *conn, args string) {
			number, lines, _ := strings.Cut(args, " ")
			n, err := strconv.Atoi(lines)
			if err != nil || n < 0 {
				c.Reply(popUnknown)
				return
			}
			c.retrieve(number, n)
		},
		"DELE": func(c *conn, args string) {
			if m := c.message(args); m != nil {
				m.deleted = true
				c.Reply("+OK")
			}
		},
		"RSET": func(c *conn, _ string) {
			for i := range c.drop {
				c.drop[i].deleted = false
			}
			c.Reply("+OK")
		},
	}
}

func (c *conn) stat(string) {
	count, size := 0, 0
	for _, m := range c.drop {
		if !m.deleted {
			count++
			size += len(m.Data)
		}
	}
	c.Reply("+OK %d %d", count, size)
}

func (c *conn) list(args string) {
	c.listing(args, func(m popMessage) string { return strconv.Itoa(len(m.Data)) })
}

func (c *conn) uidl(args string) {
	c.listing(args, func(m popMessage) string { return strconv.FormatUint(uint64(m.UID), 10) })
}

func (c *conn) listing(args string, of func(popMessage) string) {
	if args != "" {
		if m := c.message(args); m != nil {
			c.Reply("+OK %s %s", args, of(*m))
		}
		return
	}
	c.Reply("+OK")
	for i, m := range c.drop {
		if !m.deleted {
			c.Reply("%d %s", i+1, of(m))
		}
	}
	c.Reply(".")
}

// message returns the message with the number, or answers that there is none.
func (c *conn) message(number string) *popMessage {
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > len(c.drop) || c.drop[n-1].deleted {
		c.Reply("-ERR The specified message is out of range.")
		return nil
	}
	return &c.drop[n-1]
}

// retrieve sends a message, with so many lines of its body if lines is not
// negative.
func (c *conn) retrieve(number string, lines int) {
	m := c.message(number)
	if m == nil {
		return
	}
	c.Reply("+OK")
	body := false
	for line := range bytes.Lines(m.Data) {
		line = bytes.TrimRight(line, "\r\n")
		if body && lines >= 0 {
			if lines == 0 {
				break
			}
			lines--
		}
		body = body || len(line) == 0
		if bytes.HasPrefix(line, []byte(".")) {
			c.WriteString(".")
		}
		c.Reply("%s", line)
	}
	c.Reply(".")
}
