package settings

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"slices"
	"strings"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/internal/smallfile"
)

var clouds = map[string]exoauth.Cloud{"global": exoauth.Global, "gcchigh": exoauth.GCCHigh, "dod": exoauth.DoD, "china": exoauth.China}

// cloud returns a Cloud without empty fields.
func (s *Settings) cloud() (exoauth.Cloud, error) {
	cloud, known := exoauth.Global, true
	switch {
	case s.Cloud != "" && s.Authority != "":
		return cloud, s.bad("authority", "", "set together with "+s.name("cloud"), "remove one of them")
	case s.Cloud != "":
		if cloud, known = clouds[strings.ToLower(s.Cloud)]; !known {
			return cloud, s.bad("cloud", s.Cloud, "unknown", "set it to global, gcchigh, dod or china")
		}
	case s.Authority != "":
		cloud.Authority = s.Authority
		for _, c := range exoauth.Clouds() {
			if strings.EqualFold(c.Authority, strings.TrimRight(s.Authority, "/")) {
				cloud = c
				break
			}
		}
	}
	if s.Resource != "" {
		cloud.Resource, cloud.UserResource = s.Resource, s.Resource
	}
	for _, host := range []struct {
		json, value string
		to          *string
	}{{"imap", s.IMAP, &cloud.IMAP}, {"pop", s.POP, &cloud.POP}, {"smtp", s.SMTP, &cloud.SMTP}} {
		if host.value == "" {
			continue
		}
		if name, port, err := net.SplitHostPort(host.value); err != nil || name == "" || port == "" {
			return cloud, s.bad(host.json, host.value, "not a host and a port", "set it to host:port")
		}
		*host.to = host.value
	}
	return cloud, nil
}

// Servers returns where the mail servers are, and what a dialer needs to trust
// them: nil means the machine's own authorities. If the Authority is none of
// Microsoft's, IMAP, POP and SMTP must be set, or the token of a test would go to
// Exchange Online. The errors are those of [Settings.Source].
func (s Settings) Servers() (exoauth.Cloud, *tls.Config, error) {
	cloud, err := s.cloud()
	if err != nil {
		return exoauth.Cloud{}, nil, err
	}
	if known := slices.ContainsFunc(exoauth.Clouds(), func(c exoauth.Cloud) bool { return c.Authority == cloud.Authority }); !known {
		if err := s.need(s.name("authority")+", which is not Microsoft's", "imap", "pop", "smtp"); err != nil {
			return exoauth.Cloud{}, nil, err
		}
	}
	trust, err := s.trust()
	if err != nil {
		return exoauth.Cloud{}, nil, err
	}
	return cloud, trust, nil
}

// trust returns nil if the authorities of this machine will do.
func (s *Settings) trust() (*tls.Config, error) {
	roots := s.RootCAs
	if s.CAFile != "" && roots == nil {
		pem, err := smallfile.Read(s.CAFile)
		if err != nil {
			return nil, s.unreadable("ca_file", s.CAFile, err)
		}
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, s.bad("ca_file", s.CAFile, "has no certificate in PEM", "check that it is the right file")
		}
	}
	if roots == nil {
		return nil, nil
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, nil
}
