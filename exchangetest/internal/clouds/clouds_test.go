package clouds

import (
	"maps"
	"slices"
	"testing"

	"github.com/exoauth/exoauth"
)

func TestHosts(t *testing.T) {
	imap, smtp := MailHosts()
	for _, test := range []struct {
		what string
		got  map[string]bool
		want []string
	}{
		{"Entra ID", LoginHosts(), []string{"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"}},
		{"Entra ID, by any name", LoginAliases(), []string{
			"login-us.microsoftonline.com", "login.chinacloudapi.cn", "login.microsoft.com", "login.microsoftonline.com", "login.microsoftonline.de",
			"login.microsoftonline.us", "login.partner.microsoftonline.cn", "login.usgovcloudapi.net", "login.windows.net", "sts.windows.net",
		}},
		{"IMAP", imap, []string{"imap-mail.outlook.com", "outlook-dod.office365.us", "outlook.office365.com", "outlook.office365.us", "partner.outlook.cn"}},
		{"SMTP", smtp, []string{"outlook-dod.office365.us", "smtp-mail.outlook.com", "smtp.office365.com", "smtp.office365.us", "smtp.partner.outlook.cn"}},
	} {
		if got := slices.Sorted(maps.Keys(test.got)); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.what, got, test.want)
		}
	}
}

func TestServers(t *testing.T) {
	got := Servers()
	if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Errorf("out of order, or twice: %q", got)
	}
	for _, name := range []string{HVEHost, OldHVEHost, LoginHost(exoauth.China), "imap-mail.outlook.com", "smtp-mail.outlook.com", "outlook-dod.office365.us"} {
		if !slices.Contains(got, name) {
			t.Errorf("%s is not among %q", name, got)
		}
	}
}

func TestIsExchange(t *testing.T) {
	global, us := LoginHost(exoauth.Global), LoginHost(exoauth.GCCHigh)
	for _, test := range []struct {
		resource, login string
		anywhere, there bool
	}{
		{"https://outlook.office365.com", global, true, true},
		{"https://outlook.office365.com/", global, true, true},
		{"https://outlook.office.com", global, true, true},
		{"https://outlook.office365.com", us, true, false},
		{"https://outlook.office365.us", us, true, true},
		{"https://outlook-dod.office365.us", us, true, true}, // which shares Entra ID's name
		{"https://partner.outlook.cn", us, true, false},
		{"https://partner.outlook.cn", "", true, false},
		{"https://graph.microsoft.com", global, false, false},
		{"https://outlook.office365.com/x", global, false, false},
		{"outlook.office365.com", global, false, false},
		{"", global, false, false},
	} {
		if got := IsExchange(test.resource); got != test.anywhere {
			t.Errorf("%s: %v", test.resource, got)
		}
		if got := IsExchangeAt(test.login, test.resource); got != test.there {
			t.Errorf("%s at %q: %v", test.resource, test.login, got)
		}
	}
	if got := LoginHost(exoauth.Cloud{}); got != "" {
		t.Errorf("no cloud is at %q", got)
	}
}
