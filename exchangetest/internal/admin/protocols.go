package admin

import (
	"fmt"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/powershell"
)

// protocolCmdlets are those that switch protocols on and off.
func (s shell) protocolCmdlets() []*powershell.Command {
	cas := with(params("Identity!"), powershell.Bool, "ImapEnabled", "PopEnabled")
	cas = with(cas, powershell.OptionalBool, "SmtpClientAuthenticationDisabled")
	return []*powershell.Command{
		{Name: "Set-CASMailbox", Params: cas, Run: does(s.setCAS)},
		{Name: "Get-CASMailbox", Params: params("Identity!"), Run: s.getCAS},
		{
			Name: "Set-TransportConfig", Params: with(nil, powershell.Bool, "SmtpClientAuthenticationDisabled"),
			Run: does(func(a powershell.Args) error {
				s.t.Change(func(st *directory.TenantState) { set(a, "SmtpClientAuthenticationDisabled", &st.SMTPDisabled) })
				return nil
			}),
		},
		{Name: "Get-TransportConfig", Run: func(powershell.Args) ([]any, error) {
			return []any{powershell.NewObject("SmtpClientAuthenticationDisabled", s.t.State().SMTPDisabled)}, nil
		}},
		{Name: "Get-Mailbox", Params: params("Identity!"), Run: s.getMailbox},
		{Name: "Get-EXOMailbox", Params: params("Identity!"), Run: s.getMailbox},
	}
}

func (s shell) setCAS(a powershell.Args) error {
	m, err := s.t.Mailbox(a.Text("Identity"))
	if err != nil {
		return err
	}
	m.ChangeCAS(func(c *directory.CAS) {
		for name, to := range map[string]**bool{"ImapEnabled": &c.IMAP, "PopEnabled": &c.POP, "SmtpClientAuthenticationDisabled": &c.SMTPDisabled} {
			if !a.Has(name) {
				continue
			}
			*to = nil
			if b, ok := a[strings.ToLower(name)].(bool); ok {
				*to = &b
			}
		}
	})
	return nil
}

func (s shell) getCAS(a powershell.Args) ([]any, error) {
	m, err := s.t.Mailbox(a.Text("Identity"))
	if err != nil {
		return nil, err
	}
	cas, enabled := m.CAS(), func(b *bool) bool { return b == nil || *b }
	var smtp any
	if cas.SMTPDisabled != nil {
		smtp = *cas.SMTPDisabled
	}
	return []any{powershell.NewObject(
		"Identity", m.Address, "ImapEnabled", enabled(cas.IMAP), "PopEnabled", enabled(cas.POP), "SmtpClientAuthenticationDisabled", smtp,
	)}, nil
}

func (s shell) getMailbox(a powershell.Args) ([]any, error) {
	m, err := s.t.Mailbox(a.Text("Identity"))
	if err != nil {
		return nil, err
	}
	return []any{recipient(m.Address, m.Kind())}, nil
}

// policyCmdlets are those that say where a password is taken.
func (s shell) policyCmdlets() []*powershell.Command {
	policy := func(first string) []powershell.Param {
		return with(params(first), powershell.Switch, "AllowBasicAuthImap", "AllowBasicAuthPop", "AllowBasicAuthSmtp")
	}
	return []*powershell.Command{
		{Name: "New-AuthenticationPolicy", Params: policy("Name!"), Run: func(a powershell.Args) ([]any, error) {
			p := directory.Policy{Name: a.Text("Name")}
			setPolicy(a, &p)
			if err := s.t.AddPolicy(p); err != nil {
				return nil, err
			}
			return []any{policyRow(p)}, nil
		}},
		{Name: "Set-AuthenticationPolicy", Params: policy("Identity!"), Run: does(func(a powershell.Args) error {
			return s.t.ChangePolicy(a.Text("Identity"), func(p *directory.Policy) { setPolicy(a, p) })
		})},
		{Name: "Get-AuthenticationPolicy", Params: params("Identity"), Run: s.getPolicies},
		{Name: "Remove-AuthenticationPolicy", Params: params("Identity!"), Run: does(func(a powershell.Args) error {
			return s.t.RemovePolicy(a.Text("Identity"))
		})},
		{Name: "Set-User", Params: params("Identity!", "AuthenticationPolicy"), Run: does(func(a powershell.Args) error {
			if !a.Has("AuthenticationPolicy") {
				return missing("AuthenticationPolicy")
			}
			return s.t.AssignPolicy(a.Text("Identity"), a.Text("AuthenticationPolicy"))
		})},
		{Name: "Set-OrganizationConfig", Params: with(nil, powershell.String, "DefaultAuthenticationPolicy"), Run: does(s.setDefaultPolicy)},
	}
}

func missing(param string) error { return fmt.Errorf("the parameter -%s is missing", param) }

func (s shell) setDefaultPolicy(a powershell.Args) error {
	if !a.Has("DefaultAuthenticationPolicy") {
		return missing("DefaultAuthenticationPolicy")
	}
	name := a.Text("DefaultAuthenticationPolicy")
	if name != "" {
		if _, err := s.t.FindPolicy(name); err != nil {
			return err
		}
	}
	s.t.Change(func(st *directory.TenantState) { st.Policy = name })
	return nil
}

func setPolicy(a powershell.Args, p *directory.Policy) {
	set(a, "AllowBasicAuthImap", &p.IMAP)
	set(a, "AllowBasicAuthPop", &p.POP)
	set(a, "AllowBasicAuthSmtp", &p.SMTP)
}

func policyRow(p directory.Policy) *powershell.Object {
	return powershell.NewObject("Name", p.Name, "AllowBasicAuthImap", p.IMAP, "AllowBasicAuthPop", p.POP, "AllowBasicAuthSmtp", p.SMTP, "Identity", p.Name)
}

func (s shell) getPolicies(a powershell.Args) ([]any, error) {
	list := s.t.Policies()
	if a.Has("Identity") {
		p, err := s.t.FindPolicy(a.Text("Identity"))
		if err != nil {
			return nil, err
		}
		list = []directory.Policy{p}
	}
	var rows []any
	for _, p := range list {
		rows = append(rows, policyRow(p))
	}
	return rows, nil
}
