package diagnose_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/diagnose"
	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/smtpdial"
	"github.com/exoauth/exoauth/tokensource"
)

// A world is a tenant with a mailbox and a program that wants to get there,
// with settings that a case may break. The addresses are those of production.
type world struct {
	srv   *exchangetest.Server
	app   *exchangetest.App
	adele *exchangetest.User

	// The settings of the program.
	tenant, clientID, secret string
	scopes                   []string
	mailbox                  string
	username, smtpUsername   string
	cloud                    exoauth.Cloud
	home                     exoauth.Cloud // what cloud should be
	library                  string        // who fetches the token: "exoauth" or "oauth2"
	kind                     kind

	executed map[string]bool // findings whose commands have run
	again    func(error)
	tls      *tls.Config
}

// A kind is what sort of program it is.
type kind string

const (
	service  kind = "service"  // no user
	delegate kind = "delegate" // adele signs in and uses the shared mailbox
	owner    kind = "owner"    // adele's own mailbox, with her password
)

var allRoles = []string{exchangetest.IMAPAccessAsApp, exchangetest.SMTPSendAsApp}

// newWorld is a healthy set-up with the roles.
func newWorld(t *testing.T, k kind, roles []string) *world {
	t.Helper()
	return newWorldIn(t, exoauth.Global, k, roles)
}

func newWorldIn(t *testing.T, cloud exoauth.Cloud, k kind, roles []string) *world {
	t.Helper()
	srv := exchangetest.NewServer()
	t.Cleanup(srv.Close)
	contoso := srv.Tenant()
	w := &world{
		srv: srv, app: contoso.AddApp("Invoices", roles...), adele: contoso.AddUser(adele),
		tenant: contoso.ID, mailbox: mailbox, cloud: cloud, home: cloud, library: "exoauth", kind: k,
		executed: make(map[string]bool), tls: quickTLS(srv.TLSConfig()),
	}
	w.clientID, w.secret = w.app.ClientID, w.app.Secret
	contoso.AddMailbox(mailbox)
	contoso.Grant(w.app, mailbox)
	if k == service {
		return w
	}
	do(contoso, "Remove-ServicePrincipal "+w.app.ClientID+" -Confirm:$false")
	w.scopes = []string{cloud.UserScope("IMAP.AccessAsUser.All"), cloud.UserScope("SMTP.Send")}
	if k == owner {
		w.mailbox = adele
		w.app.SetPublicFlows(true)
		w.app.Consent(nil, "IMAP.AccessAsUser.All", "SMTP.Send")
		return w
	}
	must(contoso.AddMailboxPermission(mailbox, adele))
	must(contoso.AddRecipientPermission(mailbox, adele))
	return w
}

// quickTLS takes up sessions again and uses the cheapest key exchange, since the
// worlds shake hands some twenty thousand times.
func quickTLS(c *tls.Config) *tls.Config {
	c.CurvePreferences = []tls.CurveID{tls.X25519}
	c.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	return c
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// source is made anew each time, as by a program that is started again.
func (w *world) source() oauth2.TokenSource {
	switch {
	case w.kind == delegate:
		return tokensource.Func(w.signedIn)
	case w.kind == owner:
		return passwordSource{w}
	case w.library == "oauth2":
		ctx := w.httpContext()
		return (&clientcredentials.Config{
			ClientID: w.clientID, ClientSecret: w.secret, Scopes: w.appScopes(),
			TokenURL: w.cloud.Authority + "/" + w.tenant + "/oauth2/v2.0/token", AuthStyle: oauth2.AuthStyleInParams,
		}).TokenSource(ctx)
	}
	return (&tokensource.Config{
		Cloud: w.cloud, Tenant: w.tenant, ClientID: w.clientID, Credential: tokensource.Secret(w.secret),
		Scopes: w.scopes, HTTPClient: w.srv.HTTPClient(),
	}).ClientCredentials()
}

func (w *world) httpContext() context.Context {
	return context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Transport: offline{w.srv.HTTPClient().Transport}})
}

// passwordSource is the password grant of x/oauth2.
type passwordSource struct{ w *world }

func (s passwordSource) Token() (*oauth2.Token, error) {
	return s.w.userConfig().PasswordCredentialsToken(s.w.httpContext(), adele, s.w.adele.Password)
}

func (w *world) userConfig() *oauth2.Config {
	return &oauth2.Config{ClientID: w.clientID, Scopes: w.scopes, Endpoint: oauth2.Endpoint{
		TokenURL: w.cloud.Authority + "/" + w.tenant + "/oauth2/v2.0/token", AuthStyle: oauth2.AuthStyleInParams,
	}}
}

// offline has no way out in the clear.
type offline struct{ http.RoundTripper }

func (o offline) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		return nil, errors.New("connect: connection refused")
	}
	return o.RoundTripper.RoundTrip(r)
}

func (w *world) appScopes() []string {
	if w.scopes == nil {
		return []string{w.cloud.AppScope()}
	}
	return w.scopes
}

// signedIn issues what Entra ID issues for the scopes: without a resource they
// are those of Graph.
func (w *world) signedIn(context.Context) (string, time.Time, error) {
	o := exchangetest.TokenOptions{User: w.adele, Audience: "https://graph.microsoft.com", Lifetime: time.Hour}
	for _, scope := range w.scopes {
		if scope == "offline_access" {
			continue
		}
		permission := scope
		if i := strings.LastIndex(scope, "/"); i >= 0 {
			o.Audience, permission = scope[:i], scope[i+1:]
		}
		o.Scopes = append(o.Scopes, permission)
	}
	return w.app.Token(&o), time.Now().Add(time.Hour), nil
}

// dial knows the servers of its cloud, and nothing else.
func (w *world) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	if addr != w.home.IMAP && addr != w.home.SMTP {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("connect: connection refused")}
	}
	return w.srv.DialContext(ctx, network, addr)
}

func (w *world) check() diagnose.Check {
	return diagnose.Check{
		TokenSource: w.source(), Mailbox: w.mailbox, Username: w.username, SMTPUsername: w.smtpUsername,
		Cloud: w.cloud, Tenant: w.tenant, ClientID: w.clientID, Scopes: w.scopes, Send: true,
		TLSConfig: w.tls, DialContext: w.dial, HTTPClient: w.srv.HTTPClient(), Timeout: 20 * time.Second,
	}
}

// cure cures each step that failed. It returns the rules by which.
func (w *world) cure(t *testing.T, report *diagnose.Report) (ran []string) {
	for _, step := range report.Steps {
		if step.Status == diagnose.Failed {
			ran = append(ran, w.carryOut(t, step.Findings)...)
		}
	}
	return ran
}

// carryOut runs the commands of the first finding that was not tried before and
// whose commands all succeed. It returns its rule, if there is one.
func (w *world) carryOut(t *testing.T, findings []diagnose.Finding) (ran []string) {
	for _, f := range findings {
		key := strings.Join(texts(f), "\n")
		if key == "" || w.executed[key] {
			continue
		}
		w.executed[key] = true
		if err := w.execute(f.Commands); err != nil {
			t.Logf("%s: %v", f.Rule, err)
			continue
		}
		return []string{f.Rule}
	}
	return nil
}

// execute types commands as they stand. A placeholder that speaks of a command
// before it stands for what that has printed.
func (w *world) execute(commands []diagnose.Command) error {
	var script []string
	output := ""
	for _, c := range commands {
		if c.Shell != diagnose.Settings {
			script = append(script, c.Text)
			continue
		}
		if script != nil {
			var err error
			if output, err = w.admin(script); err != nil {
				return err
			}
			script = nil
		}
		if err := w.set(c.Text, output); err != nil {
			return err
		}
	}
	_, err := w.admin(script)
	return err
}

// admin types a script, and with again set once more, which tells of failures.
func (w *world) admin(script []string) (output string, err error) {
	if output, err = w.srv.Tenant().Admin(strings.Join(script, "\n")); err == nil && w.again != nil {
		if output, err = w.srv.Tenant().Admin(strings.Join(script, "\n")); err != nil {
			w.again(err)
		}
	}
	return output, err
}

var printed = regexp.MustCompile(`^<(\w+) that the command printed>$`)

func (w *world) set(assignment, output string) error {
	name, value, _ := strings.Cut(assignment, "=")
	if m := printed.FindStringSubmatch(value); m != nil {
		field := regexp.MustCompile(`(?m)^` + m[1] + `\s*: (\S+)`).FindStringSubmatch(output)
		if field == nil {
			return errors.New("nothing that is " + value + " in " + output)
		}
		value = field[1]
	}
	if strings.HasPrefix(value, "<") {
		return errors.New("a person would have to know " + value)
	}
	fields := map[string]*string{
		"Tenant": &w.tenant, "ClientID": &w.clientID, "Credential": &w.secret, "Username": &w.username,
		"SMTPUsername": &w.smtpUsername, "Cloud.IMAP": &w.cloud.IMAP, "Cloud.SMTP": &w.cloud.SMTP,
		"Cloud.Authority": &w.cloud.Authority, "Cloud.Resource": &w.cloud.Resource,
	}
	if name == "Scopes" {
		w.scopes = strings.Fields(value)
		return nil
	}
	field, ok := fields[name]
	if !ok {
		return errors.New("there is no setting " + name)
	}
	*field = value
	return nil
}

// connect is what the program itself does.
func (w *world) connect(ctx context.Context) error {
	source, smtpUser := w.source(), w.mailbox
	username := w.mailbox
	if w.username != "" {
		username = w.username
	}
	if w.kind == delegate {
		smtpUser = adele
	}
	if w.smtpUsername != "" {
		smtpUser = w.smtpUsername
	}
	c, err := (&imapdial.Dialer{TokenSource: source, Addr: w.cloud.IMAP, TLSConfig: w.tls, DialContext: w.dial}).Dial(ctx, username)
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := (&smtpdial.Dialer{TokenSource: source, Addr: w.cloud.SMTP, TLSConfig: w.tls, DialContext: w.dial}).Dial(ctx, smtpUser)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.SendMail(w.mailbox, []string{w.mailbox}, strings.NewReader("From: "+w.mailbox+"\r\n\r\nHello.\r\n"))
}

// without returns the roles but for some.
func without(roles ...string) []string {
	return slices.DeleteFunc(slices.Clone(allRoles), func(r string) bool { return slices.Contains(roles, r) })
}

// do has an administrator of the tenant run a script.
func do(tenant *exchangetest.Tenant, script string) {
	_, err := tenant.Admin(script)
	must(err)
}
