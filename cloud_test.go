package exoauth

import (
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestCloudsAreWellFormed(t *testing.T) {
	clouds := Clouds()
	if len(clouds) != 4 || clouds[0] != Global {
		t.Fatalf("Clouds() = %+v; want four, Global first", clouds)
	}
	clouds = append(clouds, HighVolumeEmail, CommunicationServices)
	ports := map[string]string{"IMAP": "993", "POP": "995", "SMTP": "587"}
	for i, c := range clouds {
		if slices.Contains(clouds[i+1:], c) {
			t.Errorf("%s is there twice", c.SMTP)
		}
		if c.WithDefaults() != c {
			t.Errorf("%s lacks something", c.SMTP)
		}
		for name, value := range map[string]string{"Authority": c.Authority, "Resource": c.Resource, "UserResource": c.UserResource} {
			u, err := url.Parse(value)
			if err != nil || value != "https://"+u.Host || u.Port() != "" || !strings.Contains(u.Host, ".") {
				t.Errorf("%s: %s %q is not https and a host alone", c.IMAP, name, value)
			}
		}
		for name, value := range map[string]string{"IMAP": c.IMAP, "POP": c.POP, "SMTP": c.SMTP} {
			host, port, err := net.SplitHostPort(value)
			if err != nil || port != ports[name] || !strings.Contains(host, ".") {
				t.Errorf("%s %q is not a host with port %s", name, value, ports[name])
			}
		}
	}
}

func TestCloudsIsACopy(t *testing.T) {
	Clouds()[0].IMAP = "changed"
	if got := Clouds()[0]; got != Global || Global.IMAP == "changed" {
		t.Error("changing what Clouds returned changed Global")
	}
}

func TestWithDefaults(t *testing.T) {
	own := Cloud{Authority: "https://a.example.com", Resource: "https://r.example.com", UserResource: "https://u.example.com", IMAP: "i:1", POP: "p:2", SMTP: "s:3"}
	with := func(change func(*Cloud)) Cloud {
		c := Global
		change(&c)
		return c
	}
	tests := []struct {
		name     string
		in, want Cloud
	}{
		{"zero", Cloud{}, Global},
		{"complete", own, own},
		{"another known cloud", China, China},
		{"only an address", Cloud{IMAP: "127.0.0.1:1993"}, with(func(c *Cloud) { c.IMAP = "127.0.0.1:1993" })},
		{"only an authority", Cloud{Authority: "https://a.example.com"}, with(func(c *Cloud) { c.Authority = "https://a.example.com" })},
		{"a resource serves users too", Cloud{Resource: "https://r.example.com"}, with(func(c *Cloud) {
			c.Resource, c.UserResource = "https://r.example.com", "https://r.example.com"
		})},
		{"a user resource serves only users", Cloud{UserResource: "https://u.example.com"}, with(func(c *Cloud) { c.UserResource = "https://u.example.com" })},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := test.in
			if got := test.in.WithDefaults(); got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
			if test.in != before {
				t.Error("the receiver was changed")
			}
		})
	}
}

func TestScopes(t *testing.T) {
	tests := []struct {
		name      string
		cloud     Cloud
		app, imap string
	}{
		{"Global", Global, "https://outlook.office365.com/.default", "https://outlook.office.com/IMAP.AccessAsUser.All"},
		{"GCCHigh", GCCHigh, "https://outlook.office365.us/.default", "https://outlook.office365.us/IMAP.AccessAsUser.All"},
		{"DoD", DoD, "https://outlook-dod.office365.us/.default", "https://outlook-dod.office365.us/IMAP.AccessAsUser.All"},
		{"China", China, "https://partner.outlook.cn/.default", "https://partner.outlook.cn/IMAP.AccessAsUser.All"},
		{"final slashes", Cloud{Resource: "https://r.example.com/", UserResource: "https://u.example.com/"}, "https://r.example.com/.default", "https://u.example.com/IMAP.AccessAsUser.All"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.cloud.AppScope(); got != test.app {
				t.Errorf("AppScope() = %q, want %q", got, test.app)
			}
			if got := test.cloud.UserScope("IMAP.AccessAsUser.All"); got != test.imap {
				t.Errorf("UserScope = %q, want %q", got, test.imap)
			}
		})
	}
}
