package plain

import (
	"slices"
	"strconv"
	"unicode/utf8"
)

// decoded is a text without its escapes, white space and backslashes, in the
// order of the text. Two texts that differ in how they were escaped, or how
// often, are equal.
type decoded []octet

// octet is one octet of a decoded text, and where it comes from.
type octet struct {
	value    byte
	from, to int
}

func (d decoded) bytes() []byte {
	b := make([]byte, len(d))
	for i, o := range d {
		b[i] = o.value
	}
	return b
}

// maxEscape is the length of the longest escape after its first octet.
const maxEscape = 10

// decode undoes escapes, those of escapes included, in one pass from the end:
// when it comes to the first octet of an escape, the rest is decoded already.
func decode(text string) decoded {
	var out decoded // the end of the text, last octet first
	for i := len(text) - 1; i >= 0; i-- {
		out = push(out, octet{text[i], i, i + 1})
	}
	slices.Reverse(out)
	return out
}

// push adds an octet before those of out. What it makes of an escape can begin
// another one.
func push(out decoded, o octet) decoded {
	for {
		ahead := make([]byte, 0, maxEscape)
		for i := len(out) - 1; i >= 0 && len(ahead) < cap(ahead); i-- {
			ahead = append(ahead, out[i].value)
		}
		var (
			r  rune
			n  int
			ok bool
		)
		switch o.value {
		case '%':
			r, n, ok = number(ahead, 0, 2, 16)
		case '\\':
			r, n, ok = backslash(ahead)
		case '&':
			r, n, ok = entity(ahead)
		}
		if !ok {
			if o.value <= ' ' || o.value == 0x7f || o.value == '\\' || o.value == '+' {
				return out // a form has "+" for a space
			}
			return append(out, o)
		}
		to := out[len(out)-n].to
		out = out[:len(out)-n]
		if octets := o.value == '%' || o.value == '\\' && ahead[0] == 'x'; octets || r < utf8.RuneSelf {
			o = octet{byte(r), o.from, to}
			continue
		}
		encoded := utf8.AppendRune(nil, r)
		for _, b := range slices.Backward(encoded) {
			out = append(out, octet{b, o.from, to})
		}
		return out
	}
}

// number reads digits that follow skip octets of s and returns how many octets
// of s there were in all.
func number(s []byte, skip, digits, base int) (r rune, n int, ok bool) {
	if n = skip + digits; len(s) < n {
		return 0, 0, false
	}
	v, err := strconv.ParseUint(string(s[skip:n]), base, 31)
	return rune(v), n, err == nil
}

// backslash knows \u007e, \U0000007e and \x7e. Another backslash is dropped,
// so that what it escapes remains.
func backslash(ahead []byte) (r rune, n int, ok bool) {
	if len(ahead) == 0 {
		return 0, 0, false
	}
	switch ahead[0] {
	case 'u':
		return number(ahead, 1, 4, 16)
	case 'U':
		return number(ahead, 1, 8, 16)
	case 'x':
		return number(ahead, 1, 2, 16)
	}
	return 0, 0, false
}

var entities = map[string]rune{"quot": '"', "amp": '&', "apos": '\'', "lt": '<', "gt": '>'}

// entity knows &#126;, &#x7e; and the names that HTML needs.
func entity(ahead []byte) (r rune, n int, ok bool) {
	end := slices.Index(ahead, ';')
	switch {
	case end <= 0:
		return 0, 0, false
	case end > 2 && ahead[0] == '#' && ahead[1]|0x20 == 'x':
		r, _, ok = number(ahead, 2, end-2, 16)
	case end > 1 && ahead[0] == '#':
		r, _, ok = number(ahead, 1, end-1, 10)
	default:
		r, ok = entities[string(ahead[:end])]
	}
	return r, end + 1, ok
}
