// Package azcli runs commands of the program az, as they are typed.
package azcli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/powershell"
)

// A Command is one of az.
type Command struct {
	// Options are its options without the dashes, of which a final equals
	// sign marks those without a value. An option "id" is required.
	Options []string

	// Run returns what the command shows, or nil. Options without a value
	// are "true".
	Run func(options map[string]string) (*powershell.Object, error)
}

// Run runs that of the commands which the arguments begin with, by its name,
// such as "ad app show". Each has the options --query, which picks a member of
// what the command shows, and --output, which is ignored. What is not known is
// an error that names it.
func Run(commands map[string]Command, args []string) ([]any, error) {
	n := slices.IndexFunc(args, func(a string) bool { return strings.HasPrefix(a, "-") })
	if n < 0 {
		n = len(args)
	}
	name := strings.Join(args[:n], " ")
	command, ok := commands[name]
	if !ok {
		return nil, fmt.Errorf("there is no command %q here", name)
	}
	result, query, err := command.run(args[n:])
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case result == nil:
		return nil, nil
	case query != "":
		return []any{result.Get(query)}, nil
	}
	return []any{result}, nil
}

func (c Command) run(args []string) (result *powershell.Object, query string, err error) {
	options, err := c.parse(args)
	if err != nil {
		return nil, "", err
	}
	if _, ok := options["id"]; !ok && slices.Contains(c.Options, "id") {
		return nil, "", errors.New("the option --id is missing")
	}
	result, err = c.Run(options)
	return result, options["query"], err
}

func (c Command) parse(args []string) (map[string]string, error) {
	options := make(map[string]string)
	for i := 0; i < len(args); i++ {
		name, value, bound := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		switch {
		case name == "o":
			name = "output"
		case slices.Contains(c.Options, name+"="):
			options[name] = "true"
			continue
		case name == "query", name == "output", slices.Contains(c.Options, name):
		default:
			option, _, _ := strings.Cut(args[i], "=") // the value may be a secret
			return nil, fmt.Errorf("there is no option %s", option)
		}
		if !bound {
			if i++; i == len(args) {
				return nil, fmt.Errorf("the option --%s has no value", name)
			}
			value = args[i]
		}
		for i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
			i++
			value += " " + args[i]
		}
		options[name] = value
	}
	return options, nil
}
