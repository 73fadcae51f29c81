package imapd

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-message/textproto"

	"github.com/exoauth/exoauth/exchangetest/internal/imapline"
	"github.com/exoauth/exoauth/exchangetest/internal/mailstore"
)

// A fetchItem is something that FETCH tells of a message, under a name.
type fetchItem struct {
	name  string
	value func(mailstore.Item) string
	reads bool // the message counts as seen then
}

var fetchItems = map[string]func(mailstore.Item) string{
	"UID":           func(m mailstore.Item) string { return strconv.FormatUint(uint64(m.UID), 10) },
	"FLAGS":         func(m mailstore.Item) string { return m.Flags.String() },
	"INTERNALDATE":  func(m mailstore.Item) string { return imapline.Quote(m.Date.UTC().Format(dateLayout)) },
	"RFC822.SIZE":   func(m mailstore.Item) string { return strconv.Itoa(len(m.Data)) },
	"ENVELOPE":      func(m mailstore.Item) string { return envelope(m.Data) },
	"BODYSTRUCTURE": func(m mailstore.Item) string { return structure(m.Data, true) },
	"BODY":          func(m mailstore.Item) string { return structure(m.Data, false) },
}

var fetchMacros = map[string][]string{
	"ALL":  {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"},
	"FAST": {"FLAGS", "INTERNALDATE", "RFC822.SIZE"},
	"FULL": {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"},
}

// fetch tells what it is asked for in that order, and after that what belongs to
// it.
func (c *conn) fetch(p *imapline.Parser, uids bool) string {
	set := p.Set()
	p.SP()
	items := fetchArguments(p)
	if !p.End() {
		return ""
	}
	picked, ok := c.view.Pick(set, uids)
	if !ok {
		return noSet
	}
	has := func(name string) bool {
		return slices.ContainsFunc(items, func(it fetchItem) bool { return it.name == name })
	}
	if uids && !has("UID") {
		items = append(items, fetchItem{name: "UID", value: fetchItems["UID"]})
	}
	reads := !c.view.ReadOnly && slices.ContainsFunc(items, func(it fetchItem) bool { return it.reads })
	for _, m := range picked {
		wanted := items
		if reads && m.Flags&mailstore.Seen == 0 {
			c.view.Flag([]mailstore.Item{m}, true, func(f mailstore.Flags) mailstore.Flags { return f | mailstore.Seen })
			m.Flags |= mailstore.Seen
			if !has("FLAGS") {
				wanted = append(slices.Clone(items), fetchItem{name: "FLAGS", value: fetchItems["FLAGS"]})
			}
		}
		var b strings.Builder
		for i, it := range wanted {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(it.name + " " + it.value(m))
		}
		c.printf("* %d FETCH (%s)", m.Seq, b.String())
	}
	return ""
}

func fetchArguments(p *imapline.Parser) (items []fetchItem) {
	if !p.Next("(") {
		name := p.Name()
		for _, one := range fetchMacros[name] {
			items = append(items, fetchItem{name: one, value: fetchItems[one]})
		}
		if items == nil {
			items = append(items, fetchArgument(p, name))
		}
		return items
	}
	p.List(func() { items = append(items, fetchArgument(p, p.Name())) })
	if len(items) == 0 {
		p.Fail()
	}
	return items
}

func fetchArgument(p *imapline.Parser, name string) fetchItem {
	section := map[string]*imap.FetchItemBodySection{
		"RFC822": {}, "RFC822.HEADER": {Specifier: imap.PartSpecifierHeader, Peek: true}, "RFC822.TEXT": {Specifier: imap.PartSpecifierText},
	}[name]
	switch {
	case section != nil:
	case name == "BODY" && p.Next("["), name == "BODY.PEEK":
		section = &imap.FetchItemBodySection{Peek: name == "BODY.PEEK"}
		name = "BODY" + takeSection(p, section)
	default:
		value := fetchItems[name]
		if value == nil {
			p.Fail()
		}
		return fetchItem{name: name, value: value}
	}
	return fetchItem{name, func(m mailstore.Item) string { return literal(extract(m.Data, section)) }, !section.Peek}
}

// takeSection takes what stands in brackets after BODY. It returns that as the
// answer has it.
func takeSection(p *imapline.Parser, s *imap.FetchItemBodySection) string {
	p.Expect("[")
	name := ""
	if !p.Next("]") {
		name = strings.ToUpper(p.Atom())
	}
	specifier := name
	for {
		part, rest, dot := strings.Cut(specifier, ".")
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			break
		}
		s.Part, specifier = append(s.Part, int(n)), rest
		if dot && rest == "" {
			p.Fail()
		}
	}
	switch s.Specifier = imap.PartSpecifier(specifier); specifier {
	case "", "HEADER", "TEXT":
	case "MIME":
		if len(s.Part) == 0 {
			p.Fail()
		}
	case "HEADER.FIELDS", "HEADER.FIELDS.NOT":
		p.SP()
		var fields []string
		p.List(func() { fields = append(fields, p.Astring()) })
		if len(fields) == 0 {
			p.Fail()
		}
		s.Specifier, s.HeaderFields = imap.PartSpecifierHeader, fields
		if specifier != "HEADER.FIELDS" {
			s.HeaderFields, s.HeaderFieldsNot = nil, fields
		}
		name += " (" + quoteAll(fields) + ")"
	default:
		p.Fail()
	}
	p.Expect("]")
	name = "[" + name + "]"
	if p.Try("<") {
		s.Partial = &imap.SectionPartial{Offset: p.Number()}
		p.Expect(".")
		s.Partial.Size = p.Number()
		p.Expect(">")
		name += fmt.Sprintf("<%d>", s.Partial.Offset)
	}
	return name
}

func quoteAll(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		if quoted[i] = s; !imapline.IsAtom(s) {
			quoted[i] = nstring(s)
		}
	}
	return strings.Join(quoted, " ")
}

// extract returns a part of a message. The whole is given as it is.
func extract(message []byte, s *imap.FetchItemBodySection) []byte {
	if len(s.Part) > 0 || s.Specifier != "" {
		return imapserver.ExtractBodySection(bytes.NewReader(message), s)
	}
	if s.Partial != nil {
		from := min(s.Partial.Offset, int64(len(message)))
		message = message[from:]
		return message[:min(s.Partial.Size, int64(len(message)))]
	}
	return message
}

func literal(data []byte) string { return fmt.Sprintf("{%d}\r\n%s", len(data), data) }

// nstring is a string, or NIL for an empty one.
func nstring(s string) string {
	switch {
	case s == "":
		return "NIL"
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }):
		return literal([]byte(s))
	}
	return imapline.Quote(s)
}

func header(message []byte) textproto.Header {
	h, err := textproto.ReadHeader(bufio.NewReader(bytes.NewReader(message)))
	if err != nil {
		return textproto.Header{}
	}
	return h
}
