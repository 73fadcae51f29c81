package powershell

import (
	"fmt"
	"strings"
)

// Values are nil, bool, string, []any and *Object.

// An Object is a row of a command's output, or a hash table.
type Object struct {
	names  []string
	values map[string]any // by name in lower case
}

// NewObject makes an object of names and values in turn.
func NewObject(pairs ...any) *Object {
	o := &Object{values: make(map[string]any)}
	for i := 0; i < len(pairs); i += 2 {
		o.Set(pairs[i].(string), pairs[i+1])
	}
	return o
}

// Set sets a property.
func (o *Object) Set(name string, value any) {
	key := strings.ToLower(name)
	if _, ok := o.values[key]; !ok {
		o.names = append(o.names, name)
	}
	o.values[key] = value
}

// Get returns a property, whatever the case of its name, or nil.
func (o *Object) Get(name string) any { return o.values[strings.ToLower(name)] }

// Names returns the names of the properties in the order in which they were
// set.
func (o *Object) Names() []string { return o.names }

// String formats the object as Format-List does.
func (o *Object) String() string {
	width := 0
	for _, n := range o.names {
		width = max(width, len(n))
	}
	var b strings.Builder
	for _, n := range o.names {
		fmt.Fprintf(&b, "%-*s : %s\n", width, n, Text(o.Get(n)))
	}
	return b.String()
}

// Text returns what PowerShell makes of a value in a string.
func Text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case bool:
		if v {
			return "True"
		}
		return "False"
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = Text(e)
		}
		return strings.Join(parts, " ")
	}
	return fmt.Sprint(v)
}

// property returns a member of a value; of a list, that of its members.
func property(v any, name string) any {
	switch v := v.(type) {
	case *Object:
		return v.Get(name)
	case []any:
		if strings.EqualFold(name, "Count") {
			return fmt.Sprint(len(v))
		}
		var list []any
		for _, e := range v {
			if p := property(e, name); p != nil {
				list = append(list, p)
			}
		}
		return unwrap(list)
	}
	return nil
}

// unwrap makes of a command's output what a variable is assigned.
func unwrap(list []any) any {
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	return list
}

func wrap(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

func truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	}
	return true
}
