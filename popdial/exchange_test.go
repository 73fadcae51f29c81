package popdial_test

import (
	"context"
	"errors"
	"net"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/popdial"
)

// exchange is a healthy set-up: an application with full access to a shared
// mailbox, in which there is a message.
type exchange struct {
	*exchangetest.Server
	app *exchangetest.App
}

func newExchange(t *testing.T) exchange {
	t.Helper()
	mailtest.NoLeaks(t)
	srv := exchangetest.NewServer()
	t.Cleanup(srv.Close)
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.POPAccessAsApp)
	contoso.AddMailbox(mailbox).Append("INBOX", []byte(message))
	contoso.Grant(app, mailbox)
	return exchange{srv, app}
}

const message = "Subject: Invoice 17\r\n\r\n.hidden\r\nPaid.\r\n"

// dialer has the addresses of production.
func (e exchange) dialer(token string) *popdial.Dialer {
	return &popdial.Dialer{
		TokenSource: staticSource(token),
		TLSConfig:   e.TLSConfig(),
		DialContext: e.DialContext,
	}
}

// retrieve reads the first message with net/textproto, as clients of POP3 do.
func retrieve(conn net.Conn) (string, error) {
	c := textproto.NewConn(conn)
	defer c.Close()
	for _, command := range []string{"", "CAPA", "STAT", "RETR 1"} {
		if command != "" {
			c.PrintfLine("%s", command)
		}
		line, err := c.ReadLine()
		if err != nil || !strings.HasPrefix(line, "+OK") {
			return "", errors.Join(errors.New(command+": "+line), err)
		}
		if command == "CAPA" {
			if _, err := c.ReadDotLines(); err != nil {
				return "", err
			}
		}
	}
	text, err := c.ReadDotBytes()
	c.PrintfLine("QUIT")
	_, quit := c.ReadLine()
	return string(text), errors.Join(err, quit)
}

func TestExchange(t *testing.T) {
	for name, row := range map[string]struct {
		token   exchangetest.TokenOptions
		change  func(e exchange)
		refused bool
	}{
		"all well":                      {},
		"token for Graph":               {exchangetest.TokenOptions{Audience: "https://graph.microsoft.com"}, nil, true},
		"token expired":                 {exchangetest.TokenOptions{Lifetime: -time.Hour}, nil, true},
		"token without the role":        {exchangetest.TokenOptions{Roles: []string{exchangetest.IMAPAccessAsApp}}, nil, true},
		"application without the grant": {exchangetest.TokenOptions{}, func(e exchange) { do(t, e.Tenant(), "Remove-ServicePrincipal "+e.app.ClientID+" -Confirm:$false") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			e := newExchange(t)
			if row.change != nil {
				row.change(e)
			}
			conn, err := e.dialer(e.app.Token(&row.token)).DialConn(t.Context(), mailbox)
			if popdial.Refused(err) != row.refused || (err != nil) != row.refused {
				t.Fatalf("error %v, want a refusal: %t", err, row.refused)
			}
			if err != nil {
				if refusal, ok := errors.AsType[*popdial.ReplyError](err); !ok || refusal.Error() != refused {
					t.Errorf("error %v, want %q", err, refused)
				}
				return
			}
			if text, err := retrieve(conn); text != strings.ReplaceAll(message, "\r\n", "\n") || err != nil {
				t.Errorf("message %q, %v", text, err)
			}
		})
	}
}

func TestRoundTrips(t *testing.T) {
	const delay = 25 * time.Millisecond
	for name, row := range map[string]struct {
		addr string
		stls bool
		want int
	}{
		"TLS: TCP, TLS, greeting, AUTH, token":     {"", false, 5},
		"another host":                             {"localhost:995", false, 5},
		"STLS: TCP, greeting, STLS, TLS, 2 × AUTH": {"", true, 6},
	} {
		t.Run(name, func(t *testing.T) {
			e := newExchange(t)
			to := e.Cloud().POP
			if row.stls {
				to = e.Addrs().POPStartTLS
			}
			forwarder := mailtest.NewForwarder(t, to, delay)
			d := e.dialer(e.app.Token(nil))
			d.Addr, d.StartTLS = row.addr, row.stls
			d.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, forwarder.Addr)
			}
			start := time.Now()
			conn, err := d.DialConn(t.Context(), mailbox)
			took, waits := time.Since(start), forwarder.Waits()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			t.Logf("%d waits; %v is %.2f round trips of %v and one for TCP", waits, took, float64(took)/float64(2*delay), 2*delay)
			if waits != row.want {
				t.Errorf("%d round trips, want %d", waits, row.want)
			}
			if floor := time.Duration(row.want-1) * 2 * delay; took < floor {
				t.Errorf("took %v, which is less than the forwarder's delay of %v allows: the count is wrong", took, floor)
			}
		})
	}
}

func TestClouds(t *testing.T) {
	e := newExchange(t)
	for _, cloud := range exoauth.Clouds() {
		d := e.dialer(e.app.Token(nil))
		d.Addr = cloud.POP
		conn, err := d.DialConn(t.Context(), mailbox)
		if err != nil {
			t.Errorf("%s: %v", cloud.POP, err)
			continue
		}
		conn.Close()
	}
}

// do carries out an administrator's command.
func do(t *testing.T, tenant *exchangetest.Tenant, script string) {
	t.Helper()
	if _, err := tenant.Admin(script); err != nil {
		t.Fatal(err)
	}
}
