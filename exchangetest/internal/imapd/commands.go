package imapd

import (
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/imapline"
	"github.com/exoauth/exoauth/exchangetest/internal/mailstore"
)

// A command is one of a session that has a mailbox. run returns the answer; an
// empty one says that the command is completed. A fault in the arguments is
// answered in its place.
type command struct {
	run      func(c *conn, p *imapline.Parser, uids bool) string
	bare     bool // it has no arguments
	selected bool // a folder must be
	writes   bool // not if that is read-only
	numbers  bool // its answer has sequence numbers, so none may change before it
	uids     bool // UID may go before it
}

var commands map[string]command

func init() {
	commands = map[string]command{
		"NOOP":        {run: (*conn).noop, bare: true},
		"CHECK":       {run: (*conn).noop, bare: true, selected: true},
		"NAMESPACE":   {run: (*conn).namespace, bare: true},
		"IDLE":        {run: (*conn).idle, bare: true},
		"SELECT":      {run: func(c *conn, p *imapline.Parser, _ bool) string { return c.open(p, false) }},
		"EXAMINE":     {run: func(c *conn, p *imapline.Parser, _ bool) string { return c.open(p, true) }},
		"CLOSE":       {run: (*conn).closeFolder, bare: true, selected: true},
		"UNSELECT":    {run: (*conn).unselect, bare: true, selected: true},
		"LIST":        {run: func(c *conn, p *imapline.Parser, _ bool) string { return c.list(p, "LIST") }},
		"LSUB":        {run: func(c *conn, p *imapline.Parser, _ bool) string { return c.list(p, "LSUB") }},
		"STATUS":      {run: (*conn).status},
		"CREATE":      {run: (*conn).create},
		"DELETE":      {run: (*conn).deleteFolder},
		"RENAME":      {run: (*conn).rename},
		"SUBSCRIBE":   {run: func(c *conn, p *imapline.Parser, _ bool) string { return c.subscribe(p, true) }},
		"UNSUBSCRIBE": {run: func(c *conn, p *imapline.Parser, _ bool) string { return c.subscribe(p, false) }},
		"APPEND":      {run: (*conn).appendMessage},
		"FETCH":       {run: (*conn).fetch, selected: true, numbers: true, uids: true},
		"SEARCH":      {run: (*conn).search, selected: true, numbers: true, uids: true},
		"STORE":       {run: (*conn).store, selected: true, writes: true, numbers: true, uids: true},
		"COPY":        {run: func(c *conn, p *imapline.Parser, uids bool) string { return c.copy(p, uids, false) }, selected: true, uids: true},
		"MOVE":        {run: func(c *conn, p *imapline.Parser, uids bool) string { return c.copy(p, uids, true) }, selected: true, writes: true, uids: true},
		"EXPUNGE":     {run: (*conn).expunge, selected: true, writes: true, uids: true},
	}
}

// perform answers a command of a session that has a mailbox.
func (c *conn) perform(tag, verb, args string) {
	uids := verb == "UID"
	if uids {
		verb, args, _ = strings.Cut(args, " ")
		verb = strings.ToUpper(verb)
	}
	cmd, known := commands[verb]
	switch {
	case !known || uids && !cmd.uids:
		c.fail(tag, badCommand)
		return
	case cmd.selected && c.view == nil, cmd.writes && c.view.ReadOnly:
		c.fail(tag, badState)
		return
	}
	p := imapline.NewParser(args)
	if cmd.bare {
		p.End()
	}
	answer := ""
	if bad, _ := p.Bad(); !bad {
		c.update(false) // a message that has just come can be asked for
		answer = cmd.run(c, p, uids)
	}
	switch bad, set := p.Bad(); {
	case c.over:
		return
	case set:
		answer = badSet
	case bad:
		answer = badArgument
	case answer == "":
		answer = "OK " + verb + " completed."
	}
	if strings.HasPrefix(answer, "BAD ") {
		c.fail(tag, answer)
		return
	}
	c.update(!cmd.numbers || uids)
	c.printf("%s %s", tag, answer)
}

// update tells the client what has happened in the selected folder.
func (c *conn) update(expunge bool) {
	if c.view == nil {
		return
	}
	for _, u := range c.view.Updates(expunge) {
		switch u.Kind {
		case mailstore.Expunged:
			c.printf("* %d EXPUNGE", u.Seq)
		case mailstore.Exists:
			c.printf("* %d EXISTS", u.Seq)
		case mailstore.Changed:
			c.printf("* %d FETCH (FLAGS %s)", u.Seq, u.Flags)
		}
	}
}

func (*conn) noop(*imapline.Parser, bool) string { return "" }

func (c *conn) namespace(*imapline.Parser, bool) string {
	c.printf(`* NAMESPACE (("" "/")) NIL NIL`)
	return ""
}

// idle tells the client at once of what happens, until it sends DONE. No command
// is carried out meanwhile.
func (c *conn) idle(*imapline.Parser, bool) string {
	c.printf("%s", idlePrompt)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		c.tell(stop)
	}()
	defer func() { <-stopped }()
	defer close(stop)
	for {
		line, err := c.readLine()
		if err != nil || strings.EqualFold(string(line), "DONE") {
			return ""
		}
		if tag, _, _ := imapline.Parse(string(line)); tag == "" {
			c.fail("*", badCommand)
		} else {
			c.fail(tag, badState)
		}
	}
}

func (c *conn) tell(stop <-chan struct{}) {
	if c.view == nil {
		return
	}
	for {
		changed := c.view.Changed()
		c.update(true)
		select {
		case <-changed:
		case <-stop:
			return
		}
	}
}
