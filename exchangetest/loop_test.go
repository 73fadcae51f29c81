package exchangetest

import (
	"strings"
	"testing"
	"time"
)

func TestLoopLimit(t *testing.T) {
	s := NewUnstartedServer()
	t.Cleanup(s.Close)
	s.LoopLimit = 3
	s.Start()
	p := &people{world: &world{Server: s, tenant: s.Tenant()}}
	p.app = p.tenant.AddApp("x")
	p.public = p.app
	p.user = p.tenant.AddUser("adele@contoso.com")
	p.app.SetPublicFlows(true)
	p.app.Consent(nil, IMAPAccessAsUser, SMTPSend)
	ask := func(pairs ...string) string {
		_, problem := p.redeem(t, "contoso.com", append(p.passwordForm(), pairs...)...)
		return problem
	}
	const loop = "invalid_grant [50196]"
	for i, want := range []string{"", "", "", loop, loop} {
		if got := ask(); got != want {
			t.Errorf("request %d: %q", i+1, got)
		}
	}
	if got := ask("client_info", "1"); got != "" {
		t.Error("another request:", got)
	}
	p.Advance(loopPause - time.Second)
	if got := ask(); got != loop {
		t.Error("a second short of two minutes:", got)
	}
	p.Advance(loopPause + time.Second)
	if got := ask(); got != "" {
		t.Error("after two minutes of rest:", got)
	}
	if got := s.Hits("token"); got != 8 {
		t.Errorf("%d hits", got)
	}
}

// An application without a user is told how long to wait.
func TestLoopLimitOfAnApplication(t *testing.T) {
	s := NewUnstartedServer()
	t.Cleanup(s.Close)
	s.LoopLimit = 3
	s.Start()
	w := &world{Server: s, tenant: s.Tenant(), app: s.Tenant().AddApp("x")}
	for i, want := range []int{200, 200, 200, 429, 429} {
		resp, body := w.post(t, "contoso.com", w.form())
		if resp.StatusCode != want {
			t.Errorf("request %d: %s", i+1, body)
		}
		if want == 429 && (resp.Header.Get("Retry-After") != "60" || strings.TrimSpace(body) != "Too Many Requests" || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain")) {
			t.Errorf("%v %q", resp.Header, body)
		}
	}
	if got := s.Requests()[4]; got.Status != 429 || got.AADSTS != 0 || got.Error != "Too Many Requests" {
		t.Errorf("recorded %+v", got)
	}
	w.Advance(appPause + time.Second)
	if resp, body := w.post(t, "contoso.com", w.form()); resp.StatusCode != 200 {
		t.Error("after a minute of rest:", body)
	}
}

func TestIdleTimeout(t *testing.T) {
	s := NewUnstartedServer()
	t.Cleanup(s.Close)
	s.IdleTimeout = 30 * time.Minute
	s.TokenLifetime = 24 * time.Hour
	s.Start()
	w := &world{Server: s, tenant: s.Tenant()}
	w.app = w.tenant.AddApp("x", IMAPAccessAsApp)
	w.tenant.AddMailbox(shared)
	w.tenant.Grant(w.app, shared)
	idling, quiet := w.authenticated(t, shared, w.app.Token(nil)), w.authenticated(t, shared, w.app.Token(nil))
	idling.send("A SELECT INBOX", "B IDLE")
	for idling.read() != idlePrompt+"\r\n" {
		continue
	}
	w.Advance(29 * time.Minute)
	quiet.send("A NOOP")
	quiet.want("A OK NOOP completed.")
	w.Advance(time.Minute)
	idling.want("* BYE Connection is closed. 13")
	idling.wantEOF()
	quiet.send("B NOOP")
	quiet.want("B OK NOOP completed.")
	w.Advance(30 * time.Minute)
	quiet.want("* BYE Connection is closed. 13")
	quiet.wantEOF()
}
