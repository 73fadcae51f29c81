package diagnose

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/imapdial"
)

// A Check describes a set-up that [Run] examines: the settings of a program
// that cannot log in. TokenSource and Mailbox are required; the zero value of
// every other field is usable.
type Check struct {
	// TokenSource gives the access token, as it does for the dialers.
	TokenSource oauth2.TokenSource
	// Mailbox is the address to read from and to send from.
	Mailbox string
	// Username is the user name for IMAP. Empty means Mailbox.
	Username string
	// SMTPUsername is the user name for SMTP. Empty means the right one:
	// Mailbox with an app-only token, otherwise the user who signed in.
	SMTPUsername string

	// Cloud has the addresses. An empty field means the value in
	// [exoauth.Global].
	Cloud exoauth.Cloud
	// Tenant, ClientID and Scopes are those of the TokenSource. They appear in
	// commands. Empty means what the token tells. If Tenant is set, Run checks
	// its sign-in host, too.
	Tenant, ClientID string
	Scopes           []string

	// SkipIMAP and SkipSMTP leave out the steps of a protocol.
	SkipIMAP, SkipSMTP bool
	// Send makes Run send a message from Mailbox to itself. Nothing else can
	// test some of the permissions.
	Send bool

	// TLSConfig and DialContext are for the dialers. With a DialContext, Run
	// resolves no names. HTTPClient connects to the sign-in host; nil means
	// http.DefaultClient.
	TLSConfig   *tls.Config
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	HTTPClient  *http.Client

	// Timeout limits each step. Zero means imapdial.DefaultTimeout.
	Timeout time.Duration

	// Progress is called when a step begins, with its name and the status
	// Running, and again when it has ended. Run calls it on its own goroutine.
	// Nil means no calls.
	Progress func(Step)
}

// Run goes all the way to an open mailbox and to the submission service, step
// by step, and explains what fails. If a step fails, Run skips those that need
// it and goes on with the others. When ctx ends, Run skips the rest and
// returns.
//
// Run changes nothing, and sends a message only if check.Send is set. The
// report contains no secrets, except perhaps in the Err of a [Step].
func Run(ctx context.Context, check Check) *Report {
	check.Cloud = check.Cloud.WithDefaults()
	check.Timeout = cmp.Or(max(check.Timeout, 0), imapdial.DefaultTimeout)
	check.Username = cmp.Or(check.Username, check.Mailbox)
	r := &run{Check: check, report: new(Report)}
	r.signIn(ctx)
	r.getToken(ctx)
	if !check.SkipIMAP {
		r.imap(ctx)
	}
	if !check.SkipSMTP {
		r.smtp(ctx)
	}
	r.release()
	return r.report
}

// run is one call of Run.
type run struct {
	Check
	report *Report
	token  string  // "" until there is one
	claims *claims // nil for a token that cannot be read
	opened bool    // the mailbox, by IMAP
	sent   bool    // a message

	held []Step // until it shows whether a message can be sent
}

// subject returns the Subject for a finding about p.
func (r *run) subject(p Protocol) Subject {
	s := Subject{
		Protocol: p, Cloud: r.Cloud, Tenant: r.Tenant, ClientID: r.ClientID,
		Username: r.Username, Mailbox: r.Mailbox, Scopes: r.Scopes, Token: r.token, Sent: r.sent,
	}
	if p == SMTP {
		s.Username, s.Opened = r.smtpUsername(), r.opened
	}
	return s
}

// smtpUsername returns the user name for SMTP: the user who signed in, while
// IMAP takes the mailbox.
func (r *run) smtpUsername() string {
	if r.SMTPUsername == "" && r.claims != nil && r.claims.flow() == Delegated {
		return cmp.Or(r.claims.upn, r.Mailbox)
	}
	return cmp.Or(r.SMTPUsername, r.Mailbox)
}

// step does one step, reports it and tells whether it went well.
func (r *run) step(ctx context.Context, name string, p Protocol, do func(context.Context) (seen string, err error)) bool {
	if ctx.Err() != nil {
		r.skip(name, "stopped")
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	if r.Progress != nil {
		r.Progress(Step{Name: name, Status: Running})
	}
	s := Step{Name: name, Status: OK}
	start := time.Now()
	s.Seen, s.Err = do(ctx)
	s.Took = time.Since(start)
	if s.Err != nil {
		s.Status = Failed
		s.Findings = Explain(s.Err, r.subject(p))
		s.Seen = r.words(s.Err)
	}
	if name == mailboxStep && s.Err != nil && r.Send && !r.SkipSMTP {
		r.held = append(r.held, s)
		return false
	}
	r.done(s)
	return s.Err == nil
}

// mailboxStep is explained after the SMTP steps, since an application that can
// send from the mailbox has access to it.
const mailboxStep = "mailbox"

// release explains and reports the steps that were held.
func (r *run) release() {
	held := r.held
	r.held = nil
	for _, s := range held {
		if s.Name == mailboxStep && s.Err != nil {
			s.Findings = Explain(s.Err, r.subject(IMAP))
		}
		r.done(s)
	}
}

func (r *run) done(s Step) {
	s.Seen = oneLine(s.Seen)
	if r.held != nil {
		r.held = append(r.held, s)
		return
	}
	r.report.Steps = append(r.report.Steps, s)
	if r.Progress != nil {
		r.Progress(s)
	}
}

func (r *run) skip(name, reason string) {
	r.done(Step{Name: name, Status: Skipped, Seen: reason})
}

// words returns the text of an error without its step, which the name of the
// step tells.
func (r *run) words(err error) string {
	s := newSituation(Subject{Token: r.token})
	s.read(err)
	return excerpt(s.words, 0)
}
