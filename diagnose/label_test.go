package diagnose_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/exoauth/exoauth/diagnose"
	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/tokensource"
	"github.com/exoauth/exoauth/trace"
)

func TestLabel(t *testing.T) {
	for name, row := range map[string]struct {
		err  error
		want string
	}{
		"nil":        {nil, ""},
		"certain":    {&tokensource.Error{AADSTS: []int{7000222}}, "expired-secret"},
		"ambiguous":  {errors.New("A3 BAD User is authenticated but not connected."), "no-full-access"},
		"unheard of": {errors.New("the sky has fallen on invoices@contoso.com"), "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			got := diagnose.Label(row.err)
			if got != row.want || row.err != nil && got != "unknown" && !slices.Contains(diagnose.Rules(), got) {
				t.Errorf("%q, want %q", got, row.want)
			}
		})
	}
}

// A service counts what its sources of tokens and its dialers do.
func ExampleLabel() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	contoso.AddMailbox("invoices@contoso.com")
	contoso.Grant(app, "invoices@contoso.com")
	do := func(script string) {
		if _, err := contoso.Admin(script); err != nil {
			panic(err)
		}
	}

	var tokens atomic.Int64
	dials := make(map[string]int) // in a program a counter with the labels protocol, step and reason
	hooks := &trace.Hooks{
		TokenServed: func(trace.TokenServed) { tokens.Add(1) },
		Dial:        func(d trace.Dial) { dials[fmt.Sprintf("%s %q %q", d.Protocol, d.Step, diagnose.Label(d.Err))]++ },
	}
	cfg := &tokensource.Config{
		Tenant: contoso.ID, ClientID: app.ClientID, Credential: tokensource.Secret(app.Secret),
		HTTPClient: srv.HTTPClient(), Trace: hooks,
	}
	dialer := &imapdial.Dialer{TokenSource: cfg.ClientCredentials(), TLSConfig: srv.TLSConfig(), DialContext: srv.DialContext, Trace: hooks}

	for _, mistake := range []string{"", "Remove-MailboxPermission invoices@contoso.com -User " + app.ClientID + " -AccessRights FullAccess -Confirm:$false", "Remove-ServicePrincipal " + app.ClientID + " -Confirm:$false"} {
		if mistake != "" {
			do(mistake)
		}
		if mailbox, err := dialer.Dial(context.Background(), "invoices@contoso.com"); err == nil {
			mailbox.Close()
		}
	}
	fmt.Println("tokens:", tokens.Load())
	for _, labels := range slices.Sorted(maps.Keys(dials)) {
		fmt.Println("dials:", labels, dials[labels])
	}
	// Output:
	// tokens: 4
	// dials: imap "" "" 1
	// dials: imap "authenticate" "app-not-registered" 1
	// dials: imap "open" "no-full-access" 1
}
