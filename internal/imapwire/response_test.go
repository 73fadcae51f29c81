package imapwire

import (
	"testing"
)

func TestLiteralSize(t *testing.T) {
	for line, want := range map[string]int64{
		"{0}": 0, "{5}": 5, "* X {5}": 5, "* X {5+}": 5, "a{1}b{22}": 22, "{4294967295}": 4294967295, "{9223372036854775807}": 9223372036854775807,
		"": -1, "{": -1, "}": -1, "{}": -1, "{+}": -1, "{abc}": -1, "{5} ": -1, "5}": -1, "{-1}": -1, "{9223372036854775808}": -1, "{5++}": -1,
	} {
		if got, ok := LiteralSize(line); ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %d, %t, want %d", line, got, ok, want)
		}
	}
}

func TestParseResponse(t *testing.T) {
	for line, want := range map[string]Response{
		"* OK":                    {Tag: "*", Kind: "OK"},
		"* ok ready":              {Tag: "*", Kind: "OK", Text: "ready"},
		"A1 NO [X y z] no":        {Tag: "A1", Kind: "NO", Code: "X", Args: "y z", Text: "no"},
		"* OK [X]":                {Tag: "*", Kind: "OK", Code: "X"},
		"* OK [Error=\"a\"] b":    {Tag: "*", Kind: "OK", Text: "[Error=\"a\"] b"},
		"+":                       {Tag: "+"},
		"+ abc":                   {Tag: "+", Text: "abc"},
		"* CAPABILITY A B":        {Tag: "*", Kind: "CAPABILITY", Text: "A B"},
		"* 3 EXISTS":              {Tag: "*", Kind: "3", Text: "EXISTS"},
		"* BYE Session [X] ended": {Tag: "*", Kind: "BYE", Text: "Session [X] ended"},
	} {
		want.Line = line
		if got, ok := Parse(line); !ok || got != want {
			t.Errorf("%q: %#v, %t", line, got, ok)
		}
	}
	for _, line := range []string{"", "*", "* ", "A1", "A1 EXISTS", "A+1 OK", "A(1 OK done", "220 ready", ")("} {
		if got, ok := Parse(line); ok {
			t.Errorf("%q is taken for %#v", line, got)
		}
	}
}
