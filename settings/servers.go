package settings

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/internal/smallfile"
)

// clouds are the values of Settings.Cloud, in lower case.
var clouds = map[string]exoauth.Cloud{"global": exoauth.Global, "gcchigh": exoauth.GCCHigh, "dod": exoauth.DoD, "china": exoauth.China}

// Servers returns the addresses of the mail servers, and the TLS configuration
// for a dialer. A nil configuration means the certificate authorities that the
// machine trusts.
//
// Call Servers after [Settings.Source] or [Settings.Config], which report
// errors in the settings. If there is one, Servers returns hosts that do not
// exist and a configuration that trusts no certificate, so that no token goes
// to a wrong server. If Authority is not an address of Microsoft's, the hosts
// of IMAP, POP and SMTP do not exist unless they are set, since the token of a
// test must not go to Exchange Online.
func (s Settings) Servers() (exoauth.Cloud, *tls.Config) {
	cloud, err := s.cloud()
	trust, untrusted := s.trust()
	if err != nil || untrusted != nil {
		cloud, trust = notSet, &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	}
	return cloud, trust
}

// notSet has hosts that do not exist, since no name ends in .invalid. (RFC 6761
// §6.4)
var notSet = exoauth.Cloud{IMAP: "imap-not-set.invalid:993", POP: "pop-not-set.invalid:995", SMTP: "smtp-not-set.invalid:587"}

// cloud returns a Cloud without empty fields.
func (s *Settings) cloud() (exoauth.Cloud, error) {
	if s.Custom != (exoauth.Cloud{}) {
		for _, json := range []string{"cloud", "authority", "resource", "imap", "pop", "smtp"} {
			if s.has(json) {
				return exoauth.Cloud{}, s.bad(json, "", "set, but the program has servers of its own", "remove it")
			}
		}
		return s.Custom.WithDefaults(), nil
	}
	cloud, err := s.named()
	if err != nil {
		return cloud, err
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

// named returns the cloud with the name Cloud, or with the address Authority.
func (s *Settings) named() (exoauth.Cloud, error) {
	switch {
	case s.Cloud != "" && s.Authority != "":
		return exoauth.Cloud{}, s.bad("authority", "", "set together with "+s.name("cloud"), "remove one of them")
	case s.Cloud != "":
		cloud, known := clouds[strings.ToLower(s.Cloud)]
		if !known {
			return cloud, s.bad("cloud", s.Cloud, "unknown", "set it to global, gcchigh, dod or china")
		}
		return cloud, nil
	case s.Authority != "":
		for _, cloud := range exoauth.Clouds() {
			if strings.EqualFold(cloud.Authority, strings.TrimRight(s.Authority, "/")) {
				return cloud, nil
			}
		}
		cloud := notSet
		cloud.Authority, cloud.Resource, cloud.UserResource = s.Authority, exoauth.Global.Resource, exoauth.Global.UserResource
		return cloud, nil
	}
	return exoauth.Global, nil
}

// trust returns nil if the certificate authorities of this machine will do.
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
