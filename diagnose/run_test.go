package diagnose_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/diagnose"
	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/tokensource"
)

// A correct set-up gives no finding, app-only and delegated, in every cloud.
func TestRunHealthy(t *testing.T) {
	checked := 0
	for _, cloud := range exoauth.Clouds() {
		for _, k := range []kind{service, delegate, owner} {
			t.Run(fmt.Sprint(cloud.IMAP, " ", k), func(t *testing.T) {
				mailtest.NoLeaks(t)
				w := newWorld(t, k, allRoles)
				w.cloud = cloud
				if k != service {
					w.scopes = []string{cloud.UserScope("IMAP.AccessAsUser.All"), cloud.UserScope("SMTP.Send")}
				}
				check := w.check()
				check.DialContext = w.srv.DialContext
				report := diagnose.Run(t.Context(), check)
				if !report.OK() || len(report.Findings()) > 0 {
					t.Errorf("findings %v", names(report.Findings()))
				}
				for _, s := range report.Steps {
					if s.Status != diagnose.OK || s.Seen == "" || s.Err != nil {
						t.Errorf("%s %s: %q, %v", s.Name, s.Status, s.Seen, s.Err)
					}
				}
				checked++
			})
		}
	}
	t.Logf("%d correct set-ups, no finding", checked)
}

// status returns how each step went.
func status(report *diagnose.Report) string {
	var list []string
	for _, s := range report.Steps {
		list = append(list, s.Name+" "+string(s.Status))
	}
	return strings.Join(list, ", ")
}

// What does not need the step that failed goes on.
func TestRunGoesOn(t *testing.T) {
	for _, test := range []struct {
		name  string
		apply func(w *world, c *diagnose.Check)
		want  string
	}{
		{"secret wrong", func(w *world, c *diagnose.Check) { w.secret = "x"; c.TokenSource = w.source() },
			"sign-in host ok, token failed, IMAP connection ok, IMAP login skipped, SMTP connection ok, SMTP login skipped"},
		{"no token source", func(_ *world, c *diagnose.Check) { c.TokenSource = nil },
			"sign-in host ok, token failed, IMAP connection ok, IMAP login skipped, SMTP connection ok, SMTP login skipped"},
		{"IMAP server away", func(_ *world, c *diagnose.Check) { c.Cloud.IMAP = "192.0.2.1:993" },
			"sign-in host ok, token ok, claims ok, IMAP connection failed, IMAP login skipped, SMTP connection ok, SMTP login ok, message ok"},
		{"IMAP off", func(w *world, _ *diagnose.Check) {
			admin("Set-CASMailbox -Identity " + mailbox + " -ImapEnabled $false")(w)
		}, "sign-in host ok, token ok, claims ok, IMAP connection ok, IMAP login ok, mailbox failed, SMTP connection ok, SMTP login ok, message ok"},
		{"SMTP alone", func(_ *world, c *diagnose.Check) { c.SkipIMAP = true },
			"sign-in host ok, token ok, claims ok, SMTP connection ok, SMTP login ok, message ok"},
		{"IMAP alone, tenant not known", func(_ *world, c *diagnose.Check) { c.SkipSMTP, c.Tenant = true, "" },
			"token ok, claims ok, IMAP connection ok, IMAP login ok, mailbox ok"},
		{"certificate not trusted", func(_ *world, c *diagnose.Check) { c.TLSConfig = nil },
			"sign-in host ok, token ok, claims ok, IMAP connection failed, IMAP login skipped, SMTP connection failed, SMTP login skipped"},
	} {
		t.Run(test.name, func(t *testing.T) {
			mailtest.NoLeaks(t)
			w := newWorld(t, service, allRoles)
			check := w.check()
			test.apply(w, &check)
			report := diagnose.Run(t.Context(), check)
			if got := status(report); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			for _, f := range report.Findings() {
				checkFinding(t, f)
			}
		})
	}
}

// What a later step disproves is not blamed: a message was sent from the mailbox.
func TestRunCombinesSteps(t *testing.T) {
	w := newWorld(t, service, allRoles)
	admin("Set-CASMailbox -Identity " + mailbox + " -ImapEnabled $false")(w)
	report := diagnose.Run(t.Context(), w.check())
	if want := "sign-in host ok, token ok, claims ok, IMAP connection ok, IMAP login ok, mailbox failed, SMTP connection ok, SMTP login ok, message ok"; status(report) != want {
		t.Errorf("got  %s\nwant %s", status(report), want)
	}
	if found := names(report.Findings()); len(found) == 0 || found[0] != "imap-off" {
		t.Errorf("findings %v", found)
	}
}

// An application that Exchange lets send by a role assignment has no
// SMTP.SendAsApp, and needs none: that is a warning and nothing else.
func TestRunRoleAssignment(t *testing.T) {
	w := newWorld(t, service, without(exchangetest.SMTPSendAsApp))
	admin("New-ManagementRoleAssignment -App " + w.app.ServicePrincipalID + " -Role 'Application SMTP.SendAsApp'")(w)
	report := diagnose.Run(t.Context(), w.check())
	if !report.OK() || !slices.Equal(names(report.Findings()), []string{"smtp-role-missing"}) {
		t.Errorf("%s: %v", status(report), names(report.Findings()))
	}
}

// Who issued a certificate that is not trusted is what names the proxy.
func TestRunNamesTheProxy(t *testing.T) {
	w := newWorld(t, service, allRoles)
	check := w.check()
	check.TLSConfig = nil
	failed := 0
	for _, s := range diagnose.Run(t.Context(), check).Steps {
		if s.Status != diagnose.Failed {
			continue
		}
		failed++
		if s.Findings[0].Rule != "intercepted" || !strings.Contains(s.Findings[0].Evidence, "exchangetest CA") {
			t.Errorf("%s: %v", s.Name, s.Findings)
		}
	}
	if failed != 2 { // the connections of IMAP and SMTP
		t.Errorf("%d steps failed", failed)
	}
}

// A time limit below zero is none of the caller's, and the default is taken.
func TestRunTimeout(t *testing.T) {
	for _, limit := range []time.Duration{-1, 0, time.Minute} {
		w := newWorld(t, service, allRoles)
		check := w.check()
		check.Timeout = limit
		if report := diagnose.Run(t.Context(), check); !report.OK() {
			t.Errorf("%v: %s", limit, status(report))
		}
	}
}

// A mailbox that refuses something once it is open: the login is not blamed.
func TestRunMailboxRefused(t *testing.T) {
	for _, command := range []string{"LIST", "EXAMINE"} {
		t.Run(command, func(t *testing.T) {
			w := newWorld(t, service, allRoles)
			w.srv.Inject(exchangetest.Fault{At: exchangetest.AtIMAP, Command: command, Reply: "{tag} NO [SERVERBUG] words of the test"})
			report := diagnose.Run(t.Context(), w.check())
			step := func(name string) diagnose.Step {
				i := slices.IndexFunc(report.Steps, func(s diagnose.Step) bool { return s.Name == name })
				if i < 0 {
					t.Fatalf("no step %s: %s", name, status(report))
				}
				return report.Steps[i]
			}
			if s := step("IMAP login"); s.Status != diagnose.OK {
				t.Errorf("login: %s, %v", s.Status, s.Err)
			}
			s := step("mailbox")
			if s.Status != diagnose.Failed || s.Err == nil || !strings.Contains(s.Err.Error(), "words of the test") {
				t.Errorf("mailbox: %s, %q, %v", s.Status, s.Seen, s.Err)
			}
			if s := step("SMTP login"); s.Status != diagnose.OK {
				t.Errorf("SMTP: %s, %v", s.Status, s.Err)
			}
		})
	}
}

// The context ends while the server lists folders: that is why, and not that
// the connection was closed.
func TestRunCancelledInTheMailbox(t *testing.T) {
	mailtest.NoLeaks(t)
	w := newWorld(t, service, allRoles)
	w.srv.Inject(exchangetest.Fault{At: exchangetest.AtIMAP, Command: "LIST", Delay: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	check := w.check()
	check.Progress = func(s diagnose.Step) {
		if s.Name == "mailbox" && s.Status == diagnose.Running {
			cancel()
		}
	}
	report := diagnose.Run(ctx, check)
	for _, s := range report.Steps {
		if s.Name == "mailbox" && !errors.Is(s.Err, context.Canceled) {
			t.Errorf("mailbox: %s, %v", s.Status, s.Err)
		}
	}
}

func TestRunClock(t *testing.T) {
	for ahead, want := range map[time.Duration]string{
		-3 * time.Minute: "3m0s fast", 3 * time.Minute: "3m0s slow", -time.Minute: "", time.Minute: "",
	} {
		host := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
			rw.Write([]byte("{}"))
		}))
		defer host.Close()
		w := newWorld(t, service, allRoles)
		check := w.check()
		check.Cloud.Authority, check.HTTPClient, check.Tenant = host.URL, host.Client(), "contoso.com"
		s := diagnose.Run(t.Context(), check).Steps[0]
		if (s.Status == diagnose.Failed) != (want != "") || want != "" && (s.Findings[0].Rule != "clock" || !strings.Contains(s.Seen, want)) {
			t.Errorf("server %v ahead: %s %q %v", ahead, s.Status, s.Seen, s.Findings)
		}
	}
}

// Run ends with its context, and says what it left out.
func TestRunCancelled(t *testing.T) {
	mailtest.NoLeaks(t)
	w := newWorld(t, service, allRoles)
	ctx, cancel := context.WithCancel(t.Context())
	check := w.check()
	check.TokenSource = tokensource.Func(func(ctx context.Context) (string, time.Time, error) {
		cancel()
		<-ctx.Done()
		return "", time.Time{}, ctx.Err()
	})
	report := diagnose.Run(ctx, check)
	if !errors.Is(report.Steps[1].Err, context.Canceled) || report.OK() {
		t.Errorf("token: %v", report.Steps[1].Err)
	}
	for _, s := range report.Steps[2:] {
		if s.Status != diagnose.Skipped {
			t.Errorf("%s %s after the end of the context", s.Name, s.Status)
		}
	}
}

// A source without a context does not keep Run.
func TestRunStuckSource(t *testing.T) {
	mailtest.NoLeaks(t)
	w := newWorld(t, service, allRoles)
	ctx, cancel := context.WithCancel(t.Context())
	check := w.check()
	stuck := stuckSource{asked: make(chan struct{}), release: make(chan struct{})}
	check.TokenSource = stuck
	go func() { <-stuck.asked; cancel() }()
	report := diagnose.Run(ctx, check)
	close(stuck.release)
	if !errors.Is(report.Steps[1].Err, context.Canceled) {
		t.Errorf("token: %v", report.Steps[1].Err)
	}
}

type stuckSource struct{ asked, release chan struct{} }

func (s stuckSource) Token() (*oauth2.Token, error) {
	close(s.asked)
	<-s.release
	return nil, errors.New("released")
}

func TestRunShowsNoSecret(t *testing.T) {
	w := newWorld(t, service, without(exchangetest.IMAPAccessAsApp))
	check := w.check()
	check.TokenSource = w.source()
	token, err := check.TokenSource.Token()
	must(err)
	report := diagnose.Run(t.Context(), check)
	var out bytes.Buffer
	p := diagnose.Printer{W: &out, Width: 80}
	for _, s := range report.Steps {
		must(p.Step(s))
		fmt.Fprintf(&out, "%v %+v %#v", s, s, s)
	}
	text, err := json.Marshal(report)
	must(err)
	out.Write(text)
	for _, secret := range []string{w.secret, token.AccessToken, strings.Split(token.AccessToken, ".")[2]} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("the report has %q in it", secret)
		}
	}
}

func TestReportJSON(t *testing.T) {
	w := newWorld(t, service, allRoles)
	admin("Set-TransportConfig -SmtpClientAuthenticationDisabled $true")(w)
	text, err := json.Marshal(diagnose.Run(t.Context(), w.check()))
	must(err)
	var report struct {
		Steps []struct {
			Name, Status, Seen string
			Milliseconds       float64
			Findings           []struct {
				Rule, Confidence, Who string
				Commands              []struct{ Shell, Text string }
			}
		}
	}
	must(json.Unmarshal(text, &report))
	last := report.Steps[len(report.Steps)-1]
	if last.Name != "SMTP login" || last.Status != "failed" || last.Milliseconds <= 0 || len(last.Findings) != 1 {
		t.Fatalf("last step %+v", last)
	}
	if f := last.Findings[0]; f.Rule != "smtp-off-tenant" || f.Confidence != "certain" || !strings.Contains(f.Commands[1].Text, mailbox) {
		t.Errorf("finding %+v", f)
	}
}

func TestProgress(t *testing.T) {
	w := newWorld(t, service, allRoles)
	check := w.check()
	var seen []string
	check.Progress = func(s diagnose.Step) { seen = append(seen, s.Name+" "+string(s.Status)) }
	var steps []string
	for _, s := range diagnose.Run(t.Context(), check).Steps {
		if s.Name != "claims" { // takes no time
			steps = append(steps, s.Name+" running")
		}
		steps = append(steps, s.Name+" ok")
	}
	if !slices.Equal(seen, steps) {
		t.Errorf("progress %v, steps %v", seen, steps)
	}
}

func ExampleRun() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp, exchangetest.SMTPSendAsApp)
	contoso.AddMailbox("invoices@contoso.com")
	contoso.Grant(app, "invoices@contoso.com")
	if _, err := srv.Tenant().Admin("Set-CASMailbox invoices@contoso.com -ImapEnabled $false"); err != nil {
		log.Fatal(err)
	}

	cfg := &tokensource.Config{
		Cloud: srv.Cloud(), Tenant: "contoso.com", ClientID: app.ClientID,
		Credential: tokensource.Secret(app.Secret), HTTPClient: srv.HTTPClient(),
	}
	report := diagnose.Run(context.Background(), diagnose.Check{
		TokenSource: cfg.ClientCredentials(), Mailbox: "invoices@contoso.com",
		Cloud: cfg.Cloud, Tenant: cfg.Tenant, ClientID: cfg.ClientID,
		HTTPClient: cfg.HTTPClient, TLSConfig: srv.TLSConfig(),
	})
	for _, step := range report.Steps {
		fmt.Println(step.Name, step.Status)
	}
	fmt.Println(report.Findings()[1].Commands[1].Text)
	// Output:
	// sign-in host ok
	// token ok
	// claims ok
	// IMAP connection ok
	// IMAP login ok
	// mailbox failed
	// SMTP connection ok
	// SMTP login ok
	// Set-CASMailbox -Identity invoices@contoso.com -ImapEnabled $true
}
