package powershell

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// echo shows what it was given.
var echo = &Command{
	Name: "Test-Echo",
	Params: []Param{
		{Name: "Identity", Position: 1, Required: true}, {Name: "Flag", Kind: Bool},
		{Name: "Maybe", Kind: OptionalBool}, {Name: "Rights", Kind: List}, {Name: "Body", Kind: Table},
		{Name: "Force", Kind: Switch}, {Name: "ObjectId", Alias: "ServiceId"}, {Name: "ObjectName"},
	},
	Run: func(a Args) ([]any, error) {
		if a.Text("Identity") == "fail" {
			return nil, errors.New("failed")
		}
		o := NewObject("Identity", a.Text("Identity"))
		for _, n := range []string{"Flag", "Maybe", "Force", "Rights", "ObjectId", "ObjectName"} {
			if a.Has(n) {
				o.Set(n, a[strings.ToLower(n)])
			}
		}
		if a.Has("Body") {
			for _, n := range a.Table("Body").Names() {
				o.Set("Body."+n, a.Table("Body").Get(n))
			}
		}
		return []any{o}, nil
	},
}

var rows = &Command{Name: "Get-Rows", Run: func(Args) ([]any, error) {
	return []any{
		NewObject("Name", "one", "Value", "IMAP.AccessAsApp", "Id", "1"),
		NewObject("Name", "two", "Value", "SMTP.SendAsApp", "Id", "2"),
	}, nil
}}

// among are three objects that can be piped to echo. It fails on one of them.
var among = &Command{Name: "Get-Among", Run: func(Args) ([]any, error) {
	return []any{NewObject("Identity", "a"), NewObject("Identity", "fail"), NewObject("Identity", "b")}, nil
}}

var native = &Command{Name: "az", Native: func(args []string) ([]any, error) { return []any{strings.Join(args, "|")}, nil }}

func run(script string) (string, error) {
	values, err := New([]*Command{echo, rows, among, native}).Run(script)
	var b strings.Builder
	for _, v := range values {
		o, ok := v.(*Object)
		if !ok {
			fmt.Fprintf(&b, "%s;", Text(v))
			continue
		}
		for _, n := range o.Names() {
			fmt.Fprintf(&b, "%s=%s;", n, Text(o.Get(n)))
		}
	}
	return b.String(), err
}

func TestRun(t *testing.T) {
	for name, test := range map[string]struct{ script, want string }{
		"empty":                   {"", ""},
		"comment alone":           {"# nothing", ""},
		"block comment":           {"<# a\nb #> Test-Echo x", "Identity=x;"},
		"positional":              {"Test-Echo a@contoso.com", "Identity=a@contoso.com;"},
		"case of names":           {"test-echo -IDENTITY x", "Identity=x;"},
		"unique prefix":           {"Test-Echo -Ident x", "Identity=x;"},
		"alias":                   {"Test-Echo x -ServiceId 7", "Identity=x;ObjectId=7;"},
		"bool":                    {"Test-Echo x -Flag $true", "Identity=x;Flag=True;"},
		"bool with a colon":       {"Test-Echo x -Flag:$false", "Identity=x;Flag=False;"},
		"null":                    {"Test-Echo x -Maybe $null", "Identity=x;Maybe=;"},
		"switch":                  {"Test-Echo -Force x", "Identity=x;Force=True;"},
		"list":                    {"Test-Echo x -Rights a,b , c", "Identity=x;Rights=a b c;"},
		"single quotes":           {"Test-Echo 'it''s $x'", "Identity=it's $x;"},
		"double quotes":           {"$x='y'; Test-Echo \"<$x> `$x \"\"q\"\"\"", "Identity=<y> $x \"q\";"},
		"property in a string":    {"$r = Get-Rows; Test-Echo \"$($r[0].Name)!\"", "Identity=one!;"},
		"variable in a word":      {"$x='y'; Test-Echo a$x", "Identity=ay;"},
		"several lines":           {"$x = 'y'\n\nTest-Echo $x # why\r\nTest-Echo z", "Identity=y;Identity=z;"},
		"continued line":          {"Test-Echo `\n  -Identity x", "Identity=x;"},
		"hash table":              {"Test-Echo x -Body @{ a = 'b'; c = $true\n d = 1 }", "Identity=x;Body.a=b;Body.c=True;Body.d=1;"},
		"group":                   {"Test-Echo (Get-Rows | Where-Object Name -eq two).Id", "Identity=2;"},
		"where with a block":      {"Get-Rows | ? { $_.Value -like 'imap.*' -and $_.Id -ne 2 } | Select-Object Id", "Id=1;"},
		"where, none":             {"Get-Rows | where Name -eq three", ""},
		"expanded property":       {"Get-Rows | Select-Object -ExpandProperty Name", "one;two;"},
		"members of a list":       {"$r = Get-Rows; $r.Name", "one;two;"},
		"piped by property name":  {"Get-Rows | Select Name | ForEach-Object { Test-Echo $_.Name }", "Identity=one;Identity=two;"},
		"native":                  {"az ad app show --id 'x y' -o tsv", "ad|app|show|--id|x y|-o|tsv;"},
		"what if":                 {"Test-Echo fail -WhatIf", ""},
		"error is silenced":       {"Test-Echo fail -ErrorAction SilentlyContinue", ""},
		"pipe at the line's end":  {"Get-Rows |\n Select-Object -First 1 |\n fl Id", "Id=1;"},
		"pipe to nothing":         {"Get-Rows | Out-Null", ""},
		"piped into a cmdlet":     {"Test-Echo a | Test-Echo -Force", "Identity=a;Force=True;"},
		"piped, none":             {"Get-Rows | ? Id -eq 9 | Test-Echo", ""},
		"key in quotes":           {"Test-Echo x -Body @{ 'a b' = 1 }", "Identity=x;Body.a b=1;"},
		"several blocks' lines":   {"Get-Rows | % {\n $_.Id\n}\nTest-Echo x", "1;2;Identity=x;"},
		"value in parentheses":    {"Test-Echo $('a')", "Identity=a;"},
		"count":                   {"$r = Get-Rows; $r.Count", "2;"},
		"if, something":           {"if (Get-Rows) { Test-Echo x; Test-Echo y } else { Test-Echo z }", "Identity=x;Identity=y;"},
		"if, nothing":             {"if (Get-Rows | ? Id -eq 9) { Test-Echo x } else { Test-Echo z }", "Identity=z;"},
		"if, nothing and no else": {"if (Get-Rows | ? Id -eq 9) { Test-Echo x }\nTest-Echo z", "Identity=z;"},
		"if not, an error":        {"if (-not (Test-Echo fail -ErrorAction SilentlyContinue)) { Test-Echo x }", "Identity=x;"},
		"if, a variable":          {"$r = Get-Rows; IF ($r) { Test-Echo x }", "Identity=x;"},
		"if within if":            {"if ($true) { if ($false) { Test-Echo x } else { Test-Echo y } }", "Identity=y;"},
		"negation":                {"Get-Rows | ? { -not ($_.Id -eq 1) } | select Id", "Id=2;"},
		"all properties":          {"Get-Rows | select -First 1 | fl *", "Name=one;Value=IMAP.AccessAsApp;Id=1;"},
		"condition as expression": {"$r = Get-Rows; $r[0].Id -eq 1", "True;"},
		"many statements":         {strings.Repeat("Test-Echo x\n", 60), strings.Repeat("Identity=x;", 60)},
		"many values":             {"Test-Echo x -Rights 0" + strings.Repeat(",0", 59), "Identity=x;Rights=0" + strings.Repeat(" 0", 59) + ";"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := run(test.script)
			if err != nil || got != test.want {
				t.Errorf("%q, %v; want %q", got, err, test.want)
			}
		})
	}
}

func TestRunErrors(t *testing.T) {
	for name, test := range map[string]struct{ script, want string }{
		"unknown command":      {"\nGet-Foo x", "line 2: Get-Foo: there is no such command here"},
		"unknown parameter":    {"Test-Echo x -Foo y", "line 1: Test-Echo: there is no parameter -Foo"},
		"ambiguous parameter":  {"Test-Echo x -Obj y", "line 1: Test-Echo: the parameter -Obj may be -ObjectId or -ObjectName"},
		"missing parameter":    {"Test-Echo", "line 1: Test-Echo: the parameter -Identity is missing"},
		"empty parameter":      {"Test-Echo (Get-Rows | ? Name -eq x).Id", "line 1: Test-Echo: the value of -Identity is empty"},
		"parameter, no value":  {"Test-Echo -Identity", "line 1: Test-Echo: the parameter -Identity has no value"},
		"parameter twice":      {"Test-Echo x -Identity y", "line 1: Test-Echo: the parameter -Identity is given twice"},
		"value too many":       {"Test-Echo x y", `line 1: Test-Echo: no parameter takes value 2; name the one that is meant`},
		"not a bool":           {"Test-Echo x -Flag yes", `line 1: Test-Echo: -Flag takes $true or $false, not "yes"`},
		"null for a bool":      {"Test-Echo x -Flag $null", `line 1: Test-Echo: -Flag takes $true or $false, not ""`},
		"not a table":          {"Test-Echo x -Body y", `line 1: Test-Echo: -Body takes a hash table, @{…}`},
		"an object for a text": {"$r = Get-Rows\nTest-Echo $r[0]", "line 2: Test-Echo: -Identity takes a text, not an object; name the property that is meant"},
		"two for one":          {"Test-Echo a,b", "line 1: Test-Echo: -Identity takes one value, not 2"},
		"placeholder":          {"Test-Echo <app id>", `line 1: a placeholder was not filled in: "<app id>"`},
		"unset variable":       {"Test-Echo $nope", "line 1: the variable $nope was never set"},
		"open string":          {"Test-Echo 'x", "line 1: the string that begins here has no end"},
		"open double string":   {`Test-Echo "x`, "line 1: the string has no end"},
		"open group":           {"Test-Echo (Get-Rows", "line 1: a parenthesis is missing"},
		"open block":           {"Get-Rows | ? { $_", "line 1: a closing brace is missing"},
		"open table":           {"Test-Echo x -Body @{ a = 1", `line 1: a hash table's key is missing at ""`},
		"pipe to nowhere":      {"Get-Rows |", "line 1: a command is missing"},
		"stray parenthesis":    {"Test-Echo x)", `line 1: unexpected ")"`},
		"command fails":        {"Test-Echo fail", "line 1: Test-Echo: failed"},
		"where without a form": {"Get-Rows | where Name", "line 1: where: the condition is not of the form: Property -eq Value"},
		"error in a block":     {"Get-Rows | % {\n\n Get-Foo }", "line 3: Get-Foo: there is no such command here"},
		"if without condition": {"if { Test-Echo x }", "line 1: the condition of if is missing"},
		"if without a block":   {"if ($true) Test-Echo x", "line 1: a block in braces is missing"},
		"else without if":      {"else { Test-Echo x }", `line 1: the statement "else" is not carried out here`},
		"else on its own line": {"if ($true) { Test-Echo x }\nelse { Test-Echo y }", `line 2: the statement "else" is not carried out here`},
		"elseif":               {"if ($true) { Test-Echo x } elseif ($true) { Test-Echo y }", `line 1: unexpected "elseif ($true) { Test-Echo y }"`},
		"foreach of no block":  {"Get-Rows | % Name", "line 1: %: it takes a block in braces"},
		"select, parameter":    {"Get-Rows | select -Last 1", "line 1: select: there is no parameter -Last"},
		"expand of nothing":    {"Get-Rows | select -ExpandProperty", "line 1: select: the parameter -ExpandProperty has no value"},
		"where without":        {"Get-Rows | where", "line 1: where: the condition is missing"},
		"piped, not bound":     {"Get-Rows | Test-Echo", "line 1: Test-Echo: the parameter -Identity is missing"},
		"dash alone":           {"Test-Echo x - y", "line 1: a dash without a name: \" y\""},
		"dollar alone":         {"Test-Echo $", "line 1: a dollar sign without a name: \"\""},
		"line: comment":        {"<# a\n\nb #> Get-Foo", "line 3: Get-Foo: there is no such command here"},
		"line: single quotes":  {"Test-Echo 'a\nb'; Get-Foo", "line 2: Get-Foo: there is no such command here"},
		"line: double quotes":  {"Test-Echo \"a\nb\"; Get-Foo", "line 2: Get-Foo: there is no such command here"},
		"line: block":          {"Get-Rows | % {\n$_ }; Get-Foo", "line 2: Get-Foo: there is no such command here"},
		"line: continued":      {"Test-Echo `\n x; Get-Foo", "line 2: Get-Foo: there is no such command here"},
		"second of a list":     {"Test-Echo x -Rights a,$nope", "line 1: the variable $nope was never set"},
		"one of several piped": {"Get-Among | Test-Echo", "line 1: Test-Echo: failed"},
		"assigned":             {"$x = Test-Echo fail", "line 1: Test-Echo: failed"},
		"too deep":             {"Test-Echo " + strings.Repeat("(", 60), "line 1: nested too deeply"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := run(test.script)
			var typed *Error
			if err == nil || err.Error() != test.want || !errors.As(err, &typed) {
				t.Errorf("%v; want %s", err, test.want)
			}
		})
	}
}

// A statement that fails leaves its variable, and its pipeline ends there.
func TestAfterAnError(t *testing.T) {
	var tried []string
	shell := New([]*Command{among, {
		Name:   "Test-Echo",
		Params: []Param{{Name: "Identity", Position: 1, Required: true}},
		Run: func(a Args) ([]any, error) {
			tried = append(tried, a.Text("Identity"))
			return echo.Run(a)
		},
	}})
	if _, err := shell.Run("$x = 'before'"); err != nil {
		t.Fatal(err)
	}
	values, err := shell.Run("$x = Get-Among | Test-Echo")
	if want := "[a fail]"; err == nil || fmt.Sprint(tried) != want {
		t.Errorf("tried %q, %v; want %s and an error", tried, err, want)
	}
	if len(values) != 0 {
		t.Errorf("an assignment returned %v", values)
	}
	if values, err := shell.Run("$x"); err != nil || len(values) != 1 || values[0] != "before" {
		t.Errorf("%v, %v; want the value from before", values, err)
	}
}

func TestMatch(t *testing.T) {
	about := NewObject("Alias", "invoices", "Kind", "Shared")
	for condition, want := range map[string]bool{
		"Alias -eq 'Invoices'":                       true,
		"Alias -ne 'invoices'":                       false,
		"Alias -like 'inv*' -and Kind -eq 'Shared'":  true,
		"(Alias -eq 'x' -or Kind -eq 'Shared')":      true,
		"-not (Alias -eq 'invoices')":                false,
		"Missing -eq 'x'":                            false,
		"Alias -notlike 'x*'":                        true,
		"Alias -eq 'x' -or Alias -eq 'invoices'":     true,
		"Kind -eq 'Shared' -and Alias -notlike 'i*'": false,
	} {
		if got, err := Match(condition, about); err != nil || got != want {
			t.Errorf("%s: %v, %v", condition, got, err)
		}
	}
	for _, condition := range []string{"", "Alias -eq", "Alias -eq 'x", "Alias 'x'", "(Alias -eq 'x'"} {
		if got, err := Match(condition, about); err == nil {
			t.Errorf("%q: %v without an error", condition, got)
		}
	}
}

// FuzzRun looks for a script that panics, that comes to another end when it is
// run again, or whose error is not about one of its lines.
func FuzzRun(f *testing.F) {
	for _, s := range []string{"$x = Get-Rows | ? { $_.Id -eq 1 }; Test-Echo \"$($x.Id)\" -Body @{ a = 'b' }", "az a --b `\n c", "<# #>", "$", "@{", "-not !"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, script string) {
		shown, err := run(script)
		if again, err2 := run(script); again != shown || fmt.Sprint(err2) != fmt.Sprint(err) {
			t.Errorf("%q, %v; the second time %q, %v", shown, err, again, err2)
		}
		if e, ok := errors.AsType[*Error](err); err != nil && (!ok || e.Line < 1 || e.Line > 1+strings.Count(script, "\n")) {
			t.Errorf("error %v", err)
		}
		if holds, err := Match(script, NewObject("a", "b")); holds && err != nil {
			t.Errorf("%t and %v", holds, err)
		}
	})
}

func TestFormatList(t *testing.T) {
	o := NewObject("Id", "1", "DisplayName", []any{"a", true, nil})
	if want := "Id          : 1\nDisplayName : a True \n"; o.String() != want {
		t.Errorf("%q, want %q", o.String(), want)
	}
	o.Set("ID", "2")
	if len(o.Names()) != 2 || o.Get("id") != "2" {
		t.Error("a property is set twice")
	}
	if got := (Args{"a": []any{"x", "y"}}).List("A"); len(got) != 2 {
		t.Error(got)
	}
}
