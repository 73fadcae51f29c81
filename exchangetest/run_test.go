package exchangetest

import (
	"fmt"
	"strings"
	"testing"
)

// A fakeTest is one that may fail without harm.
type fakeTest struct {
	testing.TB
	failed   bool
	cleanups []func()
	lines    []string
}

func (t *fakeTest) Helper()          {}
func (t *fakeTest) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }
func (t *fakeTest) Failed() bool     { return t.failed }
func (t *fakeTest) Log(args ...any)  { t.lines = append(t.lines, fmt.Sprint(args...)) }
func (t *fakeTest) Errorf(format string, args ...any) {
	t.failed = true
	t.Log(fmt.Sprintf(format, args...))
}

// A test that fails is told why a login was refused, and of a fault that has
// never struck; one that does not fail is told nothing.
func TestRunTells(t *testing.T) {
	const (
		session = `exchangetest: the IMAP session of "invoices@contoso.com" was refused: the application`
		request = "exchangetest: the request for a token (client_credentials) of the application"
		fault   = "exchangetest: Fault{IMAP, SELECT} has never struck"
	)
	for _, row := range []struct {
		name         string
		fails, fault bool
		want         []string
	}{
		{"that passes", false, false, nil},
		{"that fails", true, false, []string{request, session}},
		{"whose fault never strikes", false, true, []string{fault, request, session}},
	} {
		t.Run(row.name, func(t *testing.T) {
			fake := &fakeTest{TB: t}
			w := &world{Server: Run(fake)}
			w.tenant = w.Server.Tenant()
			w.app = w.tenant.AddApp("Invoices", IMAPAccessAsApp)
			w.tenant.AddMailbox(shared)
			c := w.dialIMAP(t)
			c.send("A AUTHENTICATE XOAUTH2 " + xoauth2IR(shared, w.app.Token(nil)))
			c.want("A NO AUTHENTICATE failed.")
			form := w.form()
			form.Set("client_secret", "misspelt")
			w.post(t, w.tenant.ID, form)
			if row.fault {
				w.Inject(Fault{At: AtIMAP, Command: "select", Drop: true})
				w.Inject(Fault{At: AtPOP, Command: "STAT", Drop: true})
				w.ClearFaults()
				w.Inject(Fault{At: AtIMAP, Command: "SELECT", Drop: true})
			}
			if row.fails {
				fake.failed = true
			}
			for _, f := range fake.cleanups {
				f()
			}
			if len(fake.lines) != len(row.want) {
				t.Fatalf("told %q", fake.lines)
			}
			for i, want := range row.want {
				if !strings.HasPrefix(fake.lines[i], want) {
					t.Errorf("told %q, want %q", fake.lines[i], want)
				}
			}
		})
	}
}

// A call that cannot be meant panics with its reason, and leaves no lock: the
// directory, the faults and the life of the server are used after it.
func TestWrongUseLeavesNoLock(t *testing.T) {
	w := newWorld(t)
	there := w.AddTenant("fabrikam.com").AddApp("Orders")
	for want, call := range map[string]func(){
		`Grant: the application "Orders" is another tenant's`: func() { w.tenant.Grant(there, shared) },
		`Grant: the application is nil`:                       func() { w.tenant.Grant(nil, shared) },
		`Grant: there is no mailbox "x@contoso.com"`:          func() { w.tenant.Grant(w.app, "x@contoso.com") },
		`AddRedirectURI: there is no Platform(7)`:             func() { w.app.AddRedirectURI(Platform(7), "http://localhost") },
		`AddHost: there is no HostKind(42)`:                   func() { w.AddHost(HostKind(42)) },
		`AddHost: App{Invoices`:                               func() { w.AddHost(VM, w.app) },
		`InstallApp: nil in place of`:                         func() { w.tenant.InstallApp(nil) },
		`Inject: no client can send "SELCT" at IMAP`:          func() { w.Inject(Fault{At: AtIMAP, Command: "SELCT", Drop: true}) },
		`Inject: no client can send "/token" at Entra ID`:     func() { w.Inject(Fault{At: AtEntra, Command: "/token", Status: 500}) },
	} {
		t.Run(want, func(t *testing.T) {
			mustPanic(t, want, call)
			w.tenant.Grant(w.app, shared)
			w.AddHost(VM)
			w.Inject(Fault{At: AtIMAP, Command: "SELECT", Drop: true})
			w.ClearFaults()
		})
	}
}

// Folders have names in other scripts, and with what IMAP encodes.
func TestFolderNames(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"R&D", "Überweisungen", "請求書", `a "b" \c`, "&", "Rechnungen/R&D 🧾"} {
		w.mailbox.CreateFolder(name)
		w.mailbox.Append(name, []byte("Subject: 1\r\n\r\n"))
		if got := len(w.mailbox.Messages(name)); got != 1 {
			t.Errorf("%s has %d messages", name, got)
		}
	}
}
