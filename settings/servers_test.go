package settings_test

import (
	"crypto/x509"
	"errors"
	"testing"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/settings"
	"github.com/exoauth/exoauth/tokensource"
)

// What comes of the settings of a server. What is wrong leads nowhere.
func TestServers(t *testing.T) {
	w := newWorld(t)
	const own = "authority=https://login.example.com imap=i.example.com:993 pop=p.example.com:995 smtp=s.example.com:587"
	dodLike := exoauth.DoD
	dodLike.Resource, dodLike.UserResource = exoauth.GCCHigh.Resource, exoauth.GCCHigh.Resource
	moved := exoauth.Global
	moved.IMAP = "localhost:1993"
	nowhere := exoauth.Cloud{IMAP: "imap-not-set.invalid:993", POP: "pop-not-set.invalid:995", SMTP: "smtp-not-set.invalid:587"}
	for _, row := range []struct {
		name, set string
		want      exoauth.Cloud
		nobody    bool // is trusted
	}{
		{"nothing", "", exoauth.Global, false},
		{"global", "cloud=global", exoauth.Global, false},
		{"GCC High", "cloud=gcchigh", exoauth.GCCHigh, false},
		{"DoD", "cloud=dod", exoauth.DoD, false},
		{"China, in capitals", "cloud=China", exoauth.China, false},
		{"the authority of the world", "authority=https://login.microsoftonline.com/", exoauth.Global, false},
		{"the authority of the US Government", "authority=https://login.microsoftonline.us/", exoauth.GCCHigh, false},
		{"the authority of China, in capitals", "authority=https://LOGIN.partner.microsoftonline.cn", exoauth.China, false},
		{"another resource", "cloud=dod resource=https://outlook.office365.us", dodLike, false},
		{"another server of a cloud", "imap=localhost:1993", moved, false},
		{"an authority of one's own", own, exoauth.Cloud{
			Authority: "https://login.example.com", Resource: exoauth.Global.Resource, UserResource: exoauth.Global.UserResource,
			IMAP: "i.example.com:993", POP: "p.example.com:995", SMTP: "s.example.com:587",
		}, false},
		{"an authority of one's own alone", "authority=https://login.example.com", exoauth.Cloud{
			Authority: "https://login.example.com", Resource: exoauth.Global.Resource, UserResource: exoauth.Global.UserResource,
			IMAP: nowhere.IMAP, POP: nowhere.POP, SMTP: nowhere.SMTP,
		}, false},
		{"an unknown cloud", "cloud=mars", nowhere, true},
		{"a cloud and an authority", "cloud=global authority=https://login.microsoftonline.com", nowhere, true},
		{"a host without a port", "imap=mail.example.com", nowhere, true},
		{"no such file of authorities", "ca_file=nothing", nowhere, true},
	} {
		cloud, trust := fromJSON(t, w.values(row.set)).Servers()
		if cloud != row.want || (trust != nil) != row.nobody || row.nobody && !trust.RootCAs.Equal(x509.NewCertPool()) {
			t.Errorf("%s: %+v, %v", row.name, cloud, trust)
		}
	}
}

func TestUnknownCloudListsTheKnownOnes(t *testing.T) {
	_, err := settings.Settings{Tenant: "contoso.com", ClientID: "a", Cloud: "mars"}.Config()
	const want = `tokensource: the setting cloud is "mars": unknown; set it to global, gcchigh, dod or china`
	if err == nil || err.Error() != want {
		t.Errorf("error %v", err)
	}
}

// Nobody but the authority in the file is trusted.
func TestCAFile(t *testing.T) {
	w := newWorld(t)
	for name, s := range map[string]settings.Settings{
		"file":    fromJSON(t, w.values("ca_file=ca.pem")),
		"content": {RootCAs: w.TLSConfig().RootCAs},
	} {
		if _, trust := s.Servers(); !trust.RootCAs.Equal(w.TLSConfig().RootCAs) {
			t.Errorf("%s: %v", name, trust)
		}
	}
}

// A program's own servers go with no setting of others.
func TestCustom(t *testing.T) {
	own := exoauth.Cloud{Authority: "https://login.example.com", IMAP: "i.example.com:993"}
	if cloud, _ := (settings.Settings{Custom: own}).Servers(); cloud != own.WithDefaults() {
		t.Errorf("%+v", cloud)
	}
	for tag, s := range map[string]settings.Settings{
		"cloud": {Cloud: "china"}, "authority": {Authority: own.Authority}, "resource": {Resource: "r"},
		"imap": {IMAP: own.IMAP}, "pop": {POP: "p:1"}, "smtp": {SMTP: "s:1"},
	} {
		s.Tenant, s.ClientID, s.Custom = "contoso.com", "a", own
		_, err := s.Config()
		if bad, ok := errors.AsType[*tokensource.ConfigError](err); !ok || bad.Field != tag {
			t.Errorf("%s: %v", tag, err)
		}
	}
}
