package exoauth

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
)

const up = "imports point to a lower floor"

// The rules themselves, on edges that are made up.
var complaints = []struct {
	from, to string
	kind     kind
	want     string // in the complaint; "" where there is none
}{
	{"xoauth2", ".", code, ""},
	{"tokensource", "xoauth2", code, ""},
	{"imapdial", "xoauth2", code, ""},
	{"imapdial", "internal/ctxconn", code, ""},
	{"diagnose", "imapdial", code, ""},
	{"diagnose", "tokensource", code, ""},
	{"examples/sharedmailbox", "exchangetest", code, ""},
	{"examples/sharedmailbox", "diagnose", code, ""},
	{"examples/sharedmailbox", "examples/sharedmailbox/mails", code, ""},
	{"exchangetest", "exchangetest/wire", code, ""},
	{".", "internal/names", code, ""},
	{"internal/names", ".", code, ""},
	{"internal/names", "internal/redact", code, ""},
	{"imapdial", "exchangetest", inside, ""},
	{"imapdial", "tokensource", external, ""},
	{"smtpdial", "tokensource", inside, ""},
	{"tokensource", "exchangetest", external, ""},
	{"xoauth2", "exchangetest", external, ""},
	{".", "exchangetest", external, ""},
	{"exchangetest", "exchangetest", external, ""},

	{".", "xoauth2", code, up},
	{".", "xoauth2", inside, up},
	{".", "imapdial", external, up},
	{"internal/names", "xoauth2", code, up},
	{"internal/names", "tokensource", inside, up},
	{"xoauth2", "tokensource", code, up},
	{"xoauth2", "exchangetest", code, up},
	{"xoauth2", "exchangetest", inside, up},
	{"tokensource", "exchangetest", code, up},
	{"tokensource", "exchangetest", inside, up},
	{"tokensource", "imapdial", external, up},
	{"exchangetest", "tokensource", code, up},
	{"exchangetest", "tokensource", inside, up},
	{"exchangetest", "tokensource", external, up},
	{"exchangetest", "imapdial", code, up},
	{"exchangetest", "imapdial", external, up},
	{"exchangetest", "smtpdial", inside, up},
	{"imapdial", "smtpdial", code, up},
	{"smtpdial", "imapdial", external, up},
	{"imapdial", "diagnose", code, up},
	{"imapdial", "tokensource", code, "take any oauth2.TokenSource"},
	{"popdial", "tokensource", code, "take any oauth2.TokenSource"},
	{"popdial", "imapdial", code, up},
	{"smtpdial", "tokensource", code, "take any oauth2.TokenSource"},
	{"diagnose", "examples/sharedmailbox", code, "imported by nobody"},
	{"imapdial", "examples/sharedmailbox", external, "imported by nobody"},
	{"examples/other", "examples/sharedmailbox", code, "imported by nobody"},
	{"examples/other", "examples", code, "imported by nobody"},
	{"attic", "xoauth2", code, `room "attic" is not on the plan: give it a floor`},
	{"xoauth2", "attic/box", code, `room "attic" is not on the plan: give it a floor`},
}

func TestComplaint(t *testing.T) {
	for _, test := range complaints {
		t.Run(fmt.Sprint(test.from, "->", test.to, "/", test.kind), func(t *testing.T) {
			got := complaint(edge{test.from, test.to, test.kind, "made_up.go"})
			if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("complaint %q, want %q in it", got, test.want)
			}
		})
	}
}

func TestSurvey(t *testing.T) {
	source := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	dirs, edges, err := survey(fstest.MapFS{
		"cloud.go":                 source("package exoauth\nimport \"strings\""),
		"xoauth2/client.go":        source("package xoauth2\nimport \"github.com/exoauth/exoauth\""),
		"imapdial/dial_windows.go": source("//go:build windows\n\npackage imapdial\nimport _ \"github.com/exoauth/exoauth/internal/ctxconn\""),
		"imapdial/dial_test.go":    source("package imapdial\nimport x \"github.com/exoauth/exoauth/xoauth2\""),
		"imapdial/wire_test.go":    source("package imapdial_test\nimport `github.com/exoauth/exoauth/exchangetest`"),
		"imapdial/other.go":        source("package imapdial\nimport \"github.com/exoauth/exoauthx/y\""),
		"imapdial/testdata/x.go":   source("package x\nimport \"github.com/exoauth/exoauth/diagnose\""),
		".hidden/x.go":             source("not Go"),
		"_old/x.go":                source("not Go"),
		"tools/go.mod":             source("module github.com/exoauth/exoauth/tools"),
		"tools/tools.go":           source("package tools\nimport \"github.com/exoauth/exoauth/diagnose\""),
		"empty/README.md":          source(""),
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{".", "imapdial", "xoauth2"}; !reflect.DeepEqual(dirs, want) {
		t.Errorf("directories %q, want %q", dirs, want)
	}
	want := []edge{
		{"imapdial", "xoauth2", inside, "imapdial/dial_test.go"},
		{"imapdial", "internal/ctxconn", code, "imapdial/dial_windows.go"},
		{"imapdial", "exchangetest", external, "imapdial/wire_test.go"},
		{"xoauth2", ".", code, "xoauth2/client.go"},
	}
	if !reflect.DeepEqual(edges, want) {
		t.Errorf("imports\n got %+v\nwant %+v", edges, want)
	}
	if _, _, err := survey(fstest.MapFS{"a/broken.go": source("not Go")}); err == nil {
		t.Error("a file that does not parse is passed over in silence")
	}
}
