package imapd

import (
	"fmt"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/imapline"
	"github.com/exoauth/exoauth/exchangetest/internal/mailstore"
)

const (
	noSet      = "NO The specified message set is invalid."
	dateLayout = "_2-Jan-2006 15:04:05 -0700"
)

// appendMessage drops keywords, which Exchange does not keep.
func (c *conn) appendMessage(p *imapline.Parser, _ bool) string {
	name := p.Mailbox()
	p.SP()
	m := mailstore.Message{Date: c.Clock.Now()}
	if p.Next("(") {
		p.List(func() { m.Flags |= mailstore.ParseFlag(p.Flag()) })
		p.SP()
	}
	if p.Next(`"`) {
		date, err := time.Parse(dateLayout, p.String())
		if err != nil {
			p.Fail()
		}
		m.Date = date
		p.SP()
	}
	if !p.Next("{") {
		p.Fail()
	}
	m.Data = []byte(p.String())
	if !p.End() {
		return ""
	}
	uid, validity, err := c.mailbox.Box.Append(name, m)
	if err != nil {
		return tryCreate(name)
	}
	return fmt.Sprintf("OK [APPENDUID %d %d] APPEND completed.", validity, uid)
}

// store changes flags. Of keywords it knows none.
func (c *conn) store(p *imapline.Parser, uids bool) string {
	set := p.Set()
	p.SP()
	item, silent := strings.CutSuffix(strings.ToUpper(p.Atom()), ".SILENT")
	p.SP()
	var flags mailstore.Flags
	take := func() {
		flag := mailstore.ParseFlag(p.Flag())
		if flag == 0 {
			p.Fail()
		}
		flags |= flag
	}
	if p.Next("(") {
		p.List(take)
	} else {
		for take(); p.Try(" "); take() {
		}
	}
	change := map[string]func(mailstore.Flags) mailstore.Flags{
		"FLAGS":  func(mailstore.Flags) mailstore.Flags { return flags },
		"+FLAGS": func(f mailstore.Flags) mailstore.Flags { return f | flags },
		"-FLAGS": func(f mailstore.Flags) mailstore.Flags { return f &^ flags },
	}[item]
	if change == nil {
		p.Fail()
	}
	if !p.End() {
		return ""
	}
	items, ok := c.view.Pick(set, uids)
	if !ok {
		return noSet
	}
	c.view.Flag(items, true, change)
	for _, m := range items {
		switch {
		case silent:
		case uids:
			c.printf("* %d FETCH (FLAGS %s UID %d)", m.Seq, m.Flags, m.UID)
		default:
			c.printf("* %d FETCH (FLAGS %s)", m.Seq, m.Flags)
		}
	}
	return ""
}

// copy answers COPY and MOVE. A UID that is not there is passed over; if there
// is none at all, MOVE says so with a code that has no UIDs.
// (https://github.com/jstedfast/MailKit/issues/1275)
func (c *conn) copy(p *imapline.Parser, uids, move bool) string {
	set := p.Set()
	p.SP()
	to := p.Mailbox()
	if !p.End() {
		return ""
	}
	items, ok := c.view.Pick(set, uids)
	if !ok {
		return noSet
	}
	from, copies, validity, err := c.view.Copy(items, to, move)
	if err != nil {
		return tryCreate(to)
	}
	code := fmt.Sprintf("[COPYUID %d %s %s]", validity, imapline.FormatSet(from), imapline.FormatSet(copies))
	switch {
	case move:
		c.printf("* OK %s", code)
		return ""
	case len(from) == 0:
		return ""
	}
	return "OK " + code + " COPY completed."
}

func (c *conn) expunge(p *imapline.Parser, uids bool) string {
	var set imapline.Set
	if uids {
		set = p.Set()
	}
	if p.End() {
		c.view.Expunge(set)
	}
	return ""
}
