package exchangetest

import (
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/powershell"
)

// protocolCmdlets are those that switch protocols on and off.
func (t *Tenant) protocolCmdlets() []*powershell.Command {
	cas := with(params("Identity!"), powershell.Bool, "ImapEnabled", "PopEnabled")
	cas = with(cas, powershell.OptionalBool, "SmtpClientAuthenticationDisabled")
	return []*powershell.Command{
		{Name: "Set-CASMailbox", Params: cas, Run: t.setCAS},
		{Name: "Get-CASMailbox", Params: params("Identity!"), Run: t.getCAS},
		{
			Name: "Set-TransportConfig", Params: with(nil, powershell.Bool, "SmtpClientAuthenticationDisabled"),
			Run: t.setTransport,
		},
		{Name: "Get-TransportConfig", Run: func(powershell.Args) ([]any, error) {
			t.dir.mu.Lock()
			defer t.dir.mu.Unlock()
			return []any{powershell.NewObject("SmtpClientAuthenticationDisabled", t.transport.SmtpClientAuthenticationDisabled)}, nil
		}},
		{Name: "Get-Mailbox", Params: params("Identity!"), Run: t.getMailbox},
		{Name: "Get-EXOMailbox", Params: params("Identity!"), Run: t.getMailbox},
	}
}

// setCAS changes the switches that were given, unlike [Tenant.SetCASMailbox].
func (t *Tenant) setCAS(a powershell.Args) ([]any, error) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	m, err := t.mailboxLocked("Set-CASMailbox", a.Text("Identity"))
	if err != nil {
		return nil, err
	}
	set := func(name string, to **bool) {
		if !a.Has(name) {
			return
		}
		*to = nil
		if b, ok := a[strings.ToLower(name)].(bool); ok {
			*to = &b
		}
	}
	set("ImapEnabled", &m.cas.ImapEnabled)
	set("PopEnabled", &m.cas.PopEnabled)
	set("SmtpClientAuthenticationDisabled", &m.cas.SmtpClientAuthenticationDisabled)
	return nil, nil
}

func (t *Tenant) getCAS(a powershell.Args) ([]any, error) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	m, err := t.mailboxLocked("Get-CASMailbox", a.Text("Identity"))
	if err != nil {
		return nil, err
	}
	var smtp any
	if disabled := m.cas.SmtpClientAuthenticationDisabled; disabled != nil {
		smtp = *disabled
	}
	return []any{powershell.NewObject(
		"Identity", m.Address,
		"ImapEnabled", enabled(m.cas.ImapEnabled), "PopEnabled", enabled(m.cas.PopEnabled),
		"SmtpClientAuthenticationDisabled", smtp,
	)}, nil
}

// enabled reports the value of a switch that is on unless set.
func enabled(b *bool) bool { return b == nil || *b }

func (t *Tenant) setTransport(a powershell.Args) ([]any, error) {
	if a.Has("SmtpClientAuthenticationDisabled") {
		t.SetTransportConfig(TransportConfig{SmtpClientAuthenticationDisabled: a.Bool("SmtpClientAuthenticationDisabled")})
	}
	return nil, nil
}

func (t *Tenant) getMailbox(a powershell.Args) ([]any, error) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	m, err := t.mailboxLocked("Get-Mailbox", a.Text("Identity"))
	if err != nil {
		return nil, err
	}
	return []any{m.recipient()}, nil
}
