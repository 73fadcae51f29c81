// Package clouds knows the names of Microsoft's servers and of Exchange Online's
// resources, in all clouds. The maps that its functions return are shared and
// must not be modified. Names are in lower case.
package clouds

import (
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/exoauth/exoauth"
)

// HVEHost and OldHVEHost are where High Volume Email for Microsoft 365 takes
// messages.
// (https://learn.microsoft.com/exchange/mail-flow-best-practices/high-volume-mails-m365)
const (
	HVEHost    = "smtp.hve.mx.microsoft"
	OldHVEHost = "smtp-hve.office365.com"
)

// LoginHost returns the name of Entra ID in a cloud, empty for the zero Cloud.
func LoginHost(c exoauth.Cloud) string { return strings.TrimPrefix(c.Authority, "https://") }

// LoginHosts returns the names of Entra ID.
var LoginHosts = sync.OnceValue(func() map[string]bool {
	hosts := make(map[string]bool)
	for _, c := range exoauth.Clouds() {
		if u, err := url.Parse(c.Authority); err == nil {
			hosts[strings.ToLower(u.Hostname())] = true
		}
	}
	return hosts
})

// Names are those that Entra ID goes by in one cloud: the one to send requests to,
// the one that tokens are cached under, and all.
type Names struct {
	Network, Cache string
	Aliases        []string
}

// LoginNames returns those of each cloud, as Entra ID tells them
// (https://login.microsoftonline.com/common/discovery/instance?api-version=1.1&authorization_endpoint=https://login.microsoftonline.com/common/oauth2/authorize).
func LoginNames() []Names {
	return []Names{
		{"login.microsoftonline.com", "login.windows.net", []string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"}},
		{"login.partner.microsoftonline.cn", "login.partner.microsoftonline.cn", []string{"login.partner.microsoftonline.cn", "login.chinacloudapi.cn"}},
		{"login.microsoftonline.de", "login.microsoftonline.de", []string{"login.microsoftonline.de"}},
		{"login.microsoftonline.us", "login.microsoftonline.us", []string{"login.microsoftonline.us", "login.usgovcloudapi.net"}},
		{"login-us.microsoftonline.com", "login-us.microsoftonline.com", []string{"login-us.microsoftonline.com"}},
	}
}

// LoginAliases returns the names that Entra ID goes by, in all clouds.
var LoginAliases = sync.OnceValue(func() map[string]bool {
	aliases := make(map[string]bool)
	for _, names := range LoginNames() {
		for _, alias := range names.Aliases {
			aliases[alias] = true
		}
	}
	return aliases
})

// MailHosts returns the names of the IMAP and of the SMTP servers, with those
// that outlook.com goes by.
var MailHosts = sync.OnceValues(func() (imap, smtp map[string]bool) {
	imap = map[string]bool{"imap-mail.outlook.com": true}
	smtp = map[string]bool{"smtp-mail.outlook.com": true}
	for _, c := range exoauth.Clouds() {
		for addr, hosts := range map[string]map[string]bool{c.IMAP: imap, c.SMTP: smtp} {
			if host, _, err := net.SplitHostPort(addr); err == nil {
				hosts[strings.ToLower(host)] = true
			}
		}
	}
	return imap, smtp
})

// Servers returns the names of all these servers, sorted.
func Servers() []string {
	imap, smtp := MailHosts()
	names := []string{HVEHost, OldHVEHost}
	for _, hosts := range []map[string]bool{LoginHosts(), imap, smtp} {
		names = slices.AppendSeq(names, maps.Keys(hosts))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// IsExchange reports whether tokens for the resource are for Exchange Online,
// in whichever cloud.
func IsExchange(resource string) bool { return isExchange(resource, "") }

// IsExchangeAt is IsExchange for the clouds in which Entra ID has the name.
func IsExchangeAt(login, resource string) bool { return login != "" && isExchange(resource, login) }

func isExchange(resource, login string) bool {
	resource = strings.TrimSuffix(resource, "/")
	return slices.ContainsFunc(exoauth.Clouds(), func(c exoauth.Cloud) bool {
		return (login == "" || LoginHost(c) == login) && (resource == c.Resource || resource == c.UserResource)
	})
}
