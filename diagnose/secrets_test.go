package diagnose_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/diagnose"
	"github.com/exoauth/exoauth/diagnose/internal/pasted"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/internal/plain"
)

// quotesAll is a setting that makes the whole of an error evidence.
var quotesAll = diagnose.Subject{Cloud: exoauth.Cloud{Authority: "http://login.example.com/"}}

// everyForm returns what fmt, encoding/json and a Printer make of findings.
func everyForm(t *testing.T, findings []diagnose.Finding) string {
	t.Helper()
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		fmt.Fprintf(&out, verb+"\n", findings)
	}
	for _, f := range findings {
		fmt.Fprintln(&out, f)
	}
	inJSON, err := json.Marshal(findings)
	if err != nil {
		t.Error(err)
	}
	out.Write(inJSON)
	for _, width := range []int{0, 60} {
		p := diagnose.Printer{W: &out, Width: width}
		must(p.Findings(findings))
	}
	return out.String()
}

// Of what people paste, no secret comes out, whoever reports it.
func TestPastedSecrets(t *testing.T) {
	for _, row := range mailtest.Secretive {
		t.Run(row.Kind, func(t *testing.T) {
			explained := 0
			for _, text := range []string{row.Text, row.Text + "\nA9 NO AUTHENTICATE failed.", "A9 NO AUTHENTICATE failed.\n" + row.Text} {
				for _, err := range []error{
					errors.New(text),
					&imapdial.Error{Op: imapdial.OpToken, Err: errors.New(text)},
					fmt.Errorf("no token: %w", &oauth2.RetrieveError{Response: new(http.Response), Body: []byte(text)}),
				} {
					findings := append(diagnose.Explain(err, quotesAll), diagnose.Explain(err, diagnose.Subject{Token: appToken(nil)})...)
					explained += len(findings)
					checkNothingOf(t, row, everyForm(t, findings))
				}
			}
			if explained == 0 {
				t.Error("nothing is explained")
			}
		})
	}
}

func checkNothingOf(t *testing.T, row mailtest.Pasted, shown string) {
	t.Helper()
	for _, secret := range row.Secrets {
		if !strings.Contains(row.Text, secret) {
			t.Fatalf("the row has no %q", secret)
		}
		if i := strings.Index(shown, secret); i >= 0 {
			t.Fatalf("%q is shown: %s", secret, shown[max(0, i-100):min(len(shown), i+100)])
		}
	}
}

// What an explanation needs comes through whole.
func TestPastedHarmless(t *testing.T) {
	for _, line := range mailtest.Harmless {
		if shown := pasted.Conceal(line); shown != line {
			t.Errorf("%s\nis shown as\n%s", line, shown)
		}
		head, _, _ := strings.Cut(strings.Join(strings.Fields(line), " "), "Trace ID:")
		head = strings.TrimSpace(plain.Head(head, 120))
		err := &imapdial.Error{Op: imapdial.OpToken, Err: errors.New(line)}
		if shown := everyForm(t, diagnose.Explain(err, quotesAll)); !strings.Contains(shown, head) {
			t.Errorf("%s\nis not in\n%s", head, shown)
		}
	}
}

// Evidence is the server's line, if it has one to say.
func TestEvidenceIsTheServers(t *testing.T) {
	for log, want := range map[string]string{
		"C: A1 LOGIN jane pw\nS: A1 NO LOGIN failed.":                               "S: A1 NO LOGIN failed.",
		"C: AUTH PLAIN AGphbmUAU3Vt\nS: 535 5.7.3 no":                               "S: 535 5.7.3 no",
		"C: A1 NOOP\nC: A2 LOGIN jane pw":                                           "C: A1 NOOP C: A2 LOGIN [redacted]",
		"C: A1 NOOP\nS: AADSTS50126: wrong\nC: A2 LOGOUT":                           "S: AADSTS50126: wrong",
		"C: PASS Secret1 -> -ERR Logon failure: unknown user name or bad password.": "C: PASS [redacted] -ERR Logon failure: unknown user name or bad password.",
	} {
		about := diagnose.Subject{}
		if !strings.Contains(want, "S: ") && strings.Contains(want, "NOOP") {
			about = quotesAll
			want = "the setting Cloud.Authority, and: " + want
		}
		findings := diagnose.ExplainLine(log, about)
		if len(findings) == 0 || findings[0].Evidence != want {
			t.Errorf("%q: %v, want %q", log, findings, want)
		}
	}
}

// The error of a step is somebody else's, and is not for showing.
func TestStepIsFormattedWithoutItsError(t *testing.T) {
	step := diagnose.Step{Name: "token", Status: diagnose.Failed, Seen: "refused", Err: errors.New("of hunter2")}
	report := &diagnose.Report{Steps: []diagnose.Step{step}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if shown := fmt.Sprintf(verb+verb, step, report); strings.Contains(shown, "hunter2") || !strings.Contains(shown, "refused") {
			t.Errorf("%s: %s", verb, shown)
		}
	}
}
