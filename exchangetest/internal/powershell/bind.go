package powershell

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Args are the values of a cmdlet's parameters, by name in lower case.
type Args map[string]any

// Has reports whether a parameter was given.
func (a Args) Has(name string) bool { _, ok := a[strings.ToLower(name)]; return ok }

// Text returns a parameter as a string, empty if it was not given.
func (a Args) Text(name string) string { return Text(a[strings.ToLower(name)]) }

// Bool returns a parameter as a truth value.
func (a Args) Bool(name string) bool { return truth(a[strings.ToLower(name)]) }

// List returns the values of a parameter as strings.
func (a Args) List(name string) []string {
	var list []string
	for _, v := range wrap(a[strings.ToLower(name)]) {
		list = append(list, Text(v))
	}
	return list
}

// Table returns a parameter that is a hash table, never nil.
func (a Args) Table(name string) *Object {
	if t, ok := a[strings.ToLower(name)].(*Object); ok {
		return t
	}
	return NewObject()
}

// common are the parameters that every cmdlet has.
var common = []Param{
	{Name: "Confirm", Kind: Switch}, {Name: "WhatIf", Kind: Switch}, {Name: "Verbose", Kind: Switch},
	{Name: "ErrorAction"}, {Name: "WarningAction"},
}

// actions are what -ErrorAction and -WarningAction take.
var actions = []string{"Continue", "Stop", "SilentlyContinue", "Ignore"}

// A cmdlet is a stage that runs one.
type cmdlet struct {
	command *Command
	bound   map[string]expr // by name in lower case
}

// bind finds the parameters of a cmdlet.
func (c *Command) bind(args []argument) (stage, error) {
	bound, err := c.match(args, true)
	if err != nil {
		return nil, err
	}
	if c.Confirms && bound["confirm"] != (literal{false}) && bound["whatif"] == nil {
		return nil, errors.New("it asks for confirmation, and takes the next line of a script for the answer; give -Confirm:$false")
	}
	for _, name := range []string{"erroraction", "warningaction"} {
		action, ok := bound[name].(literal)
		if bound[name] != nil && (!ok || !slices.ContainsFunc(actions, func(a string) bool { return strings.EqualFold(a, Text(action.v)) })) {
			return nil, fmt.Errorf("-ErrorAction and -WarningAction take %s here", strings.Join(actions, ", "))
		}
	}
	return cmdlet{c, bound}, nil
}

func refuseBlocks(args []argument) error {
	for _, a := range args {
		if _, ok := a.value.(*block); ok {
			return errors.New("a block is not taken here")
		}
	}
	return nil
}

// match finds the parameters that the arguments are for.
func (c *Command) match(args []argument, all bool) (map[string]expr, error) {
	bound := make(map[string]expr)
	position := 0
	for i := 0; i < len(args); i++ {
		a := args[i]
		param, err := c.find(a, &position, all)
		if err != nil {
			return nil, err
		}
		value := a.value
		if a.param != "" && !a.bound {
			switch {
			case param.Kind == Switch:
				value = literal{true}
			case i+1 < len(args) && args[i+1].param == "":
				i++
				value = args[i].value
			default:
				return nil, fmt.Errorf("the parameter -%s has no value", param.Name)
			}
		}
		key := strings.ToLower(param.Name)
		if _, twice := bound[key]; twice {
			return nil, fmt.Errorf("the parameter -%s is given twice", param.Name)
		}
		bound[key] = value
	}
	return bound, nil
}

func (c *Command) find(a argument, position *int, all bool) (*Param, error) {
	if a.param == "" {
		*position++
		for i := range c.Params {
			if c.Params[i].Position == *position {
				return &c.Params[i], nil
			}
		}
		// The value may be a secret.
		return nil, fmt.Errorf("no parameter takes value %d; name the one that is meant", *position)
	}
	lists := [][]Param{c.Params}
	if all {
		lists = append(lists, common)
	}
	var matches []*Param
	for _, list := range lists {
		for i := range list {
			p := &list[i]
			if strings.EqualFold(p.Name, a.param) || strings.EqualFold(p.Alias, a.param) && p.Alias != "" {
				return p, nil
			}
			if len(a.param) < len(p.Name) && strings.EqualFold(p.Name[:len(a.param)], a.param) {
				matches = append(matches, p)
			}
		}
	}
	switch {
	case len(matches) == 1 && !a.long:
		return matches[0], nil
	case len(matches) > 1 && !a.long:
		return nil, fmt.Errorf("the parameter -%s may be -%s or -%s", a.param, matches[0].Name, matches[1].Name)
	}
	return nil, fmt.Errorf("there is no parameter -%s", a.param)
}

func (c cmdlet) run(e *env, input []any, piped bool) ([]any, error) {
	command := e.run(c.command)
	bound, err := c.args(e)
	if err != nil {
		return nil, err
	}
	if bound.Bool("WhatIf") {
		return nil, nil
	}
	silent := slices.Contains([]string{"silentlycontinue", "ignore"}, strings.ToLower(bound.Text("ErrorAction")))
	values, err := command.runEach(bound, input, piped)
	if err != nil && silent {
		return nil, nil
	}
	return values, err
}

func (c cmdlet) args(e *env) (Args, error) {
	bound := make(Args)
	for _, list := range [][]Param{c.command.Params, common} {
		for _, p := range list {
			key := strings.ToLower(p.Name)
			of, ok := c.bound[key]
			if !ok {
				continue
			}
			v, err := of.eval(e)
			if err == nil {
				bound[key], err = p.convert(v)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return bound, nil
}

// runEach runs the command for each object that is piped to it. The properties
// named like required parameters are taken from the object.
func (c *Command) runEach(bound Args, input []any, piped bool) (values []any, err error) {
	if !piped {
		return c.runOnce(bound)
	}
	for _, item := range input {
		each := make(Args, len(bound))
		for k, v := range bound {
			each[k] = v
		}
		for _, p := range c.Params {
			if v := property(item, p.Name); p.Required && !each.Has(p.Name) && v != nil {
				each[strings.ToLower(p.Name)] = v
			}
		}
		more, err := c.runOnce(each)
		values = append(values, more...)
		if err != nil {
			return values, err
		}
	}
	return values, nil
}

func (c *Command) runOnce(bound Args) ([]any, error) {
	for _, p := range c.Params {
		v, ok := bound[strings.ToLower(p.Name)]
		switch {
		case !p.Required:
		case !ok:
			return nil, fmt.Errorf("the parameter -%s is missing", p.Name)
		case v == nil || v == "":
			return nil, fmt.Errorf("the value of -%s is empty", p.Name)
		}
	}
	return c.Run(bound)
}

func (p *Param) convert(v any) (any, error) {
	switch p.Kind {
	case String:
		if _, table := v.(*Object); table {
			return nil, fmt.Errorf("-%s takes a text, not an object; name the property that is meant", p.Name)
		}
		if list, ok := v.([]any); ok && len(list) != 1 {
			return nil, fmt.Errorf("-%s takes one value, not %d", p.Name, len(list))
		}
		if v != nil {
			return Text(v), nil
		}
	case Bool, OptionalBool, Switch:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		if v == nil && p.Kind == OptionalBool {
			return nil, nil
		}
		if s, ok := v.(string); ok && (s == "0" || s == "1") {
			return s == "1", nil
		}
		return nil, fmt.Errorf("-%s takes $true or $false, not %q", p.Name, Text(v))
	case Table:
		if _, ok := v.(*Object); !ok {
			return nil, fmt.Errorf("-%s takes a hash table, @{…}", p.Name)
		}
	}
	return v, nil
}
