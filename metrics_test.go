package exoauth

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// logMethods are the methods that log, by the place of the message among their
// arguments.
var logMethods = map[string]int{"DebugContext": 1, "InfoContext": 1, "WarnContext": 1, "Log": 2}

// docs/metrics.md has each record of the log with its attributes, and each hook.
func TestMetricsPage(t *testing.T) {
	page := read(t, "docs/metrics.md")
	records := 0
	for _, dir := range []string{"tokensource", "imapdial", "smtpdial", "popdial", "internal/dial", "internal/clientcert"} {
		for _, file := range parseDir(t, dir) {
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				method, ok := call.Fun.(*ast.SelectorExpr)
				place, logs := 0, false
				if ok {
					place, logs = logMethods[method.Sel.Name]
				}
				if !logs || len(call.Args) <= place {
					return true
				}
				message, constant := text(call.Args[place])
				if !constant { // a helper's own, or one of the Cache
					return true
				}
				var attributes []string
				for i := place + 1; i < len(call.Args); i += 2 {
					key, _ := text(call.Args[i])
					attributes = append(attributes, "`"+key+"`")
				}
				records++
				if row, want := "| `"+message+"` | ", "| "+strings.Join(attributes, ", ")+" |"; !hasRow(page, row, want) {
					t.Errorf("no row %s… %s", row, want)
				}
				return true
			})
		}
	}
	if records < 17 {
		t.Errorf("%d records: not all were found", records)
	}
	for _, file := range parseDir(t, "trace") {
		for _, field := range file.Scope.Lookup("Hooks").Decl.(*ast.TypeSpec).Type.(*ast.StructType).Fields.List {
			for _, name := range field.Names {
				if !strings.Contains(page, "`"+name.Name+"`") {
					t.Errorf("the page does not have the hook %s", name.Name)
				}
			}
		}
	}
}

func hasRow(page, begins, ends string) bool {
	for line := range strings.Lines(page) {
		if line = strings.TrimSuffix(line, "\n"); strings.HasPrefix(line, begins) && strings.HasSuffix(line, ends) {
			return true
		}
	}
	return false
}

// text returns the value of a string literal.
func text(e ast.Expr) (value string, ok bool) {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	value, err := strconv.Unquote(literal.Value)
	return value, err == nil
}
