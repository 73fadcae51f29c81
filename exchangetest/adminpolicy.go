package exchangetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/powershell"
)

// policyCmdlets are those that say where a password is taken.
func (t *Tenant) policyCmdlets() []*powershell.Command {
	policy := func(first string) []powershell.Param {
		return with(params(first), powershell.Switch, "AllowBasicAuthImap", "AllowBasicAuthPop", "AllowBasicAuthSmtp")
	}
	return []*powershell.Command{
		{Name: "New-AuthenticationPolicy", Params: policy("Name!"), Run: func(a powershell.Args) ([]any, error) {
			err := t.NewAuthenticationPolicy(a.Text("Name"), changed(AuthenticationPolicy{}, a))
			if err != nil {
				return nil, err
			}
			return t.getPolicies(powershell.Args{"identity": a.Text("Name")})
		}},
		{Name: "Set-AuthenticationPolicy", Params: policy("Identity!"), Run: t.setPolicy},
		{Name: "Get-AuthenticationPolicy", Params: params("Identity"), Run: t.getPolicies},
		{Name: "Remove-AuthenticationPolicy", Params: params("Identity!"), Run: t.removePolicy},
		{Name: "Set-User", Params: params("Identity!", "AuthenticationPolicy"), Run: func(a powershell.Args) ([]any, error) {
			return assign(a, "AuthenticationPolicy", func(policy string) error { return t.SetUserAuthenticationPolicy(a.Text("Identity"), policy) })
		}},
		{Name: "Set-OrganizationConfig", Params: with(nil, powershell.String, "DefaultAuthenticationPolicy"), Run: func(a powershell.Args) ([]any, error) {
			return assign(a, "DefaultAuthenticationPolicy", t.SetDefaultAuthenticationPolicy)
		}},
	}
}

// assign assigns the policy that a parameter names; $null is none.
func assign(a powershell.Args, name string, set func(policy string) error) ([]any, error) {
	if !a.Has(name) {
		return nil, fmt.Errorf("the parameter -%s is missing", name)
	}
	return nil, set(a.Text(name))
}

// changed returns a policy with the switches that were given.
func changed(p AuthenticationPolicy, a powershell.Args) AuthenticationPolicy {
	for name, to := range map[string]*bool{
		"AllowBasicAuthImap": &p.AllowBasicAuthImap, "AllowBasicAuthPop": &p.AllowBasicAuthPop, "AllowBasicAuthSmtp": &p.AllowBasicAuthSmtp,
	} {
		if a.Has(name) {
			*to = a.Bool(name)
		}
	}
	return p
}

// setPolicy changes the switches that were given, unlike
// [Tenant.SetAuthenticationPolicy].
func (t *Tenant) setPolicy(a powershell.Args) ([]any, error) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	p, err := t.policyLocked("Set-AuthenticationPolicy", a.Text("Identity"))
	if err == nil {
		p.AuthenticationPolicy = changed(p.AuthenticationPolicy, a)
		t.passwords.policies[strings.ToLower(p.name)] = p
	}
	return nil, err
}

func (t *Tenant) getPolicies(a powershell.Args) ([]any, error) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	names := slices.Sorted(maps.Keys(t.passwords.policies))
	if a.Has("Identity") {
		if _, err := t.policyLocked("Get-AuthenticationPolicy", a.Text("Identity")); err != nil {
			return nil, err
		}
		names = []string{strings.ToLower(a.Text("Identity"))}
	}
	var rows []any
	for _, name := range names {
		p := t.passwords.policies[name]
		rows = append(rows, powershell.NewObject(
			"Name", p.name, "AllowBasicAuthImap", p.AllowBasicAuthImap,
			"AllowBasicAuthPop", p.AllowBasicAuthPop, "AllowBasicAuthSmtp", p.AllowBasicAuthSmtp, "Identity", p.name,
		))
	}
	return rows, nil
}

func (t *Tenant) removePolicy(a powershell.Args) ([]any, error) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	p, err := t.policyLocked("Remove-AuthenticationPolicy", a.Text("Identity"))
	if err == nil {
		delete(t.passwords.policies, strings.ToLower(p.name))
	}
	return nil, err
}
