package diagnose

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"slices"
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

// Each rule is complete, and its placeholders are known.
func TestRules(t *testing.T) {
	for _, table := range tables {
		for _, r := range table {
			if r.name == "" || r.cause == "" || r.remedy == "" || r.who == "" || r.source == "" || r.confidence == 0 {
				t.Errorf("%s lacks something", r.name)
			}
			if (r.seen == "") == (len(r.codes) == 0) {
				t.Errorf("%s has both a symptom and codes, or neither", r.name)
			}
			texts := []string{r.cause, r.evidence, r.remedy}
			for _, c := range r.commands {
				texts = append(texts, c.Text)
			}
			s := newSituation(Subject{})
			for _, text := range texts {
				for _, p := range placeholder.FindAllString(text, -1) {
					if _, unknown := s.value(p[1 : len(p)-1]); unknown == p {
						t.Errorf("%s: nobody knows what %s stands for", r.name, p)
					}
				}
			}
		}
	}
}

// A code has one meaning, but for those that are told apart by conditions.
func TestCodesOnce(t *testing.T) {
	toldApart := []int{700016, 700023}
	seen := make(map[int]string)
	for _, r := range entraRules {
		for _, code := range r.codes {
			if other, ok := seen[code]; ok && !slices.Contains(toldApart, code) {
				t.Errorf("%d is in %s and %s", code, other, r.name)
			}
			seen[code] = r.name
		}
	}
}

// Each symptom that a rule waits for has a sign, and each sign a rule.
func TestSigns(t *testing.T) {
	rules := make(map[symptom]bool)
	for _, table := range tables {
		for _, r := range table {
			rules[r.seen] = true
		}
	}
	signed := map[symptom]bool{anything: true, judged: true, settingWrong: true, unknownRefusal: true, "": true}
	for _, s := range signs {
		signed[s.symptom] = true
		if !rules[s.symptom] {
			t.Errorf("no rule for %q", s.symptom)
		}
	}
	for s := range rules {
		if !signed[s] {
			t.Errorf("no sign of %q", s)
		}
	}
}
