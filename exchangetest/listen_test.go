package exchangetest

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
)

// Each address that is given is listened on, and the name that is given is in
// everything that clients are told.
func TestListen(t *testing.T) {
	free := func() string {
		ln := listen(freePort)
		defer ln.Close()
		return ln.Addr().String()
	}
	given := Addrs{Entra: free(), IMAP: free(), IMAPStartTLS: free(), POP: free(), POPStartTLS: free(), SMTP: free(), HVE: free()}
	for name, want := range map[string]string{"": "127.0.0.1", "localhost": "localhost", "127.0.0.2": "127.0.0.2", "mail.example.com": "mail.example.com"} {
		t.Run(name, func(t *testing.T) {
			s := NewUnstartedServer()
			s.Listen, s.Name = given, name
			s.Start()
			defer s.Close()
			named := func(addr string) string { return strings.Replace(addr, "127.0.0.1", want, 1) }
			if got, want := s.Addrs(), (Addrs{named(given.Entra), named(given.IMAP), named(given.IMAPStartTLS), named(given.POP), named(given.POPStartTLS), named(given.SMTP), named(given.HVE)}); got != want {
				t.Errorf("addresses %v, want %v", got, want)
			}
			cloud := s.Cloud()
			if cloud.Authority != "https://"+named(given.Entra) || cloud.IMAP != named(given.IMAP) || cloud.POP != named(given.POP) || cloud.SMTP != named(given.SMTP) {
				t.Errorf("cloud %+v", cloud)
			}
			for _, addr := range []string{given.Entra, given.IMAP, given.POP} {
				config := s.TLSConfig()
				config.ServerName = want
				conn, err := tls.Dial("tcp", addr, config)
				if err != nil {
					t.Fatal(err)
				}
				conn.Close()
			}
			resp, err := s.HTTPClient().Get("https://" + given.Entra + "/common/v2.0/.well-known/openid-configuration")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			document, err := io.ReadAll(resp.Body)
			if err != nil || !strings.Contains(string(document), `"https://`+given.Entra+`/common/oauth2/v2.0/token"`) {
				t.Errorf("%v, %s", err, document)
			}
		})
	}
}

// The address that is in use is named.
func TestListenInUse(t *testing.T) {
	other := listen(freePort)
	defer other.Close()
	s := NewUnstartedServer()
	defer s.Close()
	s.Listen.SMTP = other.Addr().String()
	defer func() {
		if reason, _ := recover().(string); !strings.Contains(reason, other.Addr().String()) {
			t.Errorf("reason %q", reason)
		}
	}()
	s.Start()
}

// A server on every address tells clients of loopback.
func TestListenEverywhere(t *testing.T) {
	s := NewUnstartedServer()
	s.Listen.IMAP = "0.0.0.0:0"
	s.Start()
	defer s.Close()
	if host, _, _ := net.SplitHostPort(s.Cloud().IMAP); host != "127.0.0.1" {
		t.Errorf("address %s", s.Cloud().IMAP)
	}
}
