package powershell

import (
	"errors"
	"fmt"
	"maps"
	"strings"
)

// A Shell runs scripts. Its variables last from one Run to the next. It must
// not be used by several goroutines at once.
type Shell struct {
	// Copy, if it is not nil, returns the commands for a copy of what they
	// work on. Each pipeline is tried with these first, so that one that fails
	// has changed nothing.
	Copy func() []*Command

	commands map[string]*Command
	vars     map[string]any
}

// New returns a shell that knows the commands.
func New(commands []*Command) *Shell {
	return &Shell{commands: byName(commands), vars: make(map[string]any)}
}

func byName(commands []*Command) map[string]*Command {
	m := make(map[string]*Command)
	for _, c := range commands {
		m[strings.ToLower(c.Name)] = c
	}
	return m
}

// A Command is a cmdlet, or a native program if Native is set.
type Command struct {
	Name   string
	Params []Param
	// Confirms says that it asks for confirmation, which nobody is there to
	// give.
	Confirms bool
	Run      func(Args) ([]any, error)
	Native   func(args []string) ([]any, error)
}

// A Param is a parameter of a cmdlet.
type Param struct {
	Name     string
	Alias    string // another name; empty if there is none
	Kind     Kind
	Required bool
	Position int // counted from one; zero if it must be named
}

// A Kind is the type of a parameter.
type Kind int

// The kinds of parameters. A switch needs no value.
const (
	String Kind = iota
	Bool
	OptionalBool // a Bool that may be $null
	List         // of strings
	Table        // @{…}
	Switch
)

// An Error says which command, and which of its parameters, was wrong.
type Error struct {
	Line    int    // of the script, counted from one
	Command string // empty if the script could not be read
	Err     error
}

func (e *Error) Error() string {
	if e.Command == "" {
		return fmt.Sprintf("line %d: %v", e.Line, e.Err)
	}
	return fmt.Sprintf("line %d: %s: %v", e.Line, e.Command, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Run runs a script and returns what it would show. Nothing runs if there is
// anything in the script that is not known: a command, a parameter, an operator,
// a statement. Otherwise it stops at the first pipeline that fails, which changes
// nothing; what was done before it stays done. The error is an *[Error].
func (s *Shell) Run(script string) (output []any, err error) {
	p := &parser{commands: s.commands, text: strings.ReplaceAll(script, "\r\n", "\n"), line: 1}
	statements, err := p.script("")
	if err != nil {
		return nil, err
	}
	for _, statement := range statements {
		if s.Copy != nil {
			commands := byName(s.Copy())
			trial := &env{vars: maps.Clone(s.vars), run: func(c *Command) *Command { return commands[strings.ToLower(c.Name)] }}
			if _, err := statement.run(trial); err != nil {
				return output, err
			}
		}
		values, err := statement.run(&env{vars: s.vars, run: func(c *Command) *Command { return c }})
		if err != nil {
			return output, err
		}
		output = append(output, values...)
	}
	return output, nil
}

// Match evaluates a condition such as "PrimarySmtpAddress -eq 'a@contoso.com'"
// about an object, whose properties stand in it by their names.
func Match(condition string, about *Object) (bool, error) {
	p := &parser{text: condition, line: 1, bare: true}
	c, err := p.condition()
	if p.skipBlank(true); err == nil && !p.end() {
		err = p.unexpected()
	}
	var v any
	if err == nil {
		v, err = c.eval(&env{item: about, run: func(c *Command) *Command { return c }})
	}
	if inner, ok := errors.AsType[*Error](err); ok {
		return false, inner.Err // it has one line
	}
	return truth(v), err
}
