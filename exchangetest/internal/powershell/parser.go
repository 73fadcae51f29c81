package powershell

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// A parser reads a script and runs it as it goes.
type parser struct {
	shell *Shell
	text  string
	pos   int
	line  int
	depth int
	item  any  // $_
	bare  bool // words in conditions are properties of the item
}

const maxDepth = 50

func (p *parser) end() bool           { return p.pos >= len(p.text) }
func (p *parser) at(s string) bool    { return strings.HasPrefix(p.text[p.pos:], s) }
func (p *parser) atAny(s string) bool { return !p.end() && strings.IndexByte(s, p.text[p.pos]) >= 0 }

// rest returns the text up to the end of the line, for a message.
func (p *parser) rest() string {
	line, _, _ := strings.Cut(p.text[p.pos:], "\n")
	return line[:min(len(line), 40)]
}

func (p *parser) errorf(format string, args ...any) error {
	return &Error{Line: p.line, Err: fmt.Errorf(format, args...)}
}

// skipBlank skips blanks, comments and continued line ends, and with lines
// set all line ends.
func (p *parser) skipBlank(lines bool) {
	for !p.end() {
		switch {
		case p.atAny(" \t\r"):
			p.pos++
		case p.at("`\n"), lines && p.at("\n"):
			p.pos = strings.IndexByte(p.text[p.pos:], '\n') + p.pos + 1
			p.line++
		case p.at("<#"):
			n := strings.Index(p.text[p.pos:], "#>")
			if n < 0 {
				n = len(p.text) - p.pos - 2
			}
			p.line += strings.Count(p.text[p.pos:p.pos+n], "\n")
			p.pos += n + 2
		case p.at("#"):
			n := strings.IndexByte(p.text[p.pos:], '\n')
			if n < 0 {
				n = len(p.text) - p.pos
			}
			p.pos += n
		default:
			return
		}
	}
}

func (p *parser) take(s string) bool {
	if p.at(s) {
		p.pos += len(s)
		return true
	}
	return false
}

func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return p.errorf("nested too deeply")
	}
	return nil
}

// statement runs a pipeline, or an assignment of one.
func (p *parser) statement() ([]any, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	if name, ok := p.assignment(); ok {
		values, err := p.statement()
		if err == nil {
			p.shell.vars[strings.ToLower(name)] = unwrap(values)
		}
		return nil, err
	}
	return p.pipeline()
}

// assignment takes "$name =" if that is what comes next.
func (p *parser) assignment() (name string, ok bool) {
	start := p.pos
	if p.take("$") {
		name = p.name()
		p.skipBlank(false)
		if name != "" && p.at("=") {
			p.pos++
			p.skipBlank(false)
			return name, true
		}
	}
	p.pos = start
	return "", false
}

func isName(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

func (p *parser) name() string {
	rest := p.text[p.pos:]
	n := strings.IndexFunc(rest, func(r rune) bool { return !isName(r) })
	if n < 0 {
		n = len(rest)
	}
	p.pos += n
	return rest[:n]
}

func (p *parser) pipeline() (values []any, err error) {
	if p.atAny("$('\"@") {
		var v any
		if v, err = p.condition(); err == nil {
			values = wrap(v)
		}
	} else {
		values, err = p.command(nil, false)
	}
	for err == nil {
		if p.skipBlank(false); !p.take("|") {
			break
		}
		p.skipBlank(true)
		values, err = p.command(values, true)
	}
	return values, err
}

// command runs one command, on what is piped to it.
func (p *parser) command(input []any, piped bool) ([]any, error) {
	line, name := p.line, p.word()
	if name == "" {
		if p.end() {
			return nil, p.errorf("a command is missing")
		}
		return nil, p.errorf("unexpected %q", p.rest())
	}
	args, err := p.arguments()
	if err != nil {
		return nil, err
	}
	var values []any
	if filter := filters[strings.ToLower(name)]; filter != nil && piped {
		values, err = filter(p, input, args)
	} else {
		values, err = p.shell.call(name, args, input, piped)
	}
	var inner *Error
	if err != nil && !errors.As(err, &inner) {
		err = &Error{line, name, err}
	}
	return values, err
}

// An argument is a parameter with its value or a value alone.
type argument struct {
	param string // with neither dash nor colon; empty for a value alone
	long  bool   // it began with two dashes
	bound bool   // a value stood behind a colon
	value any
}

func (p *parser) arguments() ([]argument, error) {
	var args []argument
	for {
		if p.skipBlank(false); p.end() || p.atAny("\n;|)}") {
			return args, nil
		}
		if p.at("-") {
			a, err := p.parameter()
			if err != nil {
				return nil, err
			}
			args = append(args, a)
			continue
		}
		v, err := p.list()
		if err != nil {
			return nil, err
		}
		args = append(args, argument{value: v})
	}
}

func (p *parser) parameter() (argument, error) {
	p.pos++
	a := argument{long: p.take("-")}
	rest := p.text[p.pos:]
	n := strings.IndexFunc(rest, func(r rune) bool { return !isName(r) && r != '-' })
	if n < 0 {
		n = len(rest)
	}
	p.pos += n
	if a.param = rest[:n]; a.param == "" {
		return a, p.errorf("a dash without a name: %q", p.rest())
	}
	if p.take(":") {
		p.skipBlank(false)
		var err error
		a.bound = true
		a.value, err = p.list()
		return a, err
	}
	return a, nil
}

// list reads a value, or several with commas between them.
func (p *parser) list() (any, error) {
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	var list []any
	for {
		start := p.pos
		if p.skipBlank(false); !p.take(",") {
			p.pos = start
			break
		}
		p.skipBlank(true)
		next, err := p.value()
		if err != nil {
			return nil, err
		}
		if list == nil {
			list = []any{v}
		}
		list = append(list, next)
	}
	if list != nil {
		return list, nil
	}
	return v, nil
}
