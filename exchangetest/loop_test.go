package exchangetest

import (
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
	p.app.AllowPublicFlows(true)
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
	for range 5 {
		if resp, body := p.post(t, "contoso.com", p.form()); resp.StatusCode != 200 {
			t.Error("the application's own flow:", body)
		}
	}
	if got := s.Hits("token"); got != 13 {
		t.Errorf("%d hits", got)
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
