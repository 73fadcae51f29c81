// Package resource knows Microsoft's own resources: their application ids, and
// the permissions of Office 365 Exchange Online that concern mail.
package resource

import (
	"slices"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/guid"
)

// The application ids of Microsoft's resources.
const (
	ExchangeAppID = "00000002-0000-0ff1-ce00-000000000000"
	GraphAppID    = "00000003-0000-0000-c000-000000000000"
)

// Graph is the resource that a permission without one belongs to.
const Graph = "https://graph.microsoft.com"

// FederatedAudience is the audience of tokens that stand for an application.
const FederatedAudience = "api://AzureADTokenExchange"

// A Permission is what a protocol wants to find in a token: an app role, or a
// delegated permission.
type Permission struct{ Role, Scope string }

// The permissions of the protocols.
var (
	IMAP = Permission{"IMAP.AccessAsApp", "IMAP.AccessAsUser.All"}
	POP  = Permission{"POP.AccessAsApp", "POP.AccessAsUser.All"}
	SMTP = Permission{"SMTP.SendAsApp", "SMTP.Send"}
	HVE  = Permission{"Mail.Send", "Mail.Send"} // High Volume Email
)

// Roles and Scopes return the app roles and the delegated permissions.
func Roles() []string { return []string{IMAP.Role, POP.Role, SMTP.Role, HVE.Role} }

// Scopes is documented at [Roles].
func Scopes() []string { return []string{IMAP.Scope, POP.Scope, SMTP.Scope, HVE.Scope} }

// IsScope reports whether there is such a delegated permission, in any case.
func IsScope(name string) bool {
	return slices.ContainsFunc(Scopes(), func(s string) bool { return strings.EqualFold(s, name) })
}

// ID returns the id of a permission. Microsoft's are others: look them up by
// the value, here as there.
func ID(permission string) string { return guid.Of("permission " + permission) }

// RoleByID returns the app role with the id.
func RoleByID(id string) (string, bool) {
	roles := Roles()
	i := slices.IndexFunc(roles, func(r string) bool { return strings.EqualFold(ID(r), id) })
	if i < 0 {
		return "", false
	}
	return roles[i], true
}

// others are further resources that a program with mail in mind may ask for.
// Exchange refuses the tokens for them.
var others = map[string]bool{
	"graph.microsoft.com": true, "graph.microsoft.us": true, "dod-graph.microsoft.us": true, "microsoftgraph.chinacloudapi.cn": true,
	"graph.windows.net": true, "ps.outlook.com": true, "substrate.office.com": true, "management.azure.com": true, "vault.azure.net": true,
	"azureadtokenexchange": true, "azureadtokenexchangeusgov": true, "azureadtokenexchangechina": true,
	ExchangeAppID: true, GraphAppID: true,
}

// IsOther reports whether Microsoft has a resource with this host or
// application id.
func IsOther(name string) bool { return others[name] }
