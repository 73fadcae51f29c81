package powershell

import (
	"path"
	"strings"
)

// stops are the characters that end a word.
const stops = " \t\r\n;|(){},'\"<>&"

// word reads a bare word, which is empty if none comes next.
func (p *parser) word() string {
	n := strings.IndexAny(p.text[p.pos:], stops)
	if n < 0 {
		n = len(p.text) - p.pos
	}
	w := p.text[p.pos : p.pos+n]
	p.pos += n
	return w
}

func (p *parser) value() (v any, err error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	switch {
	case p.take("'"):
		return p.single()
	case p.take(`"`):
		return p.double()
	case p.at("@{"):
		return p.table()
	case p.at("@("), p.at("$("):
		p.pos++
		v, err = p.group()
		return p.members(v, err)
	case p.at("("):
		v, err = p.group()
		return p.members(v, err)
	case p.at("{"):
		return p.block()
	case p.at("$"):
		v, err = p.variable()
		return p.members(v, err)
	case p.at("<"):
		return nil, p.errorf("a placeholder was not filled in: %q", p.rest())
	}
	w := p.word()
	if w == "" {
		return nil, p.errorf("unexpected %q", p.rest())
	}
	if strings.Contains(w, "$") {
		return p.interpolate(w)
	}
	return w, nil
}

func (p *parser) single() (any, error) {
	var b strings.Builder
	for {
		n := strings.IndexByte(p.text[p.pos:], '\'')
		if n < 0 {
			return nil, p.errorf("the string that begins here has no end")
		}
		b.WriteString(p.text[p.pos : p.pos+n])
		p.line += strings.Count(p.text[p.pos:p.pos+n], "\n")
		p.pos += n + 1
		if !p.take("'") {
			return b.String(), nil
		}
		b.WriteByte('\'')
	}
}

var escapes = map[byte]string{'n': "\n", 't': "\t", 'r': "\r", '0': "\x00"}

func (p *parser) double() (any, error) {
	var b strings.Builder
	for !p.end() {
		c := p.text[p.pos]
		switch {
		case p.take(`""`):
			b.WriteByte('"')
		case p.take(`"`):
			return b.String(), nil
		case c == '`' && p.pos+1 < len(p.text):
			next := p.text[p.pos+1]
			if s, ok := escapes[next]; ok {
				b.WriteString(s)
			} else {
				b.WriteByte(next)
			}
			p.pos += 2
		case p.at("$("):
			p.pos++
			v, err := p.group()
			if err != nil {
				return nil, err
			}
			b.WriteString(Text(v))
		case c == '$' && p.pos+1 < len(p.text) && isName(rune(p.text[p.pos+1])):
			v, err := p.variable()
			if err != nil {
				return nil, err
			}
			b.WriteString(Text(v))
		default:
			if c == '\n' {
				p.line++
			}
			b.WriteByte(c)
			p.pos++
		}
	}
	return nil, p.errorf("the string has no end")
}

// interpolate expands the variables in a word.
func (p *parser) interpolate(word string) (any, error) {
	inner := &parser{shell: p.shell, text: word + `"`, line: p.line, item: p.item, depth: p.depth}
	return inner.double()
}

func (p *parser) variable() (any, error) {
	p.pos++
	name := strings.ToLower(p.name())
	switch name {
	case "":
		return nil, p.errorf("a dollar sign without a name: %q", p.rest())
	case "true":
		return true, nil
	case "false":
		return false, nil
	case "null":
		return nil, nil
	case "_":
		return p.item, nil
	}
	v, ok := p.shell.vars[name]
	if !ok {
		return nil, p.errorf("the variable $%s was never set", name)
	}
	return v, nil
}

// members applies ".Name" and "[0]".
func (p *parser) members(v any, err error) (any, error) {
	for err == nil {
		switch {
		case p.at(".") && p.pos+1 < len(p.text) && isName(rune(p.text[p.pos+1])):
			p.pos++
			v = property(v, p.name())
		case p.take("[0]"):
			if list := wrap(v); len(list) > 0 {
				v = list[0]
			}
		default:
			return v, nil
		}
	}
	return nil, err
}

func (p *parser) group() (any, error) {
	p.pos++
	p.skipBlank(true)
	var values []any
	for !p.at(")") {
		if p.end() {
			return nil, p.errorf("a parenthesis is missing")
		}
		more, err := p.statement()
		if err != nil {
			return nil, err
		}
		values = append(values, more...)
		p.skipBlank(true)
		if p.take(";") || p.take(",") {
			p.skipBlank(true)
		}
	}
	p.pos++
	return unwrap(values), nil
}

func (p *parser) table() (any, error) {
	p.pos += len("@{")
	table := NewObject()
	for {
		p.skipBlank(true)
		if p.take("}") {
			return table, nil
		}
		if p.take(";") {
			continue
		}
		key, err := p.key()
		if err != nil {
			return nil, err
		}
		p.skipBlank(false)
		if !p.take("=") {
			return nil, p.errorf("no = behind the key %q", key)
		}
		p.skipBlank(true)
		v, err := p.list()
		if err != nil {
			return nil, err
		}
		table.Set(key, v)
	}
}

func (p *parser) key() (string, error) {
	if p.atAny(`'"`) {
		v, err := p.value()
		return Text(v), err
	}
	key := p.name()
	if key == "" {
		return "", p.errorf("a hash table's key is missing at %q", p.rest())
	}
	return key, nil
}

func (p *parser) block() (any, error) {
	p.pos++
	start, open := p.pos, 1
	for i := p.pos; i < len(p.text); i++ {
		switch p.text[i] {
		case '{':
			open++
		case '}':
			if open--; open == 0 {
				b := &Block{p.text[start:i], p.line}
				p.line += strings.Count(b.text, "\n")
				p.pos = i + 1
				return b, nil
			}
		}
	}
	return nil, p.errorf("a closing brace is missing")
}

// condition reads a value, or comparisons joined by -and and -or, which bind
// equally strongly, as in PowerShell.
func (p *parser) condition() (any, error) {
	left, err := p.comparison()
	for err == nil {
		p.skipBlank(false)
		and := p.operator("-and")
		if !and && !p.operator("-or") {
			return left, nil
		}
		p.skipBlank(true)
		var right any
		right, err = p.comparison()
		if and {
			left = truth(left) && truth(right)
		} else {
			left = truth(left) || truth(right)
		}
	}
	return nil, err
}

func (p *parser) operator(op string) bool {
	rest := p.text[p.pos:]
	if len(rest) <= len(op) || !strings.EqualFold(rest[:len(op)], op) || isName(rune(rest[len(op)])) {
		return false
	}
	p.pos += len(op)
	return true
}

var comparisons = []struct {
	op      string
	compare func(a, b string) bool
}{
	{"-eq", strings.EqualFold},
	{"-ne", func(a, b string) bool { return !strings.EqualFold(a, b) }},
	{"-like", like},
	{"-notlike", func(a, b string) bool { return !like(a, b) }},
}

func like(text, pattern string) bool {
	ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(strings.ReplaceAll(text, "/", " ")))
	return ok && err == nil
}

func (p *parser) comparison() (any, error) {
	p.skipBlank(false)
	if p.operator("-not") || p.take("!") {
		v, err := p.comparison()
		return !truth(v), err
	}
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	p.skipBlank(false)
	for _, c := range comparisons {
		if !p.operator(c.op) {
			continue
		}
		p.skipBlank(true)
		right, err := p.value()
		return c.compare(Text(left), Text(right)), err
	}
	return left, nil
}

func (p *parser) operand() (any, error) {
	if !p.bare || p.atAny("$'\"@") {
		return p.value()
	}
	if p.at("(") {
		p.pos++
		v, err := p.condition()
		if err == nil && !p.take(")") {
			err = p.errorf("a parenthesis is missing")
		}
		return v, err
	}
	name := p.name()
	if name == "" {
		return nil, p.errorf("unexpected %q", p.rest())
	}
	return property(p.item, name), nil
}
