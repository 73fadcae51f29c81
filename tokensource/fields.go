package tokensource

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// fields are the members of a JSON object. An odd one costs only itself.
type fields []field

type field struct{ name, value []byte }

// parseFields returns nil where text is no JSON object.
//
// Most answers are plain, and are cut up by [plainFields]: encoding/json goes
// through a token a byte at a time, and twice.
func parseFields(text []byte) fields {
	if f, ok := plainFields(text); ok {
		return f
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil || members == nil {
		return nil
	}
	f := make(fields, 0, len(members))
	for name, value := range members {
		f = append(f, field{[]byte(name), value})
	}
	return f
}

// raw returns the JSON of a member, the last one where there are several of
// that name, or nil.
func (f fields) raw(name string) json.RawMessage {
	for i := len(f) - 1; i >= 0; i-- {
		if string(f[i].name) == name {
			return f[i].value
		}
	}
	return nil
}

func (f fields) has(name string) bool {
	raw := f.raw(name)
	return raw != nil && string(raw) != "null"
}

func (f fields) text(name string) string { return text(f.raw(name)) }

// text returns a JSON string, or a number as its digits. Anything else is "".
func text(raw json.RawMessage) string {
	switch {
	case len(raw) == 0:
		return ""
	case raw[0] == '-' || '0' <= raw[0] && raw[0] <= '9':
		return string(raw)
	case raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw):
		return string(raw[1 : len(raw)-1]) // as nearly all are
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// plainFields cuts up an object that has no values but numbers, and strings of
// printable ASCII without an escape. ok is false for any other text, JSON or not.
func plainFields(text []byte) (f fields, ok bool) {
	c := cutter{text}
	if !c.take('{') {
		return nil, false
	}
	f = make(fields, 0, 8)
	for {
		name, isString := c.plainString()
		if !isString || !c.take(':') {
			return nil, false
		}
		value, ok := c.plainValue()
		if !ok {
			return nil, false
		}
		f = append(f, field{name[1 : len(name)-1], value})
		if !c.take(',') {
			return f, c.take('}') && c.skipSpace() == 0
		}
	}
}

// A cutter cuts pieces off the beginning of a JSON text.
type cutter struct{ rest []byte }

// skipSpace returns how much is left behind the white space.
func (c *cutter) skipSpace() int {
	c.rest = bytes.TrimLeft(c.rest, " \t\r\n")
	return len(c.rest)
}

func (c *cutter) cut(n int) []byte {
	piece := c.rest[:n:n]
	c.rest = c.rest[n:]
	return piece
}

// take cuts off a punctuation mark, if that comes next.
func (c *cutter) take(mark byte) bool {
	if c.skipSpace() == 0 || c.rest[0] != mark {
		return false
	}
	c.cut(1)
	return true
}

func (c *cutter) plainValue() (value []byte, ok bool) {
	if c.skipSpace() > 0 && c.rest[0] == '"' {
		return c.plainString()
	}
	end := bytes.IndexFunc(c.rest, func(r rune) bool { return !strings.ContainsRune("+-.0123456789Ee", r) })
	value = c.cut(max(end, 0))
	return value, json.Valid(value)
}

// plainString returns a string with its quotes.
func (c *cutter) plainString() (s []byte, ok bool) {
	if c.skipSpace() == 0 || c.rest[0] != '"' {
		return nil, false
	}
	n := bytes.IndexByte(c.rest[1:], '"')
	if n < 0 {
		return nil, false
	}
	s = c.cut(n + 2)
	return s, isPrintable(s) && bytes.IndexByte(s, '\\') < 0
}

// isPrintable reports whether s has printable ASCII alone. It looks at eight
// bytes at a time, as tokens are long.
func isPrintable(s []byte) bool {
	const each, top = 0x01_01_01_01_01_01_01_01, 0x80_80_80_80_80_80_80_80
	for ; len(s) >= 8; s = s[8:] {
		eight := binary.LittleEndian.Uint64(s)
		below, above := (eight-each*' ')&^eight, eight|(eight+each*(0x7f-'~'))
		if (below|above)&top != 0 {
			return false
		}
	}
	for _, c := range s {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}
