package diagnose

import (
	"testing"

	"github.com/exoauth/exoauth"
)

func TestConsumerDomain(t *testing.T) {
	for domain, want := range map[string]bool{
		"outlook.com": true, "Hotmail.co.uk": true, "live.de": true, "msn.com": true, "windowslive.com": true, "outlook.com.br": true,
		"live.unc.edu": false, "outlook.contoso.com": false, "hotmail.contoso.com": false, "contoso.com": false, "outlook.office365.com": false,
		"msn.de": false, "live": false, "": false,
	} {
		if got := consumerDomain(domain); got != want {
			t.Errorf("%q: %t", domain, got)
		}
	}
}

// A host of another cloud is noticed, and a personal account is in no cloud.
func TestMismatchOfHosts(t *testing.T) {
	for _, test := range []struct {
		about Subject
		want  string
	}{
		{Subject{Cloud: exoauth.Cloud{IMAP: "outlook.office365.us:993"}}, "outlook.office365.us"},
		{Subject{Cloud: exoauth.GCCHigh}, ""},
		{Subject{Cloud: exoauth.DoD}, ""},
		{Subject{Cloud: exoauth.China, Mailbox: "a@outlook.com"}, ""},
		{Subject{Mailbox: "a@contoso.partner.onmschina.cn"}, "contoso.partner.onmschina.cn"},
	} {
		if _, those := newSituation(test.about).mismatch(); those != test.want {
			t.Errorf("%v: %q, want %q", test.about, those, test.want)
		}
	}
}

// The hosts that are printed are those of the cloud that was meant.
func TestHome(t *testing.T) {
	for _, test := range []struct {
		about Subject
		want  exoauth.Cloud
	}{
		{Subject{}, exoauth.Global},
		{Subject{Cloud: exoauth.GCCHigh}, exoauth.GCCHigh},
		{Subject{Cloud: exoauth.DoD}, exoauth.DoD},
		{Subject{Cloud: exoauth.China}, exoauth.China},
		{Subject{Cloud: exoauth.Cloud{IMAP: "127.0.0.1:143", SMTP: "127.0.0.1:25"}}, exoauth.Global},
		{Subject{Tenant: "contoso.partner.onmschina.cn"}, exoauth.China},
		{Subject{Cloud: exoauth.Cloud{Authority: exoauth.GCCHigh.Authority + "/x", IMAP: "outlook.office365.us", SMTP: "x", Resource: exoauth.GCCHigh.Resource}}, exoauth.GCCHigh},
	} {
		if got := newSituation(test.about).home(); got.IMAP != test.want.IMAP || got.SMTP != test.want.SMTP {
			t.Errorf("%v: %s, want %s", test.about, got.IMAP, test.want.IMAP)
		}
	}
}
