package exoauth_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What two dialers say belongs to internal/dial. A few lines are alike because
// their fields and steps are; a longer run has been copied.
func TestDialersShareNoRunOfLines(t *testing.T) {
	const tooMany = 10
	for _, pair := range [][2]string{{"imapdial", "smtpdial"}, {"imapdial", "popdial"}, {"smtpdial", "popdial"}} {
		a, b := linesOf(t, pair[0]), linesOf(t, pair[1])
		if longest, at := longestRun(a, b); longest >= tooMany {
			t.Errorf("%d lines in a row are in %s and in %s, want fewer than %d:\n%s", longest, pair[0], pair[1], tooMany, strings.Join(a[at:at+longest], "\n"))
		}
	}
}

func TestLongestRun(t *testing.T) {
	for name, test := range map[string]struct {
		a, b        string
		longest, at int
	}{
		"none":          {"a b", "c d", 0, 0},
		"whole":         {"a b c", "a b c", 3, 0},
		"later":         {"x a b c", "a b c y", 3, 1},
		"broken by one": {"a b x c d e", "a b y c d e", 3, 3},
	} {
		longest, at := longestRun(strings.Fields(test.a), strings.Fields(test.b))
		if longest != test.longest || at != test.at {
			t.Errorf("%s: %d at %d, want %d at %d", name, longest, at, test.longest, test.at)
		}
	}
}

// longestRun returns the length of the longest run of lines that both have, and
// its index in a.
func longestRun(a, b []string) (longest, at int) {
	before := make([]int, len(b)+1) // lengths of the runs that end with the line before
	for i, line := range a {
		ends := make([]int, len(b)+1)
		for j, other := range b {
			if line != other {
				continue
			}
			ends[j+1] = before[j] + 1
			if ends[j+1] > longest {
				longest, at = ends[j+1], i+1-ends[j+1]
			}
		}
		before = ends
	}
	return longest, at
}

// linesOf returns the lines of a package's files, without tests and blank
// lines.
func linesOf(t *testing.T, dir string) (lines []string) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files in %s: %v", len(files), dir, err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(content) {
			if line := string(bytes.TrimSpace(line)); line != "" {
				lines = append(lines, line)
			}
		}
		lines = append(lines, "// end of "+file) // a run does not go on in the next file
	}
	return lines
}
