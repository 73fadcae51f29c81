package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"

	"github.com/exoauth/exoauth/diagnose"
)

// A printer writes for people or for machines.
type printer struct {
	diagnose.Printer
	json bool
}

const defaultWidth = 80

// newPrinter uses colour and breaks lines on a terminal alone.
func newPrinter(out io.Writer, s options, getenv func(string) string) *printer {
	p := &printer{Printer: diagnose.Printer{W: out}, json: s.json}
	terminal := isTerminal(out) && getenv("TERM") != "dumb"
	plain := getenv("NO_COLOR") != "" || runtime.GOOS == "windows" && getenv("WT_SESSION")+getenv("TERM") == ""
	p.Color = s.color == "always" || s.color == "auto" && terminal && !plain
	p.Live = p.Color && terminal
	if terminal || s.color == "always" {
		p.Width = defaultWidth
		if n, err := strconv.Atoi(getenv("COLUMNS")); err == nil && n >= 40 {
			p.Width = n
		}
	}
	return p
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (p *printer) intro(fault string) {
	switch {
	case p.json:
	case fault == "":
		fmt.Fprint(p.W, "No settings: this runs against an Exchange Online in this process.\nSee -help for a real mailbox, and -break for one with a fault in it.\n\n")
	default:
		fmt.Fprintf(p.W, "This runs against an Exchange Online in this process, with a fault:\n%s.\n\n", faults[fault].what)
	}
}

func (p *printer) step(s diagnose.Step) {
	if !p.json {
		p.Step(s)
	}
}

// end writes what comes after the steps.
func (p *printer) end(report *diagnose.Report) {
	if p.json {
		p.encode(struct {
			OK    bool            `json:"ok"`
			Steps []diagnose.Step `json:"steps"`
		}{report.OK(), report.Steps})
		return
	}
	failed := 0
	for _, s := range report.Steps {
		if s.Status == diagnose.Failed {
			failed++
		}
	}
	switch {
	case failed == 0:
		fmt.Fprint(p.W, "\nNothing is wrong.\n")
	case len(report.Findings()) == 0:
		fmt.Fprintln(p.W, "\nNo rule knows this. The server's words are above."+nextStep)
	default:
		fmt.Fprintf(p.W, "\n%d of %d steps failed. Begin with the first, then run this again.\n", failed, len(report.Steps))
	}
}

// findings writes them and returns the exit status, which is none where there
// are none.
func (p *printer) findings(findings []diagnose.Finding, none int) int {
	if p.json {
		if findings == nil {
			findings = []diagnose.Finding{}
		}
		p.encode(map[string]any{"findings": findings})
	} else if len(findings) > 0 {
		p.Findings(findings)
	}
	if len(findings) > 0 {
		return statusExplained
	}
	if !p.json {
		fmt.Fprintln(p.W, map[int]string{statusWell: "Nothing is wrong with it.", statusUnknown: "No rule knows this line." + nextStep}[none])
	}
	return none
}

// opaque is for a token that cannot be judged.
func (p *printer) opaque() int {
	if p.json {
		return p.findings(nil, statusWell)
	}
	fmt.Fprint(p.W, "This is no JWT, so nothing in it can be judged. Tokens of personal accounts (outlook.com)\nare like that; those of organizations are JWTs and begin with eyJ.\n")
	return statusWell
}

// nextStep is for what no rule knows.
const nextStep = `

Look for the reply of the server itself, such as "NO AUTHENTICATE failed." or
"535 5.7.3 …", or for a text with "AADSTS" in it, in the protocol log of the
program, and explain that: -line - reads a whole log. The more is known besides,
the better: -flow, -protocol, -mailbox, -tenant. With the settings of a mailbox
(EXO_TENANT, …) the doctor goes the whole way itself.

If it is a server's own line, please send it to us, without addresses and ids:
https://github.com/exoauth/exoauth/issues`

func (p *printer) encode(v any) {
	e := json.NewEncoder(p.W)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	e.Encode(v)
}
