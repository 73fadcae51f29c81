package diagnose

import (
	"slices"
	"strings"

	"github.com/exoauth/exoauth"
)

// environments are the names of the clouds in the shells, "" for none: in
// Connect-ExchangeOnline, Connect-MgGraph and az cloud set.
// (https://learn.microsoft.com/powershell/exchange/connect-to-exchange-online-powershell)
var environments = map[string]struct{ exchange, graph, azure string }{
	exoauth.GCCHigh.IMAP: {"O365USGovGCCHigh", "USGov", "AzureUSGovernment"},
	exoauth.DoD.IMAP:     {"O365USGovDoD", "USGovDoD", "AzureUSGovernment"},
	exoauth.China.IMAP:   {"O365China", "China", "AzureChinaCloud"},
}

// connected puts before the commands of a shell what connects it to the cloud
// that was meant, so that they run as they are pasted. Those for Microsoft Graph
// have their own, which names the permissions.
func (s *situation) connected(commands []Command) []Command {
	in := environments[s.home().IMAP]
	var all, open []Command
	for _, c := range commands {
		switch {
		case c.Shell == ExchangePowerShell:
			open = []Command{{c.Shell, option("Connect-ExchangeOnline", "-ExchangeEnvironmentName", in.exchange)}}
		case c.Shell == GraphPowerShell && strings.HasPrefix(c.Text, "Connect-MgGraph"):
			c.Text = option(c.Text, "-Environment", in.graph)
			open = nil
		case c.Shell == AzureCLI:
			open = []Command{{c.Shell, "az login --allow-no-subscriptions"}}
			if in.azure != "" {
				open = append([]Command{{c.Shell, "az cloud set --name " + in.azure}}, open...)
			}
		default:
			open = nil
		}
		if !slices.ContainsFunc(all, func(done Command) bool { return done.Shell == c.Shell }) {
			all = append(all, open...)
		}
		all = append(all, c)
	}
	return all
}

func option(command, name, value string) string {
	if value == "" {
		return command
	}
	return command + " " + name + " " + value
}
