package imapline

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for line, want := range map[string][3]string{
		"A NOOP": {"A", "NOOP", ""}, "a1 login x y": {"a1", "LOGIN", "x y"}, "A LIST \"\" *": {"A", "LIST", `"" *`},
		"": {}, "A": {}, "A ": {}, " NOOP": {}, "* NOOP": {}, "+ NOOP": {}, "A+ NOOP": {}, "A] NOOP": {}, "A(B NOOP": {}, "A\x00 NOOP": {}, "\u00e4 NOOP": {},
	} {
		if tag, verb, args := Parse(line); tag != want[0] || verb != want[1] || args != want[2] {
			t.Errorf("%q: %q %q %q", line, tag, verb, args)
		}
	}
}

func TestLiteral(t *testing.T) {
	for _, row := range []struct {
		line     string
		size     int64
		sync, ok bool
	}{
		{"A X {3}", 3, true, true}, {"A X {3+}", 3, false, true}, {"{0}", 0, true, true}, {"{999999999999999999}", 999999999999999999, true, true},
		{"{9999999999999999999}", 0, false, false}, {"{-1}", 0, false, false}, {"{}", 0, false, false}, {"{+}", 0, false, false},
		{"{3} ", 0, false, false}, {"{3", 0, false, false}, {"3}", 0, false, false}, {"", 0, false, false}, {"{3++}", 0, false, false},
	} {
		if size, sync, ok := Literal([]byte(row.line)); size != row.size || sync != row.sync || ok != row.ok {
			t.Errorf("%q: %d %v %v", row.line, size, sync, ok)
		}
	}
}

// What is quoted, or sent in a literal, comes out as it was.
func FuzzCutAstring(f *testing.F) {
	for _, seed := range []string{"", "a", `a"b\c`, "a b", "{3}", "\x00"} {
		f.Add(seed, " rest")
	}
	f.Fuzz(func(t *testing.T, value, rest string) {
		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
		if got, left, ok := CutAstring(quoted + rest); !ok || got != value || left != rest {
			t.Errorf("%q: %q %q %v", quoted+rest, got, left, ok)
		}
		CutAstring(value)
		Literal([]byte(value))
		Parse(value)
	})
}

func TestCutAstring(t *testing.T) {
	for _, row := range []struct {
		in, value, rest string
		ok              bool
	}{
		{`a b`, "a", " b", true}, {`a`, "a", "", true}, {``, "", "", false}, {` a`, "", " a", false},
		{`"a b" c`, "a b", " c", true}, {`"a\"b\\" c`, `a"b\`, " c", true}, {`""`, "", "", true}, {`"`, "", "", false}, {`"a\"`, "", "", false},
		{`{3}a b c`, "a b", " c", true}, {`{3+}abc`, "abc", "", true}, {`{0}`, "", "", true}, {`{4}abc`, "", "", false},
		{`{-1}a`, "", "", false}, {`{`, "", "", false}, {`{}`, "", "", false}, {`{999999999999999999}`, "", "", false}, {`{1}}`, "}", "", true},
	} {
		value, rest, ok := CutAstring(row.in)
		if ok != row.ok || ok && (value != row.value || rest != row.rest) {
			t.Errorf("%q: %q %q %v", row.in, value, rest, ok)
		}
	}
}
