package plain

import (
	"html"
	"slices"
	"strconv"
	"unicode/utf8"
)

// decoded is a text without its escapes, white space and backslashes, and with
// one quotation mark for several, in the order of the text. Two texts that
// differ in how they were escaped, or how often, are equal.
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
const maxEscape = 12

// A decoder undoes escapes, those of escapes included, in one pass from the
// end: when it comes to the first octet of an escape, the rest is decoded
// already.
type decoder struct {
	out       decoded // the end of the text, last octet first
	printable bool    // "=" and two digits are quoted-printable (RFC 2045 §6.7)
}

// decode decodes quoted-printable only if it is told to: in a form, "=" and two
// digits are the beginning of a value.
func decode(text string, printable bool) decoded {
	d := decoder{printable: printable}
	for i := len(text) - 1; i >= 0; i-- {
		if printable && text[i] == '=' && (i+1 == len(text) || text[i+1] == '\r' || text[i+1] == '\n') {
			continue // a soft line break
		}
		d.push(octet{text[i], i, i + 1})
	}
	slices.Reverse(d.out)
	return d.out
}

// quotedPrintable reports whether a text may be in that encoding.
func quotedPrintable(text string) bool {
	for i := range len(text) - 2 {
		if text[i] == '=' && (text[i+1] == '\r' || text[i+1] == '\n' || isHex(text[i+1]) && isHex(text[i+2])) {
			return true
		}
	}
	return false
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

// push adds an octet before those of out. What it makes of an escape can begin
// another one.
func (d *decoder) push(o octet) {
	for {
		e, ok := d.escape(o)
		if !ok {
			d.add(o)
			return
		}
		to := d.out[len(d.out)-e.length].to
		d.out = d.out[:len(d.out)-e.length]
		if e.octet || e.value < utf8.RuneSelf {
			o = octet{byte(e.value), o.from, to}
			continue
		}
		for _, b := range slices.Backward(appendRune(nil, e.value)) {
			d.add(octet{b, o.from, to})
		}
		return
	}
}

// add adds an octet that begins no escape. A form has "+" for a space; SQL,
// PowerShell and CSV double a quotation mark, and a POSIX shell writes three
// characters more.
func (d *decoder) add(o octet) {
	switch n := len(d.out); {
	case o.value <= ' ', o.value == 0x7f, o.value == '\\', o.value == '+':
		return
	case (o.value == '\'' || o.value == '"') && n > 0 && d.out[n-1].value == o.value:
		d.out[n-1].from = o.from
		return
	}
	d.out = append(d.out, o)
	if o.value == surrogate {
		d.joinSurrogates()
	}
}

// An escaped value.
type escaped struct {
	value  rune
	length int  // octets after the first
	octet  bool // of UTF-8, and no character
}

// escape reads the escape that begins with o and goes on in out.
func (d *decoder) escape(o octet) (e escaped, ok bool) {
	c := o.value
	if c != '%' && c != '\\' && c != '&' && (c != '=' || !d.printable) {
		return escaped{}, false
	}
	var ahead [maxEscape]byte
	n := 0
	for ; n < maxEscape && n < len(d.out); n++ {
		ahead[n] = d.out[len(d.out)-1-n].value
	}
	switch c {
	case '%':
		return percent(ahead[:n])
	case '\\':
		return backslash(ahead[:n])
	case '&':
		return entity(ahead[:n])
	}
	if rest := d.out[len(d.out)-min(n, 2):]; len(rest) == 2 && rest[1].from == o.to && rest[0].from == rest[1].to {
		return number(ahead[:n], 0, 2, true)
	}
	return escaped{}, false // the "=" of a value, before a space
}

// number reads hexadecimal digits that follow skip octets of s.
func number(s []byte, skip, digits int, octet bool) (e escaped, ok bool) {
	if len(s) < skip+digits {
		return escaped{}, false
	}
	v, err := strconv.ParseUint(string(s[skip:skip+digits]), 16, 31)
	return escaped{rune(v), skip + digits, octet}, err == nil
}

// percent knows %7E, and %u007E of JavaScript's escape.
func percent(ahead []byte) (e escaped, ok bool) {
	if len(ahead) > 0 && ahead[0] == 'u' {
		return number(ahead, 1, 4, false)
	}
	return number(ahead, 0, 2, true)
}

// backslash knows \u007e, \U0000007e, \u{7e}, \x7e and \x{7e}. Another
// backslash is dropped, so that what it escapes remains.
func backslash(ahead []byte) (e escaped, ok bool) {
	if len(ahead) < 2 {
		return escaped{}, false
	}
	switch {
	case (ahead[0] == 'u' || ahead[0] == 'x') && ahead[1] == '{':
		end := slices.Index(ahead, '}')
		if e, ok = number(ahead, 2, max(end-2, 0), false); !ok || end < 3 {
			return escaped{}, false
		}
		e.length++
		return e, true
	case ahead[0] == 'u':
		return number(ahead, 1, 4, false)
	case ahead[0] == 'U':
		return number(ahead, 1, 8, false)
	case ahead[0] == 'x':
		return number(ahead, 1, 2, true)
	}
	return escaped{}, false
}

// entity knows &#126;, &#x7e; and the names of HTML.
func entity(ahead []byte) (e escaped, ok bool) {
	end := slices.Index(ahead, ';')
	switch {
	case end <= 0:
		return escaped{}, false
	case end > 2 && ahead[0] == '#' && ahead[1]|0x20 == 'x':
		e, ok = number(ahead, 2, end-2, false)
	case end > 1 && ahead[0] == '#':
		v, err := strconv.ParseUint(string(ahead[1:end]), 10, 31)
		e, ok = escaped{value: rune(v)}, err == nil
	default:
		e.value, ok = named(string(ahead[:end+1]))
	}
	e.length = end + 1
	return e, ok
}

// named returns the character with a name of HTML, which ends in a semicolon.
func named(name string) (r rune, ok bool) {
	text := html.UnescapeString("&" + name)
	r, size := utf8.DecodeRuneInString(text)
	return r, size == len(text)
}

// surrogate is the first octet of half a character of UTF-16, written as if it
// were a character of UTF-8.
const surrogate = 0xed

// appendRune is utf8.AppendRune that takes half a character, too.
func appendRune(p []byte, r rune) []byte {
	if r >= 0xd800 && r < 0xe000 {
		return append(p, surrogate, 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
	}
	return utf8.AppendRune(p, r)
}

// joinSurrogates makes one character of two halves at the beginning.
func (d *decoder) joinSurrogates() {
	n := len(d.out)
	if n < 6 {
		return
	}
	var half [2]rune
	for i := range half {
		at := n - 1 - 3*i
		if d.out[at].value != surrogate {
			return
		}
		half[i] = 0xd000 | rune(d.out[at-1].value&0x3f)<<6 | rune(d.out[at-2].value&0x3f)
	}
	if half[0] < 0xd800 || half[0] >= 0xdc00 || half[1] < 0xdc00 {
		return
	}
	from, to := d.out[n-1].from, d.out[n-6].to
	d.out = d.out[:n-6]
	r := 0x10000 + (half[0]-0xd800)<<10 + (half[1] - 0xdc00)
	for _, b := range slices.Backward(utf8.AppendRune(nil, r)) {
		d.out = append(d.out, octet{b, from, to})
	}
}
