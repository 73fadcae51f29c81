package diagnose

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
)

// A proxy that the machine trusts shows in the issuer alone.
func TestDescribeTLS(t *testing.T) {
	state := func(issuer pkix.Name) tls.ConnectionState {
		return tls.ConnectionState{Version: tls.VersionTLS13, PeerCertificates: []*x509.Certificate{{Issuer: issuer}}}
	}
	digicert, proxy := pkix.Name{Organization: []string{"DigiCert Inc"}}, pkix.Name{CommonName: "Contoso Proxy CA"}
	for _, test := range []struct {
		name   string
		addr   string
		config *tls.Config
		issuer pkix.Name
		seen   string // "" for an error
	}{
		{"Microsoft's host, DigiCert", "outlook.office365.com:993", nil, digicert, "outlook.office365.com, TLS 1.3 (DigiCert Inc)"},
		{"Microsoft's host, a proxy", "outlook.office365.com:993", nil, proxy, ""},
		{"China's host, a proxy", "partner.outlook.cn:993", nil, proxy, ""},
		{"own roots", "outlook.office365.com:993", &tls.Config{RootCAs: x509.NewCertPool()}, proxy, "outlook.office365.com, TLS 1.3 (Contoso Proxy CA)"},
		{"another host", "mail.contoso.com:993", nil, proxy, "mail.contoso.com, TLS 1.3 (Contoso Proxy CA)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &run{Check: Check{TLSConfig: test.config}}
			seen, err := r.describeTLS(test.addr, state(test.issuer))
			if seen != test.seen || (err != nil) != (test.seen == "") {
				t.Errorf("%q, %v, want %q", seen, err, test.seen)
			}
			if err != nil && (len(Explain(err, Subject{})) == 0 || Explain(err, Subject{})[0].Rule != "intercepted") {
				t.Errorf("%v is not explained", err)
			}
		})
	}
}
