package powershell

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
)

// An env is what a script runs in.
type env struct {
	vars map[string]any
	run  func(c *Command) *Command // which command does the work
	item any                       // $_
}

// An expr is a value to be.
type expr interface{ eval(e *env) (any, error) }

type (
	literal struct{ v any }
	text    []expr
	list    []expr
	group   []*statement
	table   []entry
	entry   struct {
		key   string
		value expr
	}
	variable struct {
		name string
		line int
	}
	item   struct{}
	member struct {
		of   expr
		name string
	}
	first struct{ of expr }
	block struct {
		condition  expr
		statements []*statement
	}
	logic struct {
		and         bool
		left, right expr
	}
	not        struct{ of expr }
	comparison struct {
		compare     func(a, b string) bool
		left, right expr
	}
)

func (l literal) eval(*env) (any, error) { return l.v, nil }

func (t text) eval(e *env) (any, error) {
	var b strings.Builder
	for _, part := range t {
		v, err := part.eval(e)
		if err != nil {
			return nil, err
		}
		b.WriteString(Text(v))
	}
	return b.String(), nil
}

func (l list) eval(e *env) (any, error) {
	values := make([]any, len(l))
	for i, item := range l {
		var err error
		if values[i], err = item.eval(e); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (g group) eval(e *env) (any, error) {
	values, err := runAll(e, g)
	return unwrap(values), err
}

func (t table) eval(e *env) (any, error) {
	o := NewObject()
	for _, entry := range t {
		v, err := entry.value.eval(e)
		if err != nil {
			return nil, err
		}
		o.Set(entry.key, v)
	}
	return o, nil
}

func (v variable) eval(e *env) (any, error) {
	if v.name == "_" {
		return e.item, nil
	}
	value, ok := e.vars[v.name]
	if !ok {
		return nil, &Error{Line: v.line, Err: fmt.Errorf("the variable $%s was never set", v.name)}
	}
	return value, nil
}

func (item) eval(e *env) (any, error) { return e.item, nil }

func (m member) eval(e *env) (any, error) {
	v, err := m.of.eval(e)
	return property(v, m.name), err
}

func (f first) eval(e *env) (any, error) {
	v, err := f.of.eval(e)
	if list := wrap(v); len(list) > 0 {
		v = list[0]
	}
	return v, err
}

func (b *block) eval(*env) (any, error) { return b, nil }

func (l logic) eval(e *env) (any, error) {
	left, err := l.left.eval(e)
	if err != nil {
		return nil, err
	}
	right, err := l.right.eval(e)
	if l.and {
		return truth(left) && truth(right), err
	}
	return truth(left) || truth(right), err
}

func (n not) eval(e *env) (any, error) {
	v, err := n.of.eval(e)
	return !truth(v), err
}

func (c comparison) eval(e *env) (any, error) {
	left, err := c.left.eval(e)
	if err != nil {
		return nil, err
	}
	right, err := c.right.eval(e)
	return c.compare(Text(left), Text(right)), err
}

// comparisonNamed returns the comparison that an operator stands for, or nil.
func comparisonNamed(op string) func(a, b string) bool {
	switch strings.ToLower(op) {
	case "-eq", "-ieq":
		return strings.EqualFold
	case "-ne", "-ine":
		return func(a, b string) bool { return !strings.EqualFold(a, b) }
	case "-like", "-ilike":
		return like
	case "-notlike", "-inotlike":
		return func(a, b string) bool { return !like(a, b) }
	}
	return nil
}

func like(text, pattern string) bool {
	ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(strings.ReplaceAll(text, "/", " ")))
	return ok && err == nil
}

func runAll(e *env, list []*statement) (values []any, err error) {
	for _, s := range list {
		more, err := s.run(e)
		values = append(values, more...)
		if err != nil {
			return values, err
		}
	}
	return values, nil
}

func (s *statement) run(e *env) (values []any, err error) {
	if s.assign != "" {
		values, err := s.inner.run(e)
		if err == nil {
			e.vars[s.assign] = unwrap(values)
		}
		return nil, err
	}
	for i, stage := range s.stages {
		if values, err = stage.run(e, values, i > 0); err != nil {
			break
		}
	}
	return values, err
}

// value is the first stage of a pipeline that begins with one.
type value struct{ of expr }

func (v value) run(e *env, _ []any, _ bool) ([]any, error) {
	of, err := v.of.eval(e)
	return wrap(of), err
}

// choice is an "if": the statements of one of two blocks.
type choice struct {
	condition       expr
	then, otherwise []*statement
}

func (c choice) run(e *env, _ []any, _ bool) ([]any, error) {
	v, err := c.condition.eval(e)
	switch {
	case err != nil:
		return nil, err
	case truth(v):
		return runAll(e, c.then)
	}
	return runAll(e, c.otherwise)
}

// located is a stage whose errors name its line.
type located struct {
	stage
	line int
	name string
}

func (l located) run(e *env, input []any, piped bool) ([]any, error) {
	values, err := l.stage.run(e, input, piped)
	var inner *Error
	if err != nil && !errors.As(err, &inner) {
		err = &Error{l.line, l.name, err}
	}
	return values, err
}

// program is a stage that runs a program.
type program struct {
	command *Command
	args    []argument
}

func (p program) run(e *env, _ []any, _ bool) ([]any, error) {
	var words []string
	for _, a := range p.args {
		name := "-" + a.param
		if a.long {
			name = "-" + name
		}
		if a.param != "" {
			words = append(words, name)
		}
		if a.value == nil {
			continue
		}
		v, err := a.value.eval(e)
		if err != nil {
			return nil, err
		}
		for _, v := range wrap(v) {
			words = append(words, Text(v))
		}
	}
	return e.run(p.command).Native(words)
}

// A filter works on the output of another command.
type filter struct {
	block   blockKind // that it takes
	compile func(args []argument) (stage, error)
}

var filters = map[string]filter{}

func init() {
	for names, f := range map[string]filter{
		"where-object where ?":     {conditions, where},
		"foreach-object foreach %": {statements, forEach},
		"select-object select":     {noBlock, selecting("Property", "ExpandProperty", "First")},
		"format-list fl":           {noBlock, selecting("Property")},
		"format-table ft":          {noBlock, selecting("Property", "AutoSize", "Wrap")},
		"out-null":                 {noBlock, outNull},
	} {
		for _, name := range strings.Fields(names) {
			filters[name] = f
		}
	}
}

// each is a stage that makes something of each object.
type each func(e *env) ([]any, error)

func (f each) run(e *env, input []any, _ bool) (values []any, err error) {
	for _, item := range input {
		within := *e
		within.item = item
		more, err := f(&within)
		values = append(values, more...)
		if err != nil {
			return values, err
		}
	}
	return values, nil
}

// where takes { $_.Value -eq 'x' } and Value -eq x.
func where(args []argument) (stage, error) {
	if len(args) == 0 {
		return nil, errors.New("the condition is missing")
	}
	var condition expr
	if b, ok := args[0].value.(*block); ok {
		if len(args) > 1 {
			return nil, fmt.Errorf("it takes one block, and no %s after it", args[1])
		}
		condition = b.condition
	} else {
		if len(args) > 1 && args[1].param != "" && comparisonNamed("-"+args[1].param) == nil {
			return nil, fmt.Errorf("the operator -%s is not carried out here", args[1].param)
		}
		name, ok := args[0].value.(literal)
		if len(args) != 3 || !ok || args[0].param != "" || args[1].param == "" || args[1].bound || args[2].param != "" {
			return nil, errors.New("the condition is not of the form: Property -eq Value")
		}
		condition = comparison{comparisonNamed("-" + args[1].param), member{item{}, Text(name.v)}, args[2].value}
	}
	return each(func(e *env) ([]any, error) {
		v, err := condition.eval(e)
		if err != nil || !truth(v) {
			return nil, err
		}
		return []any{e.item}, nil
	}), nil
}

func (a argument) String() string {
	if a.param != "" {
		return "-" + a.param
	}
	return "further value"
}

func forEach(args []argument) (stage, error) {
	if len(args) != 1 || args[0].param != "" {
		return nil, errors.New("it takes one block")
	}
	b, ok := args[0].value.(*block)
	if !ok {
		return nil, errors.New("it takes a block in braces")
	}
	return each(func(e *env) ([]any, error) { return runAll(e, b.statements) }), nil
}

func outNull(args []argument) (stage, error) {
	if len(args) > 0 {
		return nil, fmt.Errorf("it takes no %s", args[0])
	}
	return selection{drop: true}, nil
}

// A selection keeps the properties that are named; expand makes a value of one,
// and first keeps the first objects.
type selection struct {
	names, expand, first expr
	drop                 bool
}

// selecting returns a filter that has these parameters.
func selecting(params ...string) func(args []argument) (stage, error) {
	c := &Command{}
	for _, name := range params {
		p := Param{Name: name}
		switch name {
		case "AutoSize", "Wrap":
			p.Kind = Switch
		case "Property":
			p.Kind, p.Position = List, 1
		}
		c.Params = append(c.Params, p)
	}
	return func(args []argument) (stage, error) {
		b, err := c.match(args, false)
		if err != nil {
			return nil, err
		}
		return selection{names: b["property"], expand: b["expandproperty"], first: b["first"]}, nil
	}
}

func (s selection) run(e *env, input []any, _ bool) ([]any, error) {
	if s.drop {
		return nil, nil
	}
	if s.first != nil {
		v, err := s.first.eval(e)
		if err != nil {
			return nil, err
		}
		n, err := strconv.Atoi(Text(v))
		if err != nil || n < 0 {
			return nil, fmt.Errorf("-First takes a number, not %q", Text(v))
		}
		input = input[:min(n, len(input))]
	}
	if s.expand != nil {
		v, err := s.expand.eval(e)
		return wrap(property(input, Text(v))), err
	}
	if s.names == nil {
		return input, nil
	}
	v, err := s.names.eval(e)
	names := wrap(v)
	if err != nil || len(names) == 0 || Text(names[0]) == "*" {
		return input, err
	}
	rows := make([]any, len(input))
	for i, item := range input {
		row := NewObject()
		for _, n := range names {
			row.Set(Text(n), property(item, Text(n)))
		}
		rows[i] = row
	}
	return rows, nil
}
