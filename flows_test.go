package exoauth

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// flows returns the functions and methods of tokensource that return a Source.
func flows(t *testing.T) (names []string) {
	t.Helper()
	for _, file := range parseDir(t, "tokensource") {
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() || f.Type.Results == nil {
				continue
			}
			star, ok := f.Type.Results.List[0].Type.(*ast.StarExpr)
			if !ok {
				continue
			}
			if result, ok := star.X.(*ast.Ident); ok && result.Name == "Source" {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names
}

func parseDir(t *testing.T, dir string) (files []*ast.File) {
	t.Helper()
	paths, err := filepath.Glob(dir + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// read returns the text of all files that the patterns match.
func read(t *testing.T, patterns ...string) string {
	t.Helper()
	var b strings.Builder
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: no files, %v", pattern, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			b.Write(text)
		}
	}
	return b.String()
}

// TestFlows fails for a flow that a step of "Adding a flow" in CONTRIBUTING.md
// has left out.
func TestFlows(t *testing.T) {
	names := flows(t)
	if len(names) < 10 {
		t.Fatalf("flows %q: not all were found", names)
	}
	// A managed identity and Func have no users. A managed identity has keys of
	// its own, and Func no cache.
	noUsers := map[string]bool{"ManagedIdentity": true, "Func": true}
	for _, place := range []struct {
		name    string
		text    string
		mention string // a regular expression, with NAME in it
		exempt  map[string]bool
	}{
		{"the package comment", read(t, "tokensource/doc.go"), `\[(Config\.)?NAME\]`, nil},
		{"README's table of flows", read(t, "README.md"), "(?m)^\\|.*\x60(Config\\.)?NAME\x60.*\\|$", nil},
		{"cachekey_test.go", read(t, "tokensource/cachekey_test.go"), `\bNAME\b`, noUsers},
		{"signout_test.go", read(t, "tokensource/signout_test.go"), `\bNAME\b`, map[string]bool{"ManagedIdentity": true}},
		{"the examples", read(t, "examples/*/*.go", "examples/*/*/*.go"), `\bNAME\b`, nil},
		{"the Examples of the package", read(t, "tokensource/*example*_test.go"), `\bNAME\b`, nil},
	} {
		for _, name := range names {
			if !place.exempt[name] && !regexp.MustCompile(strings.ReplaceAll(place.mention, "NAME", name)).MatchString(place.text) {
				t.Errorf("%s is missing in %s", name, place.name)
			}
		}
	}
}

// TestWayOfAToken checks the list in CONTRIBUTING.md against the code, and that
// the way has not grown.
func TestWayOfAToken(t *testing.T) {
	const mostSteps, mostTypes = 25, 8
	_, list, _ := strings.Cut(read(t, "CONTRIBUTING.md"), "## The way of a token\n")
	list, _, _ = strings.Cut(list, "\n## ")
	code := make(map[string]bool)
	for _, file := range parseDir(t, "tokensource") {
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				code[receiver(f)+f.Name.Name] = true
			}
		}
	}
	steps, types := 0, make(map[string]bool)
	for line := range strings.Lines(list) {
		if !regexp.MustCompile(`^\d+\. `).MatchString(line) {
			continue
		}
		functions, _, _ := strings.Cut(line, ":")
		for _, match := range regexp.MustCompile("\x60([^\x60]+)\x60").FindAllStringSubmatch(functions, -1) {
			steps++
			if !code[match[1]] {
				t.Errorf("there is no function %s", match[1])
			}
			if of, _, ok := strings.Cut(match[1], "."); ok {
				types[of] = true
			}
		}
	}
	if steps < 15 || steps > mostSteps || len(types) > mostTypes {
		t.Errorf("%d steps through %d types, want no more than %d through %d", steps, len(types), mostSteps, mostTypes)
	}
}

// receiver returns the type of a method and a dot, or "" for a function.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	of := f.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	if name, ok := of.(*ast.Ident); ok {
		return name.Name + "."
	}
	return ""
}
