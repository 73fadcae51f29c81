package diagnose_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/diagnose"
)

// A transcript is what a server said in a public report, with the cause that
// the report gives.
type transcript struct {
	source, cause string
	about         diagnose.Subject
	want          []string
	lines         []string
}

func readTranscript(t *testing.T, path string) transcript {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var tr transcript
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "# source":
			tr.source = value
		case "# cause":
			tr.cause = value
		case "# about":
			tr.about = parseSubject(t, value)
		case "# want":
			tr.want = strings.Split(value, ",")
		case "S":
			tr.lines = append(tr.lines, value)
		default:
			t.Fatalf("%s: line %q", path, line)
		}
	}
	return tr
}

func parseSubject(t *testing.T, text string) (about diagnose.Subject) {
	t.Helper()
	for field := range strings.FieldsSeq(text) {
		key, value, _ := strings.Cut(field, "=")
		switch key {
		case "protocol":
			about.Protocol = diagnose.Protocol(value)
		case "flow":
			about.Flow = diagnose.Flow(value)
		case "username":
			about.Username = value
		case "mailbox":
			about.Mailbox = value
		case "tenant":
			about.Tenant = value
		case "client":
			about.ClientID = value
		case "cloud":
			about.Cloud = cloudNames[value]
		case "shared":
			about.Shared = true
		case "worked":
			about.Worked = true
		default:
			t.Fatalf("about %q", field)
		}
	}
	return about
}

func TestTranscripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	right := 0
	for _, path := range paths {
		tr := readTranscript(t, path)
		ok := t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			findings := diagnose.ExplainLine(strings.Join(tr.lines, "\n"), tr.about)
			first := names(findings[:min(2, len(findings))])
			if !slices.ContainsFunc(tr.want, func(rule string) bool { return slices.Contains(first, rule) }) {
				t.Errorf("%s: the first two are %v, want one of %v", tr.cause, first, tr.want)
			}
		})
		if ok {
			right++
		}
	}
	t.Logf("the cause among the first two: %d of %d transcripts", right, len(paths))
}
