package imapline

import (
	"reflect"
	"testing"
	"unicode/utf8"
)

func TestParseSet(t *testing.T) {
	for text, want := range map[string]Set{
		"1": {{1, 1}}, "1:3": {{1, 3}}, "3:1": {{3, 1}}, "*": {{0, 0}}, "2:*": {{2, 0}}, "1,4:5": {{1, 1}, {4, 5}}, "4294967295": {{4294967295, 4294967295}},
		"": nil, "0": nil, "1:": nil, ":1": nil, "1,": nil, "a": nil, "-1": nil, "+1": nil, "4294967296": nil, "1:2:3": nil, "1 2": nil,
	} {
		if got, ok := ParseSet(text); ok != (want != nil) || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, %v", text, got, ok)
		}
	}
}

func TestFormatSet(t *testing.T) {
	for want, numbers := range map[string][]uint32{"": nil, "1": {1}, "1:3": {1, 2, 3}, "1,3": {1, 3}, "1:2,9,11:12": {1, 2, 9, 11, 12}} {
		if got := FormatSet(numbers); got != want {
			t.Errorf("%v: %q", numbers, got)
		}
	}
}

// What is taken, and what is a fault.
func TestParser(t *testing.T) {
	for _, row := range []struct {
		name, args string
		take       func(p *Parser) any
		want       any
		bad, set   bool
	}{
		{"atom", "a.b]", func(p *Parser) any { v := p.Atom(); p.Expect("]"); return v }, "a.b", false, false},
		{"no atom", "(a", func(p *Parser) any { return p.Atom() }, "", true, false},
		{"something after it", "a b", func(p *Parser) any { return p.Atom() }, "a", true, false},
		{"name before a bracket", "body.peek[", func(p *Parser) any { v := p.Name(); p.Expect("["); return v }, "BODY.PEEK", false, false},
		{"flag", `\Seen`, func(p *Parser) any { return p.Flag() }, `\Seen`, false, false},
		{"flag of nothing", `\`, func(p *Parser) any { return p.Flag() }, `\`, true, false},
		{"astring with a bracket", "a]", func(p *Parser) any { return p.Astring() }, "a]", false, false},
		{"quoted string", `"a \"b"`, func(p *Parser) any { return p.Astring() }, `a "b`, false, false},
		{"quote that is not closed", `"a`, func(p *Parser) any { return p.Astring() }, "", true, false},
		{"literal", "{3}a b", func(p *Parser) any { return p.Astring() }, "a b", false, false},
		{"literal that is too short", "{4}a b", func(p *Parser) any { return p.Astring() }, "", true, false},
		{"atom for a string", "a", func(p *Parser) any { return p.String() }, "", true, false},
		{"folder", `"R&-D"`, func(p *Parser) any { return p.Mailbox() }, "R&D", false, false},
		{"folder with an ampersand", `R&D`, func(p *Parser) any { return p.Mailbox() }, "", true, false},
		{"folder with a line's end", "{3}a\r\n", func(p *Parser) any { return p.Mailbox() }, "a\r\n", true, false},
		{"empty pattern", `""`, func(p *Parser) any { return p.Pattern() }, "", false, false},
		{"pattern", `a/%*`, func(p *Parser) any { return p.Pattern() }, "a/%*", false, false},
		{"number", "4294967295", func(p *Parser) any { return p.Number() }, int64(4294967295), false, false},
		{"larger number", "4294967296", func(p *Parser) any { return p.Number() }, int64(4294967295), true, false},
		{"set", "1:*", func(p *Parser) any { return p.Set() }, Set{{1, 0}}, false, false},
		{"no set", "a", func(p *Parser) any { return p.Set() }, Set(nil), true, true},
		{"nothing for a set", "", func(p *Parser) any { return p.Set() }, Set(nil), true, true},
		{"no set after another fault", "a", func(p *Parser) any { p.Fail(); return p.Set() }, Set(nil), true, false},
		{"list", "(a b)", func(p *Parser) any { var l []string; p.List(func() { l = append(l, p.Atom()) }); return l }, []string{"a", "b"}, false, false},
		{"empty list", "()", func(p *Parser) any { var l []string; p.List(func() { l = append(l, p.Atom()) }); return l }, []string(nil), false, false},
		{"list that is not closed", "(a b", func(p *Parser) any { p.List(func() { p.Atom() }); return nil }, nil, true, false},
		{"word in another case", "charset x", func(p *Parser) any { return p.TryWord("CHARSET") && p.Try(" x") }, true, false, false},
		{"other word", "char", func(p *Parser) any { return p.TryWord("CHARSET") }, false, true, false},
	} {
		p := NewParser(row.args)
		got := row.take(p)
		if p.End() == row.bad || !reflect.DeepEqual(got, row.want) {
			t.Errorf("%s: %#v", row.name, got)
		}
		if bad, set := p.Bad(); bad != row.bad || set != row.set {
			t.Errorf("%s: bad %v, set %v", row.name, bad, set)
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"INBOX": "INBOX", "R&D": "R&-D", "Entwürfe": "Entw&APw-rfe", "日本語": "&ZeVnLIqe-", "☺!": "&Jjo-!", "a/b": "a/b", "": `""`, "Sent Items": `"Sent Items"`, `a"\`: `"a\"\\"`,
	} {
		if got := FormatName(name); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
	for _, name := range []string{"R&D", "&", "&AG-", "&ZeVnLIqe", "&AGE-", "ü", "&!-", "&ZeU-&ZeU-", "&AAo-"} {
		if text, ok := DecodeName(name); ok {
			t.Errorf("%q: %q", name, text)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, seed := range []string{"", "INBOX", "R&-D", "Entw&APw-rfe", "&2D3cug-"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if text, ok := DecodeName(name); ok && EncodeName(text) != name {
			t.Errorf("%q is %q, and that is %q", name, text, EncodeName(text))
		}
		if text, ok := DecodeName(EncodeName(name)); ok && text != name && utf8.ValidString(name) {
			t.Errorf("%q comes back as %q", name, text)
		}
	})
}
