package imapd

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"mime"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/exoauth/exoauth/exchangetest/internal/imapline"
)

// envelope describes the header of a message (RFC 3501 section 7.4.2).
func envelope(message []byte) string {
	return formatEnvelope(imapserver.ExtractEnvelope(header(message)))
}

func formatEnvelope(e *imap.Envelope) string {
	date, reply, id := "NIL", "", ""
	if !e.Date.IsZero() {
		date = imapline.Quote(e.Date.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	}
	if len(e.InReplyTo) > 0 {
		reply = "<" + strings.Join(e.InReplyTo, "> <") + ">"
	}
	if e.MessageID != "" {
		id = "<" + e.MessageID + ">"
	}
	or := func(list, instead []imap.Address) []imap.Address {
		if list == nil {
			return instead
		}
		return list
	}
	return fmt.Sprintf("(%s %s %s %s %s %s %s %s %s %s)", date, nstring(mime.QEncoding.Encode("utf-8", e.Subject)),
		addresses(e.From), addresses(or(e.Sender, e.From)), addresses(or(e.ReplyTo, e.From)),
		addresses(e.To), addresses(e.Cc), addresses(e.Bcc), nstring(reply), nstring(id))
}

func addresses(list []imap.Address) string {
	if len(list) == 0 {
		return "NIL"
	}
	var b strings.Builder
	for _, a := range list {
		fmt.Fprintf(&b, "(%s NIL %s %s)", nstring(mime.QEncoding.Encode("utf-8", a.Name)), nstring(a.Mailbox), nstring(a.Host))
	}
	return "(" + b.String() + ")"
}

// structure describes the parts of a message (RFC 3501 section 7.4.2).
func structure(message []byte, extended bool) string {
	return formatStructure(imapserver.ExtractBodyStructure(bytes.NewReader(message)), extended)
}

func formatStructure(part imap.BodyStructure, extended bool) string {
	if m, ok := part.(*imap.BodyStructureMultiPart); ok {
		return formatMultipart(m, extended)
	}
	s := part.(*imap.BodyStructureSinglePart)
	fields := []string{
		nonempty(cmp.Or(s.Type, "text")), nonempty(cmp.Or(s.Subtype, "plain")), parameters(s.Params), nstring(s.ID), nstring(s.Description),
		nonempty(strings.ToLower(cmp.Or(s.Encoding, "7bit"))), fmt.Sprint(s.Size),
	}
	if m := s.MessageRFC822; m != nil {
		fields = append(fields, formatEnvelope(m.Envelope), formatStructure(m.BodyStructure, extended), fmt.Sprint(m.NumLines))
	} else if s.Text != nil {
		fields = append(fields, fmt.Sprint(s.Text.NumLines))
	} else if s.Type == "" {
		fields = append(fields, "0")
	}
	if extended {
		fields = append(fields, "NIL", disposition(s.Extended.Disposition), languages(s.Extended.Language), nstring(s.Extended.Location))
	}
	return "(" + strings.Join(fields, " ") + ")"
}

// formatMultipart gives a part to what should have some and has none.
func formatMultipart(m *imap.BodyStructureMultiPart, extended bool) string {
	var b strings.Builder
	for _, child := range m.Children {
		b.WriteString(formatStructure(child, extended))
	}
	if len(m.Children) == 0 {
		b.WriteString(`("text" "plain" NIL NIL NIL "7bit" 0 0)`)
	}
	fields := []string{b.String(), nonempty(cmp.Or(m.Subtype, "mixed"))}
	if extended {
		fields = append(fields, parameters(m.Extended.Params), disposition(m.Extended.Disposition), languages(m.Extended.Language), nstring(m.Extended.Location))
	}
	return "(" + strings.Join(fields, " ") + ")"
}

// nonempty is a string, if an empty one too.
func nonempty(s string) string {
	if s == "" {
		return `""`
	}
	return nstring(s)
}

func parameters(params map[string]string) string {
	if len(params) == 0 {
		return "NIL"
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(params)) {
		list = append(list, nonempty(name), nonempty(params[name]))
	}
	return "(" + strings.Join(list, " ") + ")"
}

func disposition(d *imap.BodyStructureDisposition) string {
	if d == nil {
		return "NIL"
	}
	return "(" + nonempty(d.Value) + " " + parameters(d.Params) + ")"
}

func languages(list []string) string {
	if len(list) == 0 {
		return "NIL"
	}
	var quoted []string
	for _, l := range list {
		quoted = append(quoted, nonempty(l))
	}
	return "(" + strings.Join(quoted, " ") + ")"
}
