package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"go/ast"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/tools/go/packages"
)

// switches is the file that every package gets.
//
//go:embed switches.go.txt
var switches string

// overlay is what go build -overlay reads.
type overlay struct {
	Replace map[string]string
	file    string
	folders []string // of the packages
}

// instrument makes the mutants of the packages that match the patterns.
func instrument(root, work string, patterns []string) ([]*mutant, *overlay, error) {
	for i, p := range patterns {
		patterns[i] = "./" + strings.TrimPrefix(filepath.ToSlash(p), "./")
	}
	loaded, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports | packages.NeedDeps,
		Dir:  root,
	}, patterns...)
	if err != nil {
		return nil, nil, err
	}
	var mutants []*mutant
	over := &overlay{Replace: map[string]string{}, file: filepath.Join(work, "overlay.json")}
	for _, pkg := range loaded {
		if len(pkg.Errors) > 0 {
			return nil, nil, pkg.Errors[0]
		}
		found, err := over.add(root, work, pkg, len(mutants))
		if err != nil {
			return nil, nil, err
		}
		mutants = append(mutants, found...)
	}
	if len(mutants) == 0 {
		return nil, nil, fmt.Errorf("no fault can be made in %q", patterns)
	}
	text, err := json.Marshal(over)
	if err != nil {
		return nil, nil, err
	}
	return mutants, over, os.WriteFile(over.file, text, 0o600)
}

// add makes the mutants of a package, whose numbers begin after known.
func (o *overlay) add(root, work string, pkg *packages.Package, known int) (mutants []*mutant, err error) {
	for i, file := range pkg.Syntax {
		path := pkg.CompiledGoFiles[i]
		source, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return nil, err
		}
		f := &finder{
			fset: pkg.Fset, info: pkg.TypesInfo, pkg: pkg.Types, imports: importsOf(file, pkg),
			source: source, file: filepath.ToSlash(relative), negated: map[ast.Expr]bool{},
		}
		f.next = func() int { return known + len(mutants) + len(f.mutants) + 1 }
		f.find(file)
		mutants = append(mutants, f.mutants...)
		if err := o.write(work, path, f.edits.apply(source)); err != nil {
			return nil, err
		}
	}
	folder := filepath.Dir(pkg.CompiledGoFiles[0])
	o.folders = append(o.folders, folder)
	return mutants, o.write(work, filepath.Join(folder, "mutant__.go"), []byte("package "+pkg.Name+"\n"+switches))
}

// write puts text in place of the file at path.
func (o *overlay) write(work, path string, text []byte) error {
	shadow := filepath.Join(work, strconv.Itoa(len(o.Replace))+".go")
	o.Replace[path] = shadow
	return os.WriteFile(shadow, text, 0o600)
}

func importsOf(file *ast.File, pkg *packages.Package) map[string]string {
	names := map[string]string{}
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		switch imported := pkg.Imports[path]; {
		case spec.Name != nil && spec.Name.Name != "_" && spec.Name.Name != ".":
			names[path] = spec.Name.Name
		case spec.Name == nil && imported != nil:
			names[path] = imported.Name
		}
	}
	return names
}

// changedSince returns the files that differ from a revision; none without one.
func changedSince(root, revision string) (map[string]bool, error) {
	if revision == "" {
		return nil, nil
	}
	cmd := exec.Command("git", "diff", "--name-only", "--relative", revision, "--", ".")
	cmd.Dir = root
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git diff %s: %w", revision, err)
	}
	changed := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		changed[strings.TrimSpace(line)] = true
	}
	return changed, nil
}
