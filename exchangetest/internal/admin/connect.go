package admin

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest/internal/azcli"
	"github.com/exoauth/exoauth/exchangetest/internal/clouds"
	"github.com/exoauth/exoauth/exchangetest/internal/powershell"
)

// connections are those of a shell. A script that connects by itself must do so
// for each module, as in a fresh shell; one that does not is typed where the
// administrator is connected.
type connections struct {
	strict   bool
	exchange bool
	graph    bool
	scopes   []string // of Graph
	az       bool
	azCloud  string
}

// connects finds what makes a script one for a fresh shell.
var connects = regexp.MustCompile(`(?im)^\s*(Connect-(ExchangeOnline|MgGraph)|az\s+login)\b`)

// An environment is how the modules name a cloud.
// (https://learn.microsoft.com/powershell/exchange/connect-to-exchange-online-powershell,
// https://learn.microsoft.com/powershell/microsoftgraph/authentication-commands,
// https://learn.microsoft.com/cli/azure/manage-clouds-azure-cli)
type environment struct{ exchange, graph, az string }

var environments = map[string][]environment{
	clouds.LoginHost(exoauth.Global):  {{"O365Default", "Global", "AzureCloud"}},
	clouds.LoginHost(exoauth.GCCHigh): {{"O365USGovGCCHigh", "USGov", "AzureUSGovernment"}, {"O365USGovDoD", "USGovDoD", "AzureUSGovernment"}},
	clouds.LoginHost(exoauth.China):   {{"O365China", "China", "AzureChinaCloud"}},
}

// checkEnvironment refuses a name that no cloud has, and that of another cloud
// than the tenant's.
func (s shell) checkEnvironment(param, name string, of func(environment) string) error {
	login := s.t.State().Login
	var all, right []string
	for _, host := range slices.Sorted(maps.Keys(environments)) {
		for _, e := range environments[host] {
			all = append(all, of(e))
			if login == "" || login == host {
				right = append(right, of(e))
			}
		}
	}
	has := func(list []string) bool {
		return slices.ContainsFunc(list, func(e string) bool { return strings.EqualFold(e, name) })
	}
	switch {
	case !has(all):
		return fmt.Errorf("%s takes %s, not %q", param, strings.Join(slices.Compact(all), ", "), name)
	case !has(right):
		return fmt.Errorf("the tenant is not in the cloud of %s %s; it is %s", param, name, strings.Join(slices.Compact(right), " or "))
	}
	return nil
}

func (s shell) connectCommands() []*powershell.Command {
	nothing := does(func(powershell.Args) error { return nil })
	return []*powershell.Command{
		{Name: "az", Native: func(args []string) ([]any, error) { return azcli.Run(s.azCommands(), args) }},
		{
			Name:   "Connect-ExchangeOnline",
			Params: with(with(nil, powershell.String, "UserPrincipalName", "ExchangeEnvironmentName", "Organization", "DelegatedOrganization"), powershell.Switch, "ShowBanner", "Device", "DisableWAM"),
			Run: does(func(a powershell.Args) error {
				name := a.Text("ExchangeEnvironmentName")
				if name == "" {
					name = "O365Default"
				}
				s.conn.exchange = true
				return s.checkEnvironment("-ExchangeEnvironmentName", name, func(e environment) string { return e.exchange })
			}),
		},
		{
			Name:   "Connect-MgGraph",
			Params: with(with(with(nil, powershell.List, "Scopes"), powershell.String, "TenantId", "Environment", "ContextScope"), powershell.Switch, "NoWelcome", "UseDeviceCode"),
			Run: does(func(a powershell.Args) error {
				name := a.Text("Environment")
				if name == "" {
					name = "Global"
				}
				s.conn.graph, s.conn.scopes = true, a.List("Scopes")
				return s.checkEnvironment("-Environment", name, func(e environment) string { return e.graph })
			}),
		},
		{Name: "Disconnect-ExchangeOnline", Run: does(func(powershell.Args) error { s.conn.exchange = false; return nil }), Params: nil},
		{Name: "Disconnect-MgGraph", Run: does(func(powershell.Args) error { s.conn.graph = false; return nil })},
		{Name: "Install-Module", Params: with(params("Name!"), powershell.String, "Scope", "Repository", "RequiredVersion", "MinimumVersion"), Run: nothing},
		{Name: "Import-Module", Params: params("Name!"), Run: nothing},
	}
}

// need has the cmdlets of a module want a connection.
func (s shell) need(connect string, list []*powershell.Command) []*powershell.Command {
	for _, c := range list {
		run := c.Run
		c.Run = func(a powershell.Args) ([]any, error) {
			if err := s.conn.check(connect, c.Name, a); err != nil {
				return nil, err
			}
			return run(a)
		}
	}
	return list
}

func (c *connections) check(connect, cmdlet string, a powershell.Args) error {
	graph := connect == "Connect-MgGraph"
	switch {
	case !c.strict:
		return nil
	case graph && !c.graph, !graph && !c.exchange:
		return fmt.Errorf("the shell is not connected; run %s first", connect)
	case !graph:
		return nil
	}
	scopes := scopesOf[cmdlet]
	if cmdlet == "Update-MgUser" && a.Has("AccountEnabled") {
		scopes = []string{"User.EnableDisableAccount.All"}
	}
	for _, scope := range scopes {
		if slices.ContainsFunc(c.scopes, func(s string) bool { return strings.EqualFold(s, scope) }) {
			return nil
		}
	}
	return fmt.Errorf("Authorization_RequestDenied: insufficient privileges; Connect-MgGraph needs -Scopes %s", scopes[0])
}

// scopesOf has the permissions of Graph for each cmdlet. Any one is enough; the
// least comes first.
// (https://learn.microsoft.com/graph/permissions-reference)
var scopesOf = map[string][]string{
	"Get-MgApplication":                                       {"Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All"},
	"Update-MgApplication":                                    {"Application.ReadWrite.All"},
	"Add-MgApplicationPassword":                               {"Application.ReadWrite.All"},
	"Remove-MgApplicationPassword":                            {"Application.ReadWrite.All"},
	"New-MgApplicationFederatedIdentityCredential":            {"Application.ReadWrite.All"},
	"Get-MgServicePrincipal":                                  {"Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All"},
	"New-MgServicePrincipal":                                  {"Application.ReadWrite.All"},
	"Update-MgServicePrincipal":                               {"Application.ReadWrite.All"},
	"New-MgServicePrincipalAppRoleAssignment":                 {"AppRoleAssignment.ReadWrite.All"},
	"Get-MgServicePrincipalAppRoleAssignment":                 {"Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All"},
	"Remove-MgServicePrincipalAppRoleAssignment":              {"AppRoleAssignment.ReadWrite.All"},
	"New-MgOauth2PermissionGrant":                             {"DelegatedPermissionGrant.ReadWrite.All"},
	"Get-MgOauth2PermissionGrant":                             {"Directory.Read.All", "DelegatedPermissionGrant.ReadWrite.All"},
	"Update-MgOauth2PermissionGrant":                          {"DelegatedPermissionGrant.ReadWrite.All"},
	"New-MgUser":                                              {"User.ReadWrite.All"},
	"Get-MgUser":                                              {"User.Read.All", "User.ReadWrite.All", "Directory.Read.All"},
	"Update-MgUser":                                           {"User.ReadWrite.All", "Directory.AccessAsUser.All"},
	"Revoke-MgUserSignInSession":                              {"User.RevokeSessions.All", "User.ReadWrite.All"},
	"New-MgUserAppRoleAssignment":                             {"AppRoleAssignment.ReadWrite.All"},
	"Update-MgPolicyIdentitySecurityDefaultEnforcementPolicy": {"Policy.ReadWrite.SecurityDefaults", "Policy.ReadWrite.ConditionalAccess"},
}

// needLogin has the commands of az want a login, and adds those that log in.
func (s shell) needLogin(commands map[string]azcli.Command) map[string]azcli.Command {
	for name, c := range commands {
		run := c.Run
		c.Run = func(o map[string]string) (*powershell.Object, error) {
			if s.conn.strict && !s.conn.az {
				return nil, fmt.Errorf("the shell is not logged in; run az login first")
			}
			return run(o)
		}
		commands[name] = c
	}
	commands["login"] = azcli.Command{Options: []string{"tenant", "allow-no-subscriptions=", "use-device-code="}, Run: func(o map[string]string) (*powershell.Object, error) {
		name := s.conn.azCloud
		if name == "" {
			name = "AzureCloud"
		}
		// Without the option, az fails for an administrator of mail, who has no
		// subscription.
		if o["allow-no-subscriptions"] == "" {
			return nil, fmt.Errorf("no subscriptions found; give --allow-no-subscriptions")
		}
		s.conn.az = true
		return nil, s.checkEnvironment("az cloud set --name", name, func(e environment) string { return e.az })
	}}
	commands["cloud set"] = azcli.Command{Options: []string{"name"}, Run: func(o map[string]string) (*powershell.Object, error) {
		s.conn.azCloud = o["name"]
		return nil, s.checkEnvironment("--name", o["name"], func(e environment) string { return e.az })
	}}
	return commands
}
