package exoauth

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/exoauth/exoauth"

// floors is the plan of the house. Imports point to a lower floor, or stay in
// their room; on floor 0 the rooms may import each other.
var floors = map[string]int{
	".":            0,
	"internal":     0,
	"trace":        0,
	"xoauth2":      1,
	"tokencache":   1,
	"tokensource":  2,
	"exchangetest": 2,
	"imapdial":     3,
	"smtpdial":     3,
	"popdial":      3,
	"settings":     3,
	"diagnose":     4,
	"examples":     5,
}

// dialers take any oauth2.TokenSource.
var dialers = []string{"imapdial", "smtpdial", "popdial"}

// kind is what sort of file an import stands in.
type kind int

const (
	code     kind = iota
	inside        // a _test.go file of the package itself
	external      // a _test.go file of package foo_test
)

// An edge is one import, by directories below the module's root.
type edge struct {
	from, to string
	kind     kind
	file     string
}

// room returns the first element of a directory, "." for the root.
func room(dir string) string {
	first, _, _ := strings.Cut(dir, "/")
	return first
}

// complaint says what is wrong with an edge, or nothing.
func complaint(e edge) string {
	from, to := room(e.from), room(e.to)
	for _, r := range []string{from, to} {
		if _, ok := floors[r]; !ok {
			return unplanned(r)
		}
	}
	switch {
	case from == "examples" && to == "examples" && program(e.from) == program(e.to):
		return ""
	case to == "examples":
		return fmt.Sprintf("%s: %s imports %s: an example is imported by nobody", e.file, e.from, e.to)
	case e.kind == code && slices.Contains(dialers, from) && to == "tokensource":
		return fmt.Sprintf("%s: %s imports tokensource: the dialers take any oauth2.TokenSource", e.file, e.from)
	case from == to, floors[to] < floors[from], floors[to] == 0 && floors[from] == 0:
		return ""
	case e.kind == external && (to == "exchangetest" || to == "tokensource" && from == "tokencache"):
		return ""
	}
	return fmt.Sprintf("%s: %s (floor %d) imports %s (floor %d): imports point to a lower floor", e.file, e.from, floors[from], e.to, floors[to])
}

// program returns the directory of an example: "examples/sharedmailbox".
func program(dir string) string {
	return strings.Join(slices.Concat(strings.Split(dir, "/"), []string{""})[:2], "/")
}

func unplanned(room string) string {
	return fmt.Sprintf("room %q is not on the plan: give it a floor in floors, in arrows_test.go, and a row in CONTRIBUTING.md", room)
}

// survey reads the imports of every Go file in root, for every platform.
// Modules of their own are left out: what they import costs a user of this one
// nothing.
func survey(root fs.FS) (dirs []string, edges []edge, err error) {
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return enter(root, name)
		case path.Ext(name) != ".go" || strings.HasPrefix(path.Base(name), "_") || strings.HasPrefix(path.Base(name), "."):
			return nil
		}
		found, err := imports(root, name)
		dirs, edges = append(dirs, path.Dir(name)), append(edges, found...)
		return err
	})
	slices.Sort(dirs)
	return slices.Compact(dirs), edges, err
}

func enter(root fs.FS, dir string) error {
	if dir == "." {
		return nil
	}
	base := path.Base(dir)
	if _, err := fs.Stat(root, dir+"/go.mod"); err == nil || base == "testdata" || base[0] == '.' || base[0] == '_' {
		return fs.SkipDir
	}
	return nil
}

func imports(root fs.FS, name string) ([]edge, error) {
	src, err := fs.ReadFile(root, name)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	e := edge{from: path.Dir(name), file: name}
	if strings.HasSuffix(name, "_test.go") {
		e.kind = inside
		if strings.HasSuffix(file.Name.Name, "_test") {
			e.kind = external
		}
	}
	var edges []edge
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		if rest, ok := strings.CutPrefix(imported+"/", module+"/"); ok {
			e.to = path.Clean(rest)
			edges = append(edges, e)
		}
	}
	return edges, nil
}

func TestArrowsPointDown(t *testing.T) {
	dirs, edges, err := survey(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(dirs, ".") || !slices.Contains(dirs, "xoauth2") || len(edges) == 0 {
		t.Fatalf("the survey saw only %q and %d imports", dirs, len(edges))
	}
	for _, dir := range dirs {
		if _, ok := floors[room(dir)]; !ok {
			t.Error(unplanned(room(dir)))
		}
	}
	for _, e := range edges {
		if c := complaint(e); c != "" {
			t.Error(c)
		}
	}
}
