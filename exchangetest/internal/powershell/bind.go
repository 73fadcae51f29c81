package powershell

import (
	"errors"
	"fmt"
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
	{Name: "Debug", Kind: Switch}, {Name: "ErrorAction"}, {Name: "WarningAction"},
}

func (s *Shell) call(name string, args []argument, input []any, piped bool) ([]any, error) {
	c := s.commands[strings.ToLower(name)]
	if c == nil {
		return nil, errors.New("there is no such command here")
	}
	if c.Native != nil {
		return c.Native(nativeArgs(args))
	}
	bound, err := c.bind(args)
	if err != nil {
		return nil, err
	}
	if bound.Bool("WhatIf") {
		return nil, nil
	}
	silent := strings.EqualFold(bound.Text("ErrorAction"), "SilentlyContinue") ||
		strings.EqualFold(bound.Text("ErrorAction"), "Ignore")
	values, err := c.runEach(bound, input, piped)
	if err != nil && silent {
		return nil, nil
	}
	return values, err
}

// runEach runs the command for each object that is piped to it, of which the
// properties named like required parameters are taken.
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

func (c *Command) bind(args []argument) (Args, error) {
	bound := make(Args)
	position := 0
	for i := 0; i < len(args); i++ {
		a := args[i]
		param, err := c.find(a, &position)
		if err != nil {
			return nil, err
		}
		if param == nil { // Lenient
			if a.param != "" && !a.bound && i+1 < len(args) && args[i+1].param == "" {
				i++
			}
			continue
		}
		value := a.value
		if a.param != "" && !a.bound {
			switch {
			case param.Kind == Switch:
				value = true
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
		if bound[key], err = param.convert(value); err != nil {
			return nil, err
		}
	}
	return bound, nil
}

func (c *Command) find(a argument, position *int) (*Param, error) {
	if a.param == "" {
		*position++
		for i := range c.Params {
			if c.Params[i].Position == *position {
				return &c.Params[i], nil
			}
		}
		if c.Lenient {
			return nil, nil
		}
		// The value may be a secret.
		return nil, fmt.Errorf("no parameter takes value %d; name the one that is meant", *position)
	}
	var matches []*Param
	for _, list := range [][]Param{c.Params, common} {
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
	case c.Lenient:
		return nil, nil
	}
	return nil, fmt.Errorf("there is no parameter -%s", a.param)
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

// nativeArgs returns the words that a program would be given.
func nativeArgs(args []argument) []string {
	var words []string
	for _, a := range args {
		switch {
		case a.param == "":
			for _, v := range wrap(a.value) {
				words = append(words, Text(v))
			}
		case a.long:
			words = append(words, "--"+a.param)
		default:
			words = append(words, "-"+a.param)
		}
		if a.bound {
			words = append(words, Text(a.value))
		}
	}
	return words
}
