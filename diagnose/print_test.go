package diagnose_test

import (
	"bytes"
	"errors"
	"log"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/exoauth/exoauth/diagnose"
)

// long is a step with everything that may be long.
var long = diagnose.Step{
	Name: "mailbox", Status: diagnose.Failed, Took: 61500 * time.Microsecond, Seen: strings.Repeat("BAD User is authenticated but not connected. ", 3),
	Findings: diagnose.ExplainLine(imapFailed, diagnose.Subject{Username: mailbox, Token: appToken(nil), Now: now}),
}

func TestPrinterWidth(t *testing.T) {
	for _, width := range []int{60, 80, 120} {
		for _, color := range []bool{false, true} {
			var out bytes.Buffer
			p := diagnose.Printer{W: &out, Width: width, Color: color}
			must(p.Step(long))
			for line := range strings.Lines(uncoloured(out.String())) {
				line = strings.TrimSuffix(line, "\n")
				if n := utf8.RuneCountInString(line); n > width && !strings.Contains(line, "https://") {
					t.Errorf("width %d: %d columns in %q", width, n, line)
				}
			}
			if color != strings.Contains(out.String(), "\x1b[") {
				t.Errorf("colour %t: %q", color, out.String())
			}
		}
	}
}

// uncoloured takes the colours out.
func uncoloured(s string) string {
	for {
		i := strings.Index(s, "\x1b[")
		if i < 0 {
			return s
		}
		s = s[:i] + s[i+strings.IndexByte(s[i:], 'm')+1:]
	}
}

// A command that is broken over lines is the same for its shell.
func TestPrinterCommandsCopy(t *testing.T) {
	var out bytes.Buffer
	p := diagnose.Printer{W: &out, Width: 80}
	must(p.Findings(long.Findings[:1]))
	joined := strings.Join(strings.Fields(strings.ReplaceAll(out.String(), " `\n", " ")), " ")
	for _, c := range long.Findings[0].Commands {
		if !strings.Contains(joined, c.Text) {
			t.Errorf("%s is not in\n%s", c.Text, out.String())
		}
	}
	if !strings.Contains(out.String(), " `\n") {
		t.Errorf("no command was broken:\n%s", out.String())
	}
}

// A command is never broken within quotation marks, where a line end would be
// part of the value.
func TestPrinterBreaksNoQuotes(t *testing.T) {
	marks := strings.NewReplacer("‘", "'", "’", "'", "“", `"`, "”", `"`)
	for _, c := range []diagnose.Command{
		{Shell: diagnose.ExchangePowerShell, Text: "Set-CASMailbox -Identity 'a -b -c -d -e@contoso.com' -ImapEnabled $true -PopEnabled $true"},
		{Shell: diagnose.ExchangePowerShell, Text: "Set-CASMailbox -Identity 'o''neill -a -b -c@contoso.com' -ImapEnabled $true -PopEnabled $true"},
		{Shell: diagnose.ExchangePowerShell, Text: "Set-CASMailbox -Identity 'o’’neill -a -b -c@contoso.com' -ImapEnabled $true -PopEnabled $true"},
		{Shell: diagnose.GraphPowerShell, Text: `$sp = Get-MgServicePrincipal -Filter "AppId eq '1 -2 -3 -4'" -Property "a -b" -All`},
		{Shell: diagnose.GraphPowerShell, Text: `Get-MgUser -UserId “it's -a -b” -Property id -All -Top 1 -Sort id`},
		{Shell: diagnose.AzureCLI, Text: `az ad app update --id 1 --set "a -b -c -d" --set "e -f" --append --verbose`},
	} {
		for width := 20; width < 120; width++ {
			var out bytes.Buffer
			p := diagnose.Printer{W: &out, Width: width}
			must(p.Findings([]diagnose.Finding{{Rule: "a", Commands: []diagnose.Command{c}}}))
			_, printed, _ := strings.Cut(out.String(), ":\n")
			lines := strings.Split(strings.TrimSpace(strings.TrimRight(printed, "\n")), "\n")
			var joined []string
			for i, line := range lines {
				line = strings.TrimSpace(line)
				if i < len(lines)-1 {
					line = strings.TrimRight(line[:len(line)-1], " ") // the mark of continuation
				}
				if plain := marks.Replace(line); strings.Count(plain, `"`)%2 != 0 || !strings.Contains(plain, `"`) && strings.Count(plain, "'")%2 != 0 {
					t.Errorf("width %d: a quotation mark is open in %q", width, line)
				}
				joined = append(joined, line)
			}
			if got := strings.Join(joined, " "); got != c.Text {
				t.Errorf("width %d: %s became %s", width, c.Text, got)
			}
		}
	}
}

func TestPrinterOnce(t *testing.T) {
	var out bytes.Buffer
	p := diagnose.Printer{W: &out}
	must(p.Step(long))
	must(p.Step(long))
	if n := strings.Count(out.String(), long.Findings[0].Cause); n != 1 {
		t.Errorf("the finding was written %d times", n)
	}
}

func TestPrinterLive(t *testing.T) {
	running, ended := diagnose.Step{Name: "token", Status: diagnose.Running}, diagnose.Step{Name: "token", Status: diagnose.OK, Seen: "good"}
	for live, want := range map[bool]string{false: "✓ token", true: "· token …\r\x1b[K✓ token"} {
		var out bytes.Buffer
		p := diagnose.Printer{W: &out, Live: live}
		must(p.Step(running))
		must(p.Step(ended))
		if !strings.HasPrefix(out.String(), want) {
			t.Errorf("live %t: %q", live, out.String())
		}
	}
}

type fullDisk struct{}

var errFull = errors.New("no space left on device")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestPrinterError(t *testing.T) {
	p := diagnose.Printer{W: fullDisk{}}
	if err := p.Step(long); !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
}

func ExamplePrinter() {
	p := diagnose.Printer{W: os.Stdout, Width: 80}
	err := p.Findings(diagnose.ExplainLine(mailboxOff, diagnose.Subject{Username: "invoices@contoso.com"}))
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	//
	//   1. SMTP AUTH is switched off for the mailbox, and that counts for OAuth, too.
	//      certain, for the Exchange administrator
	//      seen 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is
	//           disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for
	//           more information.
	//      do   Switch it on.
	//      Exchange Online PowerShell:
	//        Connect-ExchangeOnline
	//        Set-CASMailbox -Identity invoices@contoso.com `
	//          -SmtpClientAuthenticationDisabled $false
	//      https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/authenticated-client-smtp-submission
}
