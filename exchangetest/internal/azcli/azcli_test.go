package azcli

import (
	"errors"
	"fmt"
	"testing"

	"github.com/exoauth/exoauth/exchangetest/internal/powershell"
)

var commands = map[string]Command{
	"login": {[]string{"tenant", "quiet="}, func(o map[string]string) (*powershell.Object, error) {
		return powershell.NewObject("options", fmt.Sprint(o)), nil
	}},
	"ad app show": {[]string{"id"}, func(o map[string]string) (*powershell.Object, error) {
		return powershell.NewObject("appId", o["id"], "displayName", "Invoices"), nil
	}},
	"silent": {nil, func(map[string]string) (*powershell.Object, error) { return nil, nil }},
	"fail":   {nil, func(map[string]string) (*powershell.Object, error) { return nil, errors.New("no") }},
}

func TestRun(t *testing.T) {
	for _, test := range []struct {
		args []string
		prop string // of what is shown; empty for the value itself
		want string // or the error
	}{
		{[]string{"login"}, "options", "map[]"},
		{[]string{"login", "--tenant", "contoso.com", "--quiet"}, "options", "map[quiet:true tenant:contoso.com]"},
		{[]string{"login", "--tenant=contoso.com"}, "options", "map[tenant:contoso.com]"},
		{[]string{"login", "--quiet", "--tenant", "a", "b", "c"}, "options", "map[quiet:true tenant:a b c]"},
		{[]string{"login", "--tenant=", "a"}, "options", "map[tenant: a]"},
		{[]string{"login", "-o", "tsv"}, "options", "map[output:tsv]"},
		{[]string{"ad", "app", "show", "--id", "x", "--output", "json"}, "appId", "x"},
		{[]string{"ad", "app", "show", "--id", "x", "--query", "displayName"}, "", "Invoices"},
		{[]string{"silent"}, "", "[]"},
		{[]string{"silent", "--query", "x"}, "", "[]"},
		{nil, "", `there is no command "" here`},
		{[]string{"ad", "app"}, "", `there is no command "ad app" here`},
		{[]string{"login", "--user", "x"}, "", "login: there is no option --user"},
		{[]string{"login", "--pasword=hunter2"}, "", "login: there is no option --pasword"},
		{[]string{"login", "--tenant"}, "", "login: the option --tenant has no value"},
		{[]string{"ad", "app", "show"}, "", "ad app show: the option --id is missing"},
		{[]string{"fail"}, "", "fail: no"},
	} {
		values, err := Run(commands, test.args)
		got := fmt.Sprint(values)
		switch {
		case err != nil:
			got = err.Error()
		case len(values) == 1 && test.prop != "":
			got = powershell.Text(values[0].(*powershell.Object).Get(test.prop))
		case len(values) == 1:
			got = powershell.Text(values[0])
		}
		if got != test.want {
			t.Errorf("%q: %s, want %s", test.args, got, test.want)
		}
	}
}

func TestRunWrapsTheError(t *testing.T) {
	cause := errors.New("no")
	_, err := Run(map[string]Command{"x": {nil, func(map[string]string) (*powershell.Object, error) { return nil, cause }}}, []string{"x"})
	if !errors.Is(err, cause) {
		t.Error(err)
	}
}
