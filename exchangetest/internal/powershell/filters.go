package powershell

import (
	"errors"
	"fmt"
)

// A filter works on the output of another command.
type filter func(p *parser, input []any, args []argument) ([]any, error)

var filters map[string]filter

func init() {
	filters = map[string]filter{
		"where-object": where, "where": where, "?": where,
		"select-object": selectObject, "select": selectObject,
		"format-list": selectObject, "fl": selectObject,
		"format-table": selectObject, "ft": selectObject,
		"foreach-object": forEach, "foreach": forEach, "%": forEach,
		"out-null": func(*parser, []any, []argument) ([]any, error) { return nil, nil },
	}
}

// where takes { $_.Value -eq 'x' } and Value -eq x.
func where(p *parser, input []any, args []argument) (kept []any, err error) {
	if len(args) == 0 {
		return nil, errors.New("the condition is missing")
	}
	for _, item := range input {
		var v any
		if b, ok := args[0].value.(*Block); ok {
			v, err = p.within(b, item).condition()
		} else {
			v, err = compare(item, args)
		}
		if err != nil {
			return nil, err
		}
		if truth(v) {
			kept = append(kept, item)
		}
	}
	return kept, nil
}

func (p *parser) within(b *Block, item any) *parser {
	inner := &parser{shell: p.shell, text: b.text, line: b.line, item: item, depth: p.depth}
	inner.skipBlank(true)
	return inner
}

func compare(item any, args []argument) (bool, error) {
	if len(args) == 3 && args[1].param != "" {
		for _, c := range comparisons {
			if c.op == "-"+args[1].param {
				return c.compare(Text(property(item, Text(args[0].value))), Text(args[2].value)), nil
			}
		}
	}
	return false, errors.New("the condition is not of the form: Property -eq Value")
}

func forEach(p *parser, input []any, args []argument) (values []any, err error) {
	if len(args) != 1 {
		return nil, errors.New("it takes one block")
	}
	b, ok := args[0].value.(*Block)
	if !ok {
		return nil, errors.New("it takes a block in braces")
	}
	for _, item := range input {
		inner := p.within(b, item)
		if err := inner.enter(); err != nil {
			return nil, err
		}
		more, err := inner.statement()
		if err != nil {
			return values, err
		}
		values = append(values, more...)
	}
	return values, nil
}

// selectObject keeps the properties that are named; -ExpandProperty makes a
// value of one, and -First keeps the first object.
func selectObject(_ *parser, input []any, args []argument) ([]any, error) {
	var names []string
	for i := 0; i < len(args); i++ {
		switch a := args[i]; a.param {
		case "ExpandProperty", "Expand", "expandproperty":
			if i+1 == len(args) {
				return nil, errors.New("the parameter -ExpandProperty has no value")
			}
			return wrap(property(input, Text(args[i+1].value))), nil
		case "Property", "AutoSize", "Wrap":
		case "First":
			i++
			input = input[:min(1, len(input))]
		case "":
			for _, v := range wrap(a.value) {
				names = append(names, Text(v))
			}
		default:
			return nil, fmt.Errorf("there is no parameter -%s", a.param)
		}
	}
	if len(names) == 0 || names[0] == "*" {
		return input, nil
	}
	list := make([]any, len(input))
	for i, item := range input {
		row := NewObject()
		for _, n := range names {
			row.Set(n, property(item, n))
		}
		list[i] = row
	}
	return list, nil
}
