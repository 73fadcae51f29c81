package powershell

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// A parser reads a script. Nothing runs before all of it has been read: what it
// does not know it refuses by name.
type parser struct {
	commands map[string]*Command
	text     string
	pos      int
	line     int
	depth    int
	bare     bool // words in conditions are properties of the item
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

// A statement is a pipeline, or an assignment of one.
type statement struct {
	assign string // the variable, in lower case; empty for none
	inner  *statement
	stages []stage
}

// A stage is an element of a pipeline.
type stage interface {
	run(e *env, input []any, piped bool) ([]any, error)
}

// script reads statements up to the end, or to a closing brace or parenthesis.
func (p *parser) script(closing string) ([]*statement, error) {
	var list []*statement
	for {
		p.skipBlank(true)
		switch {
		case p.take(";"):
			continue
		case closing != "" && p.at(closing), p.end():
			return list, nil
		}
		s, err := p.statement()
		if err != nil {
			return nil, err
		}
		list = append(list, s)
		p.skipBlank(false)
		if !p.end() && !p.atAny("\n;") && (closing == "" || !p.at(closing)) {
			return nil, p.unexpected()
		}
	}
}

// keywords begin what is a program rather than an instruction.
var keywords = []string{
	"if", "else", "elseif", "for", "while", "do", "until", "switch", "function", "filter", "try", "catch", "finally", "throw",
	"return", "break", "continue", "exit", "param", "begin", "process", "end", "trap", "data", "class", "enum", "using", "workflow", "dynamicparam",
}

// marks are other things that PowerShell knows and this one does not. The longer
// ones come first.
var marks = []string{"&&", "||", "2>&1", "*>", "2>", ">>", ">", "&", "++", "--", "+=", "-=", "*=", "/=", "..", "::", "+", "*", "/", "%", "["}

// unexpected refuses what comes next by its name.
func (p *parser) unexpected() error {
	for _, m := range marks {
		if p.at(m) {
			return p.errorf("%q is not carried out here: %q", m, p.rest())
		}
	}
	if op := p.dashed(); op != "" {
		return p.errorf("the operator %s is not carried out here", op)
	}
	return p.errorf("unexpected %q", p.rest())
}

// dashed returns the word with a dash that comes next, or nothing.
func (p *parser) dashed() string {
	if !p.at("-") {
		return ""
	}
	rest := p.text[p.pos+1:]
	n := strings.IndexFunc(rest, func(r rune) bool { return !isName(r) })
	if n < 0 {
		n = len(rest)
	}
	if n == 0 {
		return ""
	}
	return "-" + rest[:n]
}

func (p *parser) statement() (*statement, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	name, err := p.assignment()
	switch {
	case err != nil:
		return nil, err
	case name != "":
		inner, err := p.statement()
		return &statement{assign: name, inner: inner}, err
	}
	return p.pipeline()
}

// assignment takes "$name =" if that is what comes next.
func (p *parser) assignment() (name string, err error) {
	start := p.pos
	if p.take("$") {
		name = strings.ToLower(p.name())
		p.skipBlank(false)
		switch {
		case name == "" || !p.at("="):
		case slices.Contains([]string{"_", "true", "false", "null"}, name):
			return "", p.errorf("the variable $%s cannot be set", name)
		default:
			p.pos++
			p.skipBlank(false)
			return name, nil
		}
	}
	p.pos = start
	return "", nil
}

func (p *parser) pipeline() (*statement, error) {
	s := new(statement)
	if p.keyword("if") {
		c, err := p.choice()
		return &statement{stages: []stage{c}}, err
	}
	if p.atAny("$('\"@") || p.dashed() == "-not" || p.at("!") {
		e, err := p.condition()
		if err != nil {
			return nil, err
		}
		s.stages = append(s.stages, value{e})
	} else {
		c, err := p.command(false)
		if err != nil {
			return nil, err
		}
		s.stages = append(s.stages, c)
	}
	for {
		if p.skipBlank(false); p.at("||") || !p.take("|") {
			return s, nil
		}
		p.skipBlank(true)
		c, err := p.command(true)
		if err != nil {
			return nil, err
		}
		s.stages = append(s.stages, c)
	}
}

// keyword takes a word if that is what comes next.
func (p *parser) keyword(word string) bool {
	start := p.pos
	if !p.atAny("(-$") && strings.EqualFold(p.name(), word) && (p.end() || p.atAny(" \t({")) {
		return true
	}
	p.pos = start
	return false
}

// choice reads the condition and the blocks of an "if". An "else" stands on the
// line of the brace before it, as at a prompt.
func (p *parser) choice() (c choice, err error) {
	if p.skipBlank(false); !p.at("(") {
		return c, p.errorf("the condition of if is missing")
	}
	if c.condition, err = p.parenthesis(); err != nil {
		return c, err
	}
	if c.then, err = p.braces(); err != nil {
		return c, err
	}
	if p.skipBlank(false); p.keyword("else") {
		c.otherwise, err = p.braces()
	}
	return c, err
}

// braces reads statements in braces.
func (p *parser) braces() ([]*statement, error) {
	if p.skipBlank(true); !p.at("{") {
		return nil, p.errorf("a block in braces is missing")
	}
	b, err := p.block(statements)
	if err != nil {
		return nil, err
	}
	return b.(*block).statements, nil
}

// command reads a command with its arguments, and finds it.
func (p *parser) command(piped bool) (stage, error) {
	line, name := p.line, p.word()
	lower := strings.ToLower(name)
	switch {
	case name == "" && p.end():
		return nil, p.errorf("a command is missing")
	case name == "":
		return nil, p.unexpected()
	case slices.Contains(keywords, lower) || lower == "foreach" && !piped:
		return nil, p.errorf("the statement %q is not carried out here", name)
	case strings.ContainsAny(name, "$[]*+=:") || name == "." || name == "%" && !piped:
		return nil, p.errorf("%q is not carried out here", name)
	}
	filter, isFilter := filters[lower]
	args, err := p.arguments(filter.block)
	if err != nil {
		return nil, err
	}
	var s stage
	switch c := p.commands[lower]; {
	case isFilter && piped:
		s, err = filter.compile(args)
	case c == nil:
		err = fmt.Errorf("there is no such command here")
	case c.Native != nil:
		s, err = program{c, args}, refuseBlocks(args)
	default:
		s, err = c.bind(args)
	}
	if err != nil {
		return nil, &Error{line, name, err}
	}
	return located{s, line, name}, nil
}

// An argument is a parameter with its value or a value alone.
type argument struct {
	param string // with neither dash nor colon; empty for a value alone
	long  bool   // it began with two dashes
	bound bool   // a value stood behind a colon
	value expr
}

func (p *parser) arguments(b blockKind) ([]argument, error) {
	var args []argument
	for {
		if p.skipBlank(false); p.end() || p.atAny("\n;|)}") {
			return args, nil
		}
		if p.atAny(">&") || p.at("2>") || p.at("*>") {
			return nil, p.unexpected()
		}
		if p.at("-") {
			a, err := p.parameter(b)
			if err != nil {
				return nil, err
			}
			args = append(args, a)
			continue
		}
		v, err := p.list(b)
		if err != nil {
			return nil, err
		}
		args = append(args, argument{value: v})
	}
}

func (p *parser) parameter(b blockKind) (argument, error) {
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
		a.value, err = p.list(b)
		return a, err
	}
	return a, nil
}

// list reads a value, or several with commas between them.
func (p *parser) list(b blockKind) (expr, error) {
	v, err := p.value(b)
	if err != nil {
		return nil, err
	}
	items := list{v}
	for {
		start, line := p.pos, p.line
		if p.skipBlank(false); !p.take(",") {
			p.pos, p.line = start, line
			break
		}
		p.skipBlank(true)
		next, err := p.value(b)
		if err != nil {
			return nil, err
		}
		items = append(items, next)
	}
	if len(items) == 1 {
		return v, nil
	}
	return items, nil
}

// stops are the characters that end a word.
const stops = " \t\r\n;|(){},'\"<>&"

// word reads a bare word. It is empty if none comes next.
func (p *parser) word() string {
	n := strings.IndexAny(p.text[p.pos:], stops)
	if n < 0 {
		n = len(p.text) - p.pos
	}
	w := p.text[p.pos : p.pos+n]
	p.pos += n
	return w
}

// A blockKind is what a block in braces holds, by the command that takes it.
type blockKind int

const (
	noBlock    blockKind = iota
	conditions           // one condition
	statements
)

func (p *parser) value(b blockKind) (v expr, err error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	switch {
	case p.at("@'"), p.at(`@"`):
		return nil, p.errorf("a here-string is not carried out here: %q", p.rest())
	case p.take("'"):
		v, err = p.single()
		return p.members(v, err)
	case p.take(`"`):
		v, err = p.double()
		return p.members(v, err)
	case p.at("@{"):
		return p.table()
	case p.at("@("), p.at("$("):
		p.pos++
		v, err = p.group()
		return p.members(v, err)
	case p.at("@"):
		return nil, p.errorf("splatting is not carried out here: %q", p.rest())
	case p.at("("):
		v, err = p.group()
		return p.members(v, err)
	case p.at("{"):
		return p.block(b)
	case p.at("$"):
		v, err = p.variable()
		return p.members(v, err)
	case p.at("["):
		return nil, p.errorf("a type is not carried out here: %q", p.rest())
	case p.at("<"):
		return nil, p.errorf("a placeholder was not filled in: %q", p.rest())
	}
	w := p.word()
	switch {
	case w == "":
		return nil, p.unexpected()
	case strings.Contains(w, "$"):
		inner := &parser{commands: p.commands, text: w + `"`, line: p.line, depth: p.depth}
		v, err := inner.double()
		if err == nil && !inner.end() {
			err = inner.unexpected()
		}
		return v, err
	case strings.Contains(w, "`"):
		return nil, p.errorf("an escape in a word without quotes is not carried out here: %q", w)
	}
	return literal{w}, nil
}

func (p *parser) single() (expr, error) {
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
			return literal{b.String()}, nil
		}
		b.WriteByte('\'')
	}
}

var escapes = map[byte]string{'n': "\n", 't': "\t", 'r': "\r", '0': "\x00"}

func (p *parser) double() (expr, error) {
	var parts text
	var b strings.Builder
	for !p.end() {
		c := p.text[p.pos]
		switch {
		case p.take(`""`):
			b.WriteByte('"')
		case p.take(`"`):
			return append(parts, literal{b.String()}), nil
		case c == '`' && p.pos+1 < len(p.text):
			next := p.text[p.pos+1]
			switch s, ok := escapes[next]; {
			case ok:
				b.WriteString(s)
			case isName(rune(next)):
				return nil, p.errorf("the escape `%c is not carried out here", next)
			default:
				b.WriteByte(next)
			}
			p.pos += 2
		case p.at("$("):
			p.pos++
			v, err := p.group()
			if err != nil {
				return nil, err
			}
			parts = append(parts, literal{b.String()}, v)
			b.Reset()
		case c == '$' && p.pos+1 < len(p.text) && (isName(rune(p.text[p.pos+1])) || p.text[p.pos+1] == '{'):
			v, err := p.variable()
			if err != nil {
				return nil, err
			}
			parts = append(parts, literal{b.String()}, v)
			b.Reset()
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

func (p *parser) variable() (expr, error) {
	p.pos++
	if p.at("{") {
		return nil, p.errorf("a variable in braces is not carried out here: %q", "$"+p.rest())
	}
	name := strings.ToLower(p.name())
	if p.at(":") && p.pos+1 < len(p.text) && isName(rune(p.text[p.pos+1])) {
		return nil, p.errorf("the variable $%s: of a drive or a scope is not carried out here", name)
	}
	switch name {
	case "":
		return nil, p.errorf("a dollar sign without a name: %q", p.rest())
	case "true":
		return literal{true}, nil
	case "false":
		return literal{false}, nil
	case "null":
		return literal{nil}, nil
	}
	return variable{name, p.line}, nil
}

// members reads ".Name" and "[0]".
func (p *parser) members(v expr, err error) (expr, error) {
	for err == nil {
		switch {
		case p.at(".") && p.pos+1 < len(p.text) && isName(rune(p.text[p.pos+1])):
			p.pos++
			name := p.name()
			if p.at("(") {
				return nil, p.errorf("the method %s is not carried out here", name)
			}
			v = member{v, name}
		case p.take("[0]"):
			v = first{v}
		case p.at("["), p.at("::"), p.at(".."), p.at("++"), p.at("--"):
			return nil, p.errorf("%q is not carried out here", p.rest())
		default:
			return v, nil
		}
	}
	return nil, err
}

func (p *parser) group() (expr, error) {
	p.pos++
	var g group
	p.skipBlank(true)
	for !p.at(")") {
		if p.end() {
			return nil, p.errorf("a parenthesis is missing")
		}
		s, err := p.statement()
		if err != nil {
			return nil, err
		}
		g = append(g, s)
		before := p.line
		if p.skipBlank(true); p.take(";") || p.take(",") {
			p.skipBlank(true)
		} else if !p.at(")") && !p.end() && p.line == before {
			return nil, p.unexpected()
		}
	}
	p.pos++
	return g, nil
}

func (p *parser) table() (expr, error) {
	p.pos += len("@{")
	var t table
	for {
		p.skipBlank(true)
		if p.take("}") {
			return t, nil
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
		v, err := p.list(noBlock)
		if err != nil {
			return nil, err
		}
		t = append(t, entry{key, v})
		before := p.line
		if p.skipBlank(true); !p.at(";") && !p.at("}") && !p.end() && p.line == before {
			return nil, p.unexpected()
		}
	}
}

func (p *parser) key() (string, error) {
	if p.take("'") {
		v, err := p.single()
		if err != nil {
			return "", err
		}
		return v.(literal).v.(string), nil
	}
	if p.at(`"`) {
		return "", p.errorf("a key in double quotes is not carried out here: %s", p.rest())
	}
	key := p.name()
	if key == "" {
		return "", p.errorf("a hash table's key is missing at %q", p.rest())
	}
	return key, nil
}

func (p *parser) block(kind blockKind) (expr, error) {
	p.pos++
	b := new(block)
	var err error
	switch kind {
	case noBlock:
		return nil, p.errorf("a block in braces is not taken here: %q", "{"+p.rest())
	case conditions:
		p.skipBlank(true)
		b.condition, err = p.condition()
		p.skipBlank(true)
	case statements:
		b.statements, err = p.script("}")
	}
	switch {
	case err != nil:
		return nil, err
	case p.end():
		return nil, p.errorf("a closing brace is missing")
	case !p.take("}"):
		return nil, p.unexpected()
	}
	return b, nil
}

// condition reads a value, or comparisons joined by -and and -or, which bind
// equally strongly, as in PowerShell.
func (p *parser) condition() (expr, error) {
	left, err := p.comparison()
	for err == nil {
		p.skipBlank(false)
		and := p.operator("-and")
		if !and && !p.operator("-or") {
			return left, nil
		}
		p.skipBlank(true)
		var right expr
		right, err = p.comparison()
		left = logic{and, left, right}
	}
	return nil, err
}

func (p *parser) operator(op string) bool {
	if strings.EqualFold(p.dashed(), op) {
		p.pos += len(op)
		return true
	}
	return false
}

func (p *parser) comparison() (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	p.skipBlank(false)
	if p.operator("-not") || p.take("!") {
		v, err := p.comparison()
		return not{v}, err
	}
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	p.skipBlank(false)
	op := p.dashed()
	if compare := comparisonNamed(op); compare != nil {
		p.pos += len(op)
		p.skipBlank(true)
		right, err := p.value(noBlock)
		return comparison{compare, left, right}, err
	}
	if op != "" && !strings.EqualFold(op, "-and") && !strings.EqualFold(op, "-or") {
		return nil, p.unexpected()
	}
	return left, nil
}

func (p *parser) operand() (expr, error) {
	if !p.bare && p.at("(") || !p.bare && !p.atAny("$'\"@([") {
		if !p.at("(") {
			return p.value(noBlock)
		}
		return p.parenthesis()
	}
	if !p.bare || p.atAny("$'\"@") {
		return p.value(noBlock)
	}
	if p.at("(") {
		return p.parenthesis()
	}
	name := p.name()
	if name == "" {
		return nil, p.unexpected()
	}
	return member{item{}, name}, nil
}

// parenthesis reads a condition in parentheses, or else commands.
func (p *parser) parenthesis() (expr, error) {
	saved := *p
	p.pos++
	p.skipBlank(true)
	if p.bare || p.atAny("$('\"!") || p.dashed() != "" {
		v, err := p.condition()
		if err != nil {
			return nil, err
		}
		p.skipBlank(true)
		if p.take(")") {
			return p.members(v, nil)
		}
		if p.bare {
			return nil, p.errorf("a parenthesis is missing")
		}
	}
	*p = saved
	return p.value(noBlock)
}
