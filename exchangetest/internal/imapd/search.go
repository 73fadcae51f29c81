package imapd

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"

	"github.com/exoauth/exoauth/exchangetest/internal/imapline"
	"github.com/exoauth/exoauth/exchangetest/internal/mailstore"
)

// noCharset is what Exchange says to any charset but its own.
// (https://github.com/jstedfast/MailKit/issues/808)
const noCharset = "NO [BADCHARSET (US-ASCII)] The specified charset is not supported."

// A match reports whether a message is what is searched for.
type match func(mailstore.Item) bool

func (c *conn) search(p *imapline.Parser, uids bool) string {
	charset := "US-ASCII"
	if p.TryWord("CHARSET") {
		p.SP()
		charset = p.Astring()
		p.SP()
	}
	matches := c.searchKeys(p)
	if !p.End() {
		return ""
	}
	if !strings.EqualFold(charset, "US-ASCII") {
		return noCharset
	}
	var b strings.Builder
	items, _ := c.view.Pick(nil, uids)
	for _, m := range items {
		if !matches(m) {
			continue
		}
		n := m.Seq
		if uids {
			n = m.UID
		}
		b.WriteString(" " + strconv.FormatUint(uint64(n), 10))
	}
	c.printf("* SEARCH%s", b.String())
	return ""
}

// searchKeys takes keys that must all match.
func (c *conn) searchKeys(p *imapline.Parser) match {
	var all []match
	for ok := true; ok; ok = p.Try(" ") {
		all = append(all, c.searchKey(p))
	}
	return func(m mailstore.Item) bool {
		for _, one := range all {
			if !one(m) {
				return false
			}
		}
		return true
	}
}

var searchFlags = map[string]mailstore.Flags{
	"ANSWERED": mailstore.Answered, "DELETED": mailstore.Deleted, "DRAFT": mailstore.Draft, "FLAGGED": mailstore.Flagged, "SEEN": mailstore.Seen,
}

func (c *conn) searchKey(p *imapline.Parser) match {
	if p.Try("(") {
		all := c.searchKeys(p)
		p.Expect(")")
		return all
	}
	key := strings.ToUpper(p.SearchKey())
	if flag := searchFlags[key]; flag != 0 {
		return func(m mailstore.Item) bool { return m.Flags&flag != 0 }
	}
	if flag := searchFlags[strings.TrimPrefix(key, "UN")]; flag != 0 {
		return func(m mailstore.Item) bool { return m.Flags&flag == 0 }
	}
	switch key {
	case "ALL", "OLD":
		return func(mailstore.Item) bool { return true }
	case "NEW", "RECENT": // no message is ever recent
		return func(mailstore.Item) bool { return false }
	}
	set, isSet := imapline.ParseSet(key)
	if isSet {
		count, _ := c.view.Known()
		return func(m mailstore.Item) bool { return set.Contains(m.Seq, count) }
	}
	take := searchArguments[key]
	if take == nil {
		p.FailSet()
		return nil
	}
	p.SP()
	return take(c, p)
}

var searchArguments map[string]func(*conn, *imapline.Parser) match

func init() {
	searchArguments = map[string]func(*conn, *imapline.Parser) match{
		"UID": func(c *conn, p *imapline.Parser) match {
			set := p.Set()
			_, last := c.view.Known()
			return func(m mailstore.Item) bool { return set.Contains(m.UID, last) }
		},
		"KEYWORD": func(_ *conn, p *imapline.Parser) match {
			flag := keyword(p)
			return func(m mailstore.Item) bool { return m.Flags&flag != 0 }
		},
		"UNKEYWORD": func(_ *conn, p *imapline.Parser) match {
			flag := keyword(p)
			return func(m mailstore.Item) bool { return m.Flags&flag == 0 }
		},
		"HEADER": func(_ *conn, p *imapline.Parser) match {
			name := p.Astring()
			p.SP()
			return inHeader(name, p.Astring())
		},
		"BODY": func(_ *conn, p *imapline.Parser) match {
			text := p.Astring()
			return func(m mailstore.Item) bool { return inText(entity(m), text, false) }
		},
		"TEXT": func(_ *conn, p *imapline.Parser) match {
			text := p.Astring()
			return func(m mailstore.Item) bool { return inText(entity(m), text, true) }
		},
		"LARGER": func(_ *conn, p *imapline.Parser) match {
			size := p.Number()
			return func(m mailstore.Item) bool { return int64(len(m.Data)) > size }
		},
		"SMALLER": func(_ *conn, p *imapline.Parser) match {
			size := p.Number()
			return func(m mailstore.Item) bool { return int64(len(m.Data)) < size }
		},
		"NOT": func(c *conn, p *imapline.Parser) match {
			not := c.searchKey(p)
			return func(m mailstore.Item) bool { return !not(m) }
		},
		"OR": func(c *conn, p *imapline.Parser) match {
			one := c.searchKey(p)
			p.SP()
			other := c.searchKey(p)
			return func(m mailstore.Item) bool { return one(m) || other(m) }
		},
	}
	for _, name := range []string{"BCC", "CC", "FROM", "SUBJECT", "TO"} {
		searchArguments[name] = func(_ *conn, p *imapline.Parser) match { return inHeader(name, p.Astring()) }
	}
	for name, holds := range map[string]func(day, of time.Time) bool{
		"SINCE":  func(day, of time.Time) bool { return !day.Before(of) },
		"BEFORE": func(day, of time.Time) bool { return day.Before(of) },
		"ON":     func(day, of time.Time) bool { return day.Equal(of) },
	} {
		searchArguments[name] = func(_ *conn, p *imapline.Parser) match {
			of := searchDate(p)
			return func(m mailstore.Item) bool { return holds(day(m.Date.UTC()), of) }
		}
		searchArguments["SENT"+name] = func(_ *conn, p *imapline.Parser) match {
			of := searchDate(p)
			return func(m mailstore.Item) bool {
				sent, err := (&mail.Header{Header: entity(m).Header}).Date()
				return err == nil && !sent.IsZero() && holds(day(sent), of)
			}
		}
	}
}

// keyword takes a keyword. Exchange has one alone.
// (https://github.com/mscdex/node-imap/issues/214)
func keyword(p *imapline.Parser) mailstore.Flags {
	flag := mailstore.ParseFlag(p.Flag())
	if flag == 0 {
		p.Fail()
	}
	return flag
}

func searchDate(p *imapline.Parser) time.Time {
	date, err := time.Parse("_2-Jan-2006", p.Astring())
	if err != nil {
		p.Fail()
	}
	return date
}

// day is the date of a time, without its zone.
func day(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC) }

func entity(m mailstore.Item) *message.Entity {
	e, _ := message.Read(bytes.NewReader(m.Data))
	if e == nil {
		e, _ = message.New(message.Header{}, bytes.NewReader(m.Data))
	}
	return e
}

func contains(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

func inHeader(name, text string) match {
	return func(m mailstore.Item) bool { return inFields(entity(m).Header.FieldsByKey(name), text) }
}

func inFields(fields message.HeaderFields, text string) bool {
	for fields.Next() {
		value, _ := fields.Text()
		if contains(value, text) {
			return true
		}
	}
	return false
}

// inText reports whether a text is in one of the parts that are text.
func inText(e *message.Entity, text string, header bool) bool {
	fields := e.Header.Fields()
	for header && fields.Next() {
		value, _ := fields.Text()
		if contains(fields.Key()+": "+value, text) {
			return true
		}
	}
	if parts := e.MultipartReader(); parts != nil {
		for {
			part, err := parts.NextPart()
			if err != nil {
				return false
			}
			if inText(part, text, header) {
				return true
			}
		}
	}
	if kind, _, _ := e.Header.ContentType(); kind != "" && !strings.HasPrefix(kind, "text/") && !strings.HasPrefix(kind, "message/") {
		return false
	}
	body, err := io.ReadAll(e.Body)
	return err == nil && contains(string(body), text)
}
