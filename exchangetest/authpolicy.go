package exchangetest

import (
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/resource"
)

// AuthenticationPolicy says in which protocols Exchange takes a password
// ("basic authentication") from a user whom the policy is assigned to. The zero
// value is in none, and so it is without a policy: Exchange Online takes no
// password for IMAP and POP3 any more whatever the policy says, and many
// tenants have switched it off for SMTP. Switched on here, a client meets what
// older servers do and some tenants still do for SMTP.
// (https://learn.microsoft.com/powershell/module/exchangepowershell/new-authenticationpolicy)
type AuthenticationPolicy struct {
	AllowBasicAuthImap bool // LOGIN and AUTHENTICATE PLAIN
	AllowBasicAuthPop  bool // USER with PASS, and AUTH PLAIN
	AllowBasicAuthSmtp bool // AUTH LOGIN, where SMTP AUTH is not disabled
}

// basic returns the switch for a protocol, and its name.
func (p AuthenticationPolicy) basic(protocol resource.Permission) (name string, on bool) {
	switch protocol {
	case resource.IMAP:
		return "AllowBasicAuthImap", p.AllowBasicAuthImap
	case resource.POP:
		return "AllowBasicAuthPop", p.AllowBasicAuthPop
	}
	return "AllowBasicAuthSmtp", p.AllowBasicAuthSmtp
}

// passwordRules are the authentication policies of a tenant. Names are in lower
// case.
type passwordRules struct {
	policies map[string]namedPolicy
	users    map[string]string // names of policies, by UPN
	fallback string            // name of the policy of the others
}

type namedPolicy struct {
	name string // as it was given
	AuthenticationPolicy
}

// NewAuthenticationPolicy makes a policy, as the cmdlet
// New-AuthenticationPolicy -Name does. It is without effect until it is
// assigned.
func (t *Tenant) NewAuthenticationPolicy(name string, policy AuthenticationPolicy) error {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	switch old, exists := t.passwords.policies[strings.ToLower(name)]; {
	case name == "":
		return cmdletErrorf("New-AuthenticationPolicy", "a policy has a name")
	case exists:
		return cmdletErrorf("New-AuthenticationPolicy", "there is an authentication policy %q already", old.name)
	}
	t.passwords.policies[strings.ToLower(name)] = namedPolicy{name, policy}
	return nil
}

// SetAuthenticationPolicy sets the switches of a policy, all of them, as the
// cmdlet Set-AuthenticationPolicy -Identity does with those it is given.
func (t *Tenant) SetAuthenticationPolicy(name string, to AuthenticationPolicy) error {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	p, err := t.policyLocked("Set-AuthenticationPolicy", name)
	if err == nil {
		t.passwords.policies[strings.ToLower(name)] = namedPolicy{p.name, to}
	}
	return err
}

// SetUserAuthenticationPolicy assigns a policy to a user, as the cmdlet
// Set-User -Identity -AuthenticationPolicy does. identity is the UPN. An empty
// policy takes back what was assigned.
func (t *Tenant) SetUserAuthenticationPolicy(identity, policy string) error {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	upn := strings.ToLower(identity)
	if t.users[upn] == nil {
		return cmdletErrorf("Set-User", "there is no user %q in %s", identity, t.Domains[0])
	}
	if policy == "" {
		delete(t.passwords.users, upn)
		return nil
	}
	_, err := t.policyLocked("Set-User", policy)
	if err == nil {
		t.passwords.users[upn] = strings.ToLower(policy)
	}
	return err
}

// SetDefaultAuthenticationPolicy assigns a policy to every user who has none,
// as the cmdlet Set-OrganizationConfig -DefaultAuthenticationPolicy does. An
// empty policy takes back what was assigned.
func (t *Tenant) SetDefaultAuthenticationPolicy(policy string) error {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	if policy != "" {
		if _, err := t.policyLocked("Set-OrganizationConfig", policy); err != nil {
			return err
		}
	}
	t.passwords.fallback = strings.ToLower(policy)
	return nil
}

func (t *Tenant) policyLocked(cmdlet, name string) (namedPolicy, error) {
	p, ok := t.passwords.policies[strings.ToLower(name)]
	if !ok {
		return p, cmdletErrorf(cmdlet, "there is no authentication policy %q; make it with New-AuthenticationPolicy", name)
	}
	return p, nil
}

// authenticationPolicy returns the policy that holds for a user. One that was
// removed allows nothing.
func (d *directory) authenticationPolicy(upn string) AuthenticationPolicy {
	upn = strings.ToLower(upn)
	_, domain, _ := strings.Cut(upn, "@")
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.tenants[domain]
	if t == nil {
		return AuthenticationPolicy{}
	}
	name, assigned := t.passwords.users[upn]
	if !assigned {
		name = t.passwords.fallback
	}
	return t.passwords.policies[name].AuthenticationPolicy
}
