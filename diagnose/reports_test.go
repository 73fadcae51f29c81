package diagnose_test

import (
	"cmp"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/diagnose"
)

// A report is what somebody has pasted in public, and what mended it. The words
// are those of the report, with other names and ids.
type report struct {
	name, source, client, truth string
	about                       diagnose.Subject
	want                        []string // rules that name the cause; nil if the text does not tell it
	text                        string
}

// A tally counts how reports of one kind of client were explained.
type tally struct {
	all, first, two, misleading, none int
}

func (n *tally) add(m tally) {
	n.all, n.first, n.two = n.all+m.all, n.first+m.first, n.two+m.two
	n.misleading, n.none = n.misleading+m.misleading, n.none+m.none
}

// percent returns what part of a hundred n is of all.
func percent(n, all int) int { return 100 * n / max(all, 1) }

// TestReports holds the explanations to what people found out in the end.
func TestReports(t *testing.T) {
	var told tally
	kinds, batches := make(map[string]*tally), make(map[string]*tally)
	vague, answered := 0, 0
	for _, r := range readReports(t, "testdata/reports.txt") {
		findings := r.explain()
		misleading := r.misleading(findings)
		if misleading != "" {
			t.Errorf("%s: misleading: %s; %s", r.name, misleading, r.truth)
		}
		if r.want == nil {
			vague++
			if misleading == "" {
				answered++
			}
			continue
		}
		n := tally{all: 1}
		switch i := slices.IndexFunc(findings, func(f diagnose.Finding) bool { return slices.Contains(r.want, f.Rule) }); {
		case misleading != "":
			n.misleading = 1
		case len(findings) == 0:
			n.none = 1
			t.Logf("%s: no finding, want %v; %s", r.name, r.want, r.truth)
		case i == 0:
			n.first, n.two = 1, 1
		case i == 1:
			n.two = 1
			t.Logf("%s: second: %v, want %v", r.name, names(findings), r.want)
		default:
			t.Logf("%s: %v, want %v; %s", r.name, names(findings), r.want, r.truth)
		}
		batch, _, _ := strings.Cut(r.name, " ")
		count(kinds, r.client, n)
		count(batches, batch, n)
		told.add(n)
	}
	for _, kind := range slices.Concat(slices.Sorted(maps.Keys(kinds)), slices.Sorted(maps.Keys(batches))) {
		n := cmp.Or(kinds[kind], batches[kind])
		t.Logf("%-8s %3d reports: first %3d, among the first two %3d, misleading %d, no answer %d", kind, n.all, n.first, n.two, n.misleading, n.none)
	}
	t.Logf("the true cause first in %d of %d (%d %%), among the first two in %d (%d %%), misleading %d, no answer %d; of %d whose text tells too little, %d without a wrong answer",
		told.first, told.all, percent(told.first, told.all), told.two, percent(told.two, told.all), told.misleading, told.none, vague, answered)
	if percent(told.first, told.all) < 92 || percent(told.two, told.all) < 97 || answered < vague {
		t.Error("too few")
	}
}

func count(tallies map[string]*tally, name string, n tally) {
	if tallies[name] == nil {
		tallies[name] = new(tally)
	}
	tallies[name].add(n)
}

func (r report) explain() []diagnose.Finding {
	if r.client != "token" {
		return diagnose.ExplainLine(r.text, r.about)
	}
	var claims map[string]any
	if err := json.Unmarshal([]byte(r.text), &claims); err != nil {
		panic(err)
	}
	return diagnose.Token(jwt(claims), r.about)
}

// misleading says what is wrong for sure in findings, if anything is: a cause
// that is certain and another one than the true cause, or a command for a
// server of Microsoft's if it is none.
func (r report) misleading(findings []diagnose.Finding) string {
	elsewhere := slices.Contains(r.want, "other-server") || slices.Contains(r.want, "on-premises")
	for _, f := range findings {
		if f.Confidence == diagnose.Certain && !slices.Contains(r.want, f.Rule) {
			return "certain: " + f.Rule
		}
		if elsewhere && len(f.Commands) > 0 {
			return "a command of " + f.Rule
		}
	}
	return ""
}

// readReports reads blocks that begin with "=== " and a name.
func readReports(t *testing.T, path string) (reports []report) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for block := range strings.SplitSeq("\n"+string(data), "\n=== ") {
		if strings.TrimSpace(block) != "" {
			reports = append(reports, parseReport(t, block))
		}
	}
	return reports
}

func parseReport(t *testing.T, block string) report {
	t.Helper()
	head, text, ok := strings.Cut(block, "\n---\n")
	name, fields, _ := strings.Cut(head, "\n")
	r := report{name: name, text: strings.TrimRight(text, "\n")}
	for line := range strings.Lines(fields) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch value = strings.TrimSpace(value); key {
		case "source":
			r.source = value
		case "client":
			r.client = value
		case "truth":
			r.truth = value
		case "about":
			r.about = parseSubject(t, value)
		case "want":
			if value != "none" {
				r.want = strings.Split(value, ",")
			}
		default:
			t.Fatalf("%s: field %q", name, key)
		}
	}
	if !ok || !strings.HasPrefix(r.source, "https://") || r.client == "" || r.truth == "" || r.text == "" {
		t.Fatalf("%s lacks something", name)
	}
	return r
}

var cloudNames = map[string]exoauth.Cloud{"gcchigh": exoauth.GCCHigh, "dod": exoauth.DoD, "china": exoauth.China}
