package diagnose

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A Printer writes steps and findings for people. Its zero value with a W
// writes plain text without breaking lines. It is not safe for concurrent use.
type Printer struct {
	W io.Writer
	// Color uses the terminal's own colors, which suit a dark and a light
	// background.
	Color bool
	// Width is the maximum length of a line, in columns. Zero means that lines
	// are not broken. Commands are broken as their shell allows, so that they
	// can be copied.
	Width int
	// Live shows the step that is running, and overwrites it when it has ended,
	// which only a terminal can show.
	Live bool

	shown   []Finding
	running bool // the line of a running step is to be written over
	err     error
}

// The colours of ECMA-48 that are readable on black and on white.
const (
	bold  = "\x1b[1m"
	faint = "\x1b[2m"
	red   = "\x1b[31m"
	green = "\x1b[32m"
	blue  = "\x1b[36m"
	reset = "\x1b[0m"

	eraseLine = "\r\x1b[K"
)

var marks = map[Status]struct{ mark, color string }{
	OK: {"✓", green}, Failed: {"✗", red}, Warning: {"!", bold}, Skipped: {"-", faint},
}

// Step writes the line of a step that has ended, and its findings that were not
// written before. It returns the first error of W.
func (p *Printer) Step(s Step) error {
	if p.running {
		p.printf("%s", eraseLine)
		p.running = false
	}
	if s.Status == Running {
		if p.Live {
			p.printf("%s %s …", p.paint(faint, "·"), s.Name)
			p.running = true
		}
		return p.err
	}
	mark := marks[s.Status]
	took := elapsed(s.Took)
	if s.Took < 50*time.Microsecond {
		took = ""
	}
	const indent = 28
	seen := s.Seen
	if s.Status == Failed && len(s.Findings) > 0 && len(p.news(s.Findings)) == 0 {
		seen += " (see above)"
	}
	lines := p.wrap(seen, indent)
	p.printf("%s %-15s %9s  %s\n", p.paint(mark.color, mark.mark), s.Name, took, strings.Join(lines, "\n"+strings.Repeat(" ", indent+1)))
	p.Findings(s.Findings)
	return p.err
}

// Findings writes the findings that were not written before, numbered. It
// returns the first error of W.
func (p *Printer) Findings(findings []Finding) error {
	news := p.news(findings)
	p.shown = append(p.shown, news...)
	for i, f := range news {
		if i == 0 {
			p.printf("\n")
		}
		p.finding(i+1, f)
	}
	return p.err
}

// news returns the findings that were not written before.
func (p *Printer) news(findings []Finding) []Finding {
	return merge(slices.Clip(p.shown), findings)[len(p.shown):]
}

func (p *Printer) finding(number int, f Finding) {
	const indent = "     "
	title := p.wrap(f.Cause, len(indent))
	for i, line := range title {
		prefix := indent
		if i == 0 {
			prefix = fmt.Sprintf("%4s ", fmt.Sprintf("%d.", number))
		}
		p.printf("%s%s\n", prefix, p.paint(bold, line))
	}
	who := "for the " + string(f.Who)
	if f.Who == Nobody {
		who = "nobody has to act"
	}
	p.printf("%s%s, %s\n", indent, f.Confidence, who)
	p.labelled("seen", f.Evidence)
	p.labelled("do", f.Remedy)
	var shell Shell
	for _, c := range f.Commands {
		if c.Shell != shell {
			p.printf("%s%s\n", indent, p.paint(faint, string(c.Shell)+":"))
			shell = c.Shell
		}
		p.printf("%s  %s\n", indent, p.paint(blue, p.breakCommand(c, len(indent)+2)))
	}
	p.printf("%s%s\n\n", indent, p.paint(faint, f.Source))
}

func (p *Printer) labelled(label, text string) {
	const indent = "          "
	p.printf("     %s %s\n", p.paint(faint, fmt.Sprintf("%-4s", label)), strings.Join(p.wrap(text, len(indent)), "\n"+indent))
}

// breakCommand continues a command on the next line before a parameter, a block
// or a pipe.
func (p *Printer) breakCommand(c Command, indent int) string {
	next := map[Shell]string{ExchangePowerShell: " `", GraphPowerShell: " `", AzureCLI: ` \`}[c.Shell]
	if p.Width == 0 || next == "" || indent+utf8.RuneCountInString(c.Text) <= p.Width {
		return c.Text
	}
	parts := parameters(c.Text)
	lines := parts[:1]
	for _, part := range parts[1:] {
		last := &lines[len(lines)-1]
		if columns := indent + utf8.RuneCountInString(*last+" "+part+next); columns <= p.Width {
			*last += " " + part
		} else {
			*last += next
			lines = append(lines, "  "+part)
		}
	}
	return strings.Join(lines, "\n"+strings.Repeat(" ", indent))
}

// parameters splits a command before each "-" that begins a parameter, each brace
// that begins a block and each pipe, unless it is within quotation marks.
func parameters(command string) []string {
	var parts []string
	start, quote, last := 0, rune(0), rune(0)
	for i, c := range command {
		switch mark := quotationMark(c); {
		case quote != 0 && mark == quote:
			quote = 0
		case quote == 0 && mark != 0:
			quote = mark
		case quote == 0 && (c == '-' || c == '{' || c == '|') && last == ' ':
			parts = append(parts, command[start:i-1])
			start = i
		}
		last = c
	}
	return append(parts, command[start:])
}

// quotationMark returns the quotation mark for which PowerShell takes c, or 0.
func quotationMark(c rune) rune {
	switch c {
	case '\'', '‘', '’', '‚', '‛':
		return '\''
	case '"', '“', '”', '„':
		return '"'
	}
	return 0
}

// wrap breaks text at spaces, into lines that begin at a column.
func (p *Printer) wrap(text string, column int) []string {
	width := max(p.Width-column-1, 20)
	if p.Width == 0 {
		return []string{text}
	}
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && utf8.RuneCountInString(line+" "+word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}

func (p *Printer) paint(color, text string) string {
	if !p.Color {
		return text
	}
	return color + text + reset
}

func (p *Printer) printf(format string, args ...any) {
	_, err := fmt.Fprintf(p.W, format, args...)
	p.err = cmp.Or(p.err, err)
}

// elapsed returns d to three figures or so.
func elapsed(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}
