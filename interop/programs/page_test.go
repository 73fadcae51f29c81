package programs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const page = "../../docs/programs.md"

// maxLines is how many lines of a program may be exoauth's.
const maxLines = 10

// A sourceFile is a file with the blocks of the page.
type sourceFile struct {
	blocks  map[string]string // by the client's name; several of one are joined by an empty line
	imports int               // of exoauth
}

// readSource reads a file, and refuses a use of exoauth outside of the blocks.
func readSource(t *testing.T, path string) sourceFile {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := sourceFile{blocks: make(map[string]string)}
	inside := make(map[int]bool) // by line
	var name string
	var block []string
	for i, line := range strings.Split(string(text), "\n") {
		mark := strings.TrimSpace(line)
		switch rest, begins := strings.CutPrefix(mark, "// page: "); {
		case begins && name == "":
			name = rest
		case mark == "// end" && name != "":
			s.blocks[name] = strings.TrimPrefix(s.blocks[name]+"\n\n"+dedent(block), "\n\n")
			name, block = "", nil
		case begins, mark == "// end":
			t.Fatalf("%s:%d: a block in a block, or an end without one", path, i+1)
		case name != "":
			block = append(block, line)
			inside[i+1] = true
		}
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, text, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours := make(map[string]bool) // names of packages
	for _, spec := range file.Imports {
		if path, _ := strconv.Unquote(spec.Path.Value); strings.HasPrefix(path, "github.com/exoauth/exoauth") {
			ours[filepath.Base(path)] = true
			s.imports++
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := selector.X.(*ast.Ident); ok && ours[id.Name] && !inside[fset.Position(id.Pos()).Line] {
				t.Errorf("%s: %s outside of the blocks of the page", fset.Position(id.Pos()), id.Name)
			}
		}
		return true
	})
	return s
}

// dedent removes the indentation of the first line, and the empty lines around.
func dedent(lines []string) string {
	text := strings.Trim(strings.Join(lines, "\n"), "\n")
	indent := text[:len(text)-len(strings.TrimLeft(text, "\t"))]
	return strings.TrimPrefix(strings.ReplaceAll("\n"+text, "\n"+indent, "\n"), "\n")
}

// codeLines counts the lines that are neither empty nor a comment.
func codeLines(text string) (n int) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			n++
		}
	}
	return n
}

// blocks returns the code blocks of a language on the page, with the heading
// that each stands under.
func blocks(t *testing.T, language string) (headings, texts []string) {
	t.Helper()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var heading string
	var block []string
	open := ""
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case open != "" && line == "```":
			if open == language {
				headings, texts = append(headings, heading), append(texts, strings.Join(block, "\n"))
			}
			open, block = "", nil
		case open != "":
			block = append(block, line)
		case strings.HasPrefix(line, "```"):
			open = strings.TrimPrefix(line, "```")
		case strings.HasPrefix(line, "### "):
			heading = strings.TrimPrefix(line, "### ")
		}
	}
	return headings, texts
}

// The Go blocks of the page are those of the clients that are tested, in the
// order of the table, and each client has few lines of ours.
func TestPage(t *testing.T) {
	var names, texts []string
	for _, client := range clients {
		s := readSource(t, client.file)
		block := s.blocks[client.name]
		lines := codeLines(block) + s.imports
		t.Logf("%-28s %2d lines of exoauth's", client.name, lines)
		if block == "" || lines > maxLines {
			t.Errorf("%s: %d lines, want 1 to %d", client.name, lines, maxLines)
		}
		names, texts = append(names, client.name), append(texts, block)
	}
	headings, shown := blocks(t, "go")
	if !slices.Equal(headings, names) {
		t.Errorf("the page has %q, want %q", headings, names)
	}
	for i, text := range shown {
		if i < len(texts) && text != texts[i] {
			t.Errorf("%s: the page has\n%s\nbut the source has\n%s", names[i], text, texts[i])
		}
	}
}

// The marks and the table name the same clients.
func TestPageIsWhole(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for name := range readSource(t, file).blocks {
			if !slices.ContainsFunc(clients, func(c tested) bool { return c.name == name && c.file == file }) {
				t.Errorf("%s: no client %q in the table", file, name)
			}
		}
	}
}
