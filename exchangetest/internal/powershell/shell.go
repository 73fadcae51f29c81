package powershell

import (
	"errors"
	"fmt"
	"strings"
)

// A Shell runs scripts. Its variables last from one Run to the next. It must
// not be used by several goroutines at once.
type Shell struct {
	commands map[string]*Command
	vars     map[string]any
}

// New returns a shell that knows the commands.
func New(commands []*Command) *Shell {
	s := &Shell{make(map[string]*Command), make(map[string]any)}
	for _, c := range commands {
		s.commands[strings.ToLower(c.Name)] = c
	}
	return s
}

// A Command is a cmdlet, or a native program if Native is set.
type Command struct {
	Name   string
	Params []Param
	// Lenient takes parameters that are not in Params, and ignores them.
	Lenient bool
	Run     func(Args) ([]any, error)
	Native  func(args []string) ([]any, error)
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

// Run runs a script and returns what it would show. It stops at the first
// error, which is an *[Error]; what was done before it stays done.
func (s *Shell) Run(script string) (output []any, err error) {
	p := &parser{shell: s, text: strings.ReplaceAll(script, "\r\n", "\n"), line: 1}
	for {
		p.skipBlank(true)
		if p.at(";") {
			p.pos++
			continue
		}
		if p.end() {
			return output, nil
		}
		values, err := p.statement()
		if err != nil {
			return output, err
		}
		output = append(output, values...)
		p.skipBlank(false)
		if !p.end() && !p.at("\n") && !p.at(";") {
			return output, p.errorf("unexpected %q", p.rest())
		}
	}
}

// Match evaluates a condition such as "PrimarySmtpAddress -eq 'a@contoso.com'"
// about an object, whose properties stand in it by their names.
func Match(condition string, about *Object) (bool, error) {
	p := &parser{shell: New(nil), text: condition, line: 1, item: about, bare: true}
	v, err := p.condition()
	if p.skipBlank(true); err == nil && !p.end() {
		err = p.errorf("unexpected %q", p.rest())
	}
	if inner, ok := errors.AsType[*Error](err); ok {
		return false, inner.Err // it has one line
	}
	return truth(v), err
}
