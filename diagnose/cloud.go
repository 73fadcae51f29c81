package diagnose

import (
	"net"
	"slices"
	"strings"

	"github.com/exoauth/exoauth"
)

// A nation is a Microsoft cloud with the names by which it is known. GCC High
// and DoD share theirs, but for their mail hosts; issuers at sts.windows.net
// are those of several.
type nation struct {
	name     string
	clouds   []exoauth.Cloud
	suffixes []string // of hosts and of tenant domains
}

var nations = []nation{
	{"the worldwide cloud", []exoauth.Cloud{exoauth.Global}, []string{
		"office365.com", "office.com", "outlook.com", "microsoftonline.com", "onmicrosoft.com"}},
	{"the US government cloud", []exoauth.Cloud{exoauth.GCCHigh, exoauth.DoD}, []string{
		"office365.us", "microsoftonline.us", "onmicrosoft.us", "apps.mil"}},
	{"the cloud operated by 21Vianet in China", []exoauth.Cloud{exoauth.China}, []string{
		"partner.outlook.cn", "microsoftonline.cn", "chinacloudapi.cn", "onmschina.cn"}},
}

// nationOf returns the cloud that a host, URL or tenant domain belongs to, or
// nil if that does not show.
func nationOf(name string) *nation {
	host := hostOf(name)
	for i, n := range nations {
		if slices.ContainsFunc(n.suffixes, func(suffix string) bool {
			return host == suffix || strings.HasSuffix(host, "."+suffix)
		}) {
			return &nations[i]
		}
	}
	return nil
}

// hostOf returns the host in a URL, a host:port or a name, in lower case.
func hostOf(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	if _, rest, ok := strings.Cut(name, "://"); ok {
		name = rest
	}
	name, _, _ = strings.Cut(name, "/")
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	return name
}

// exchangeID is the application ID of Office 365 Exchange Online, which is an
// audience too.
const exchangeID = "00000002-0000-0ff1-ce00-000000000000"

var graphHosts = []string{
	"graph.microsoft.com", "graph.microsoft.us", "dod-graph.microsoft.us",
	"microsoftgraph.chinacloudapi.cn", "00000003-0000-0000-c000-000000000000", "graph.windows.net",
	"00000002-0000-0000-c000-000000000000",
}

func isGraph(resource string) bool { return slices.Contains(graphHosts, hostOf(resource)) }

// isExchange reports whether a resource is Exchange Online in some cloud.
func isExchange(resource string) bool {
	host := hostOf(resource)
	return host == exchangeID || slices.ContainsFunc(exoauth.Clouds(), func(c exoauth.Cloud) bool {
		return host == hostOf(c.Resource) || host == hostOf(c.UserResource)
	})
}

// mismatch returns two of the settings, or a setting and the token, that
// belong to different clouds; "" where all that show one agree.
func (s *situation) mismatch() (these, those string) {
	names := []string{s.Cloud.Authority, s.Cloud.IMAP, s.Cloud.SMTP, s.Cloud.Resource, s.Tenant}
	if domain := domainOf(s.Mailbox); !consumerDomain(domain) {
		names = append(names, domain)
	}
	if s.claims != nil {
		names = append(names, s.claims.issuer)
		names = append(names, s.claims.audience...)
	}
	var first *nation
	for _, name := range names {
		n := nationOf(name)
		switch {
		case n == nil:
		case first == nil:
			first, these = n, hostOf(name)
		case n != first:
			return these, hostOf(name)
		}
	}
	return "", ""
}

func domainOf(address string) string {
	_, domain, _ := strings.Cut(address, "@")
	return strings.ToLower(domain)
}

// consumerDomains are those of Microsoft's accounts for consumers: names, and
// the ends under which there are mailboxes.
var consumerDomains = map[string]string{
	"outlook": "com at be cl cz de dk es fr hu ie in it jp kr lv my ph pt sa sg sk co.id co.il co.th com.ar com.au com.br com.gr com.tr com.vn",
	"hotmail": "com at be ca ch cl cz de dk es fi fr gr hu it lt lv my nl no ph rs se sg sk co.at co.id co.il co.in co.jp co.kr co.nz co.th co.uk co.za com.ar com.au com.br com.hk com.tr com.tw com.vn",
	"live":    "com at be ca cl cn de dk fi fr hk ie in it jp nl no ph pt ru se co.in co.kr co.uk co.za com.ar com.au com.mx com.my com.ph com.pt com.sg",
	"msn":     "com", "passport": "com", "windowslive": "com", "livemail": "tw",
}

// consumerDomain knows the addresses of Microsoft's accounts for consumers. It is
// not for hosts.
func consumerDomain(domain string) bool {
	name, end, _ := strings.Cut(strings.ToLower(domain), ".")
	return slices.Contains(strings.Fields(consumerDomains[name]), end)
}
