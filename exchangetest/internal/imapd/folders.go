package imapd

import (
	"fmt"
	"strings"

	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/exoauth/exoauth/exchangetest/internal/imapline"
	"github.com/exoauth/exoauth/exchangetest/internal/mailstore"
)

// noFolder is what is said of a folder that is not there.
func noFolder(name string) string { return "NO " + imapline.EncodeName(name) + " doesn't exist." }

// tryCreate is noFolder for a place to put messages.
func tryCreate(name string) string {
	return "NO [TRYCREATE] " + imapline.EncodeName(name) + " doesn't exist."
}

// open selects a folder.
func (c *conn) open(p *imapline.Parser, readOnly bool) string {
	name := p.Mailbox()
	if !p.End() {
		return ""
	}
	c.view = nil
	view, s, err := c.mailbox.Box.Open(name, readOnly)
	if err != nil {
		return noFolder(name)
	}
	c.view = view
	permanent, answer := mailstore.All, "OK [READ-WRITE] SELECT completed."
	if readOnly {
		permanent, answer = 0, "OK [READ-ONLY] EXAMINE completed."
	}
	c.printf("* %d EXISTS", s.Messages)
	c.printf("* 0 RECENT")
	c.printf("* FLAGS %s", mailstore.All)
	c.printf("* OK [PERMANENTFLAGS %s] Permanent flags", permanent)
	if s.FirstUnseen > 0 {
		c.printf("* OK [UNSEEN %d] Is the first unseen message", s.FirstUnseen)
	}
	c.printf("* OK [UIDVALIDITY %d] UIDVALIDITY value", s.Validity)
	c.printf("* OK [UIDNEXT %d] The next unique identifier value", s.Next)
	return answer
}

func (c *conn) closeFolder(p *imapline.Parser, uids bool) string {
	if !c.view.ReadOnly {
		c.view.Expunge(nil)
	}
	return c.unselect(p, uids)
}

func (c *conn) unselect(*imapline.Parser, bool) string {
	c.view = nil
	return ""
}

// list answers LIST and LSUB.
func (c *conn) list(p *imapline.Parser, verb string) string {
	reference := p.Pattern()
	p.SP()
	pattern := p.Pattern()
	if !p.End() {
		return ""
	}
	if pattern == "" {
		c.printf(`* %s (\Noselect \HasChildren) "/" ""`, verb)
		return ""
	}
	for _, f := range c.mailbox.Box.Folders() {
		matches := imapserver.MatchList(strings.ToLower(f.Path), '/', strings.ToLower(reference), strings.ToLower(pattern))
		if matches && (verb == "LIST" || f.Subscribed) {
			c.printf(`* %s (%s) "/" %s`, verb, attributes(f), imapline.FormatName(f.Path))
		}
	}
	return ""
}

func attributes(f mailstore.Folder) string {
	var list []string
	if f.Unseen {
		list = append(list, `\Marked`)
	}
	if f.HasChildren {
		list = append(list, `\HasChildren`)
	} else {
		list = append(list, `\HasNoChildren`)
	}
	if f.Use != "" {
		list = append(list, f.Use)
	}
	return strings.Join(list, " ")
}

// status answers in the order in which the client asks, with a space at the end.
func (c *conn) status(p *imapline.Parser, _ bool) string {
	name := p.Mailbox()
	p.SP()
	s, err := c.mailbox.Box.Status(name)
	var items []string
	p.List(func() {
		item := p.Name()
		values := map[string]uint32{"MESSAGES": s.Messages, "RECENT": 0, "UIDNEXT": s.Next, "UIDVALIDITY": s.Validity, "UNSEEN": s.Unseen}
		if _, known := values[item]; !known {
			p.Fail()
		}
		items = append(items, fmt.Sprintf("%s %d", item, values[item]))
	})
	if !p.End() {
		return ""
	}
	if err != nil {
		return noFolder(name)
	}
	c.printf("* STATUS %s (%s) ", imapline.FormatName(name), strings.Join(items, " "))
	return ""
}

const exists = "NO Mailbox already exists."

func (c *conn) create(p *imapline.Parser, _ bool) string {
	name := strings.TrimSuffix(p.Mailbox(), mailstore.Separator)
	if !p.End() {
		return ""
	}
	switch c.mailbox.Box.Create(name) {
	case nil:
		return ""
	case mailstore.ErrExists:
		return exists
	}
	return "NO CREATE failed."
}

func (c *conn) deleteFolder(p *imapline.Parser, _ bool) string {
	name := p.Mailbox()
	switch {
	case !p.End():
		return ""
	case c.mailbox.Box.Own(name):
		return "NO DELETE failed."
	case c.mailbox.Box.Delete(name) != nil:
		return noFolder(name)
	}
	return ""
}

func (c *conn) rename(p *imapline.Parser, _ bool) string {
	from := p.Mailbox()
	p.SP()
	to := strings.TrimSuffix(p.Mailbox(), mailstore.Separator)
	if !p.End() {
		return ""
	}
	switch c.mailbox.Box.Rename(from, to) {
	case nil:
		return ""
	case mailstore.ErrNoFolder:
		return noFolder(from)
	case mailstore.ErrExists:
		return exists
	}
	return "NO RENAME failed."
}

func (c *conn) subscribe(p *imapline.Parser, on bool) string {
	name := p.Mailbox()
	if p.End() && c.mailbox.Box.Subscribe(name, on) != nil {
		return noFolder(name)
	}
	return ""
}
