package settings_test

import (
	"errors"
	"testing"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/settings"
	"github.com/exoauth/exoauth/tokensource"
)

// What comes of the settings of a server: whose cloud it is, or what is wrong.
func TestServers(t *testing.T) {
	w := newWorld(t)
	const own = "authority=https://login.example.com imap=i.example.com:993 pop=p.example.com:995 smtp=s.example.com:587"
	dodLike := exoauth.DoD
	dodLike.Resource, dodLike.UserResource = exoauth.GCCHigh.Resource, exoauth.GCCHigh.Resource
	moved := exoauth.Global
	moved.IMAP = "localhost:1993"
	for _, row := range []struct {
		name, set string
		want      exoauth.Cloud
		wrong     string
	}{
		{"nothing", "", exoauth.Global, ""},
		{"global", "cloud=global", exoauth.Global, ""},
		{"GCC High", "cloud=gcchigh", exoauth.GCCHigh, ""},
		{"DoD", "cloud=dod", exoauth.DoD, ""},
		{"China, in capitals", "cloud=China", exoauth.China, ""},
		{"the authority of the world", "authority=https://login.microsoftonline.com/", exoauth.Global, ""},
		{"the authority of the US Government", "authority=https://login.microsoftonline.us/", exoauth.GCCHigh, ""},
		{"the authority of China, in capitals", "authority=https://LOGIN.partner.microsoftonline.cn", exoauth.China, ""},
		{"another resource", "cloud=dod resource=https://outlook.office365.us", dodLike, ""},
		{"another server of a cloud", "imap=localhost:1993", moved, ""},
		{"an authority of one's own", own, exoauth.Cloud{
			Authority: "https://login.example.com", Resource: exoauth.Global.Resource, UserResource: exoauth.Global.UserResource,
			IMAP: "i.example.com:993", POP: "p.example.com:995", SMTP: "s.example.com:587",
		}, ""},
		{"an authority of one's own without IMAP", "authority=https://login.example.com pop=p.example.com:995 smtp=s.example.com:587", exoauth.Cloud{}, "imap: not set"},
		{"an authority of one's own without POP", "authority=https://login.example.com imap=i.example.com:993 smtp=s.example.com:587", exoauth.Cloud{}, "pop: not set"},
		{"an authority of one's own without SMTP", "authority=https://login.example.com imap=i.example.com:993 pop=p.example.com:995", exoauth.Cloud{}, "smtp: not set"},
		{"an unknown cloud", "cloud=mars", exoauth.Cloud{}, "cloud: unknown"},
		{"no such file of authorities", "ca_file=nothing", exoauth.Cloud{}, "ca_file: cannot be read"},
	} {
		cloud, trust, err := fromJSON(t, w.values(row.set)).Servers()
		wrong := ""
		if bad, ok := errors.AsType[*tokensource.ConfigError](err); ok {
			wrong = bad.Field + ": " + bad.Problem
		}
		if cloud != row.want || trust != nil || wrong != row.wrong {
			t.Errorf("%s: %+v, %v, %v", row.name, cloud, trust, err)
		}
	}
}

func TestUnknownCloudListsTheKnownOnes(t *testing.T) {
	_, _, err := settings.Settings{Cloud: "mars"}.Servers()
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
		_, trust, err := s.Servers()
		if err != nil || !trust.RootCAs.Equal(w.TLSConfig().RootCAs) {
			t.Errorf("%s: %v, %v", name, trust, err)
		}
	}
}
